"""What works with one model: what `python -m compute models --check MODEL` prints."""

import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from compute.checks.bench import most_memory
from compute.checks.verify import measured
from compute.estimation.noise_levels import NoiseLevels
from compute.models import parity, registry
from compute.models.weights import memory
from store.jobs.choice import ModelChoice
from store.words import find_word

PROMPT, WORDS = "red apple", ("red", "apple")
STEPS, NOISES = 4, 16  # of the image and of the pair: enough to see that numbers come
BATCH = 8  # evaluations at once


def findings(model: str, dtype: str | None, device: str | None, cache: Path | None) -> Iterator[tuple[str, str]]:
    """Load `model`, and yield what was found out and what it is, as it is found: seconds and memory last.

    Raises
    ------
    InputError: it cannot be loaded or measured.
    """
    choice = ModelChoice.parse(model)
    saved = registry.locate(choice.model, None, choice.variant, choice.config)
    yield "pipeline", saved.family
    place = torch.device(device or ("cuda" if torch.cuda.is_available() else "cpu"))
    yield "memory of the weights", memory.check(saved, registry.dtype_of(choice, dtype), place, choice)
    clock = _Clock()
    denoiser = registry.load(model, None, dtype, device, cache)
    yield "name", denoiser.name
    yield "revision", denoiser.revision
    yield "predictions", f"as its pipeline's own within {parity.check(denoiser, cache):.1g}"
    channels, height, width = denoiser.latent_shape
    levels = denoiser.log_snr[denoiser.log_snr.isfinite()]
    yield "latents", f"{channels} channels of {height} x {width}; log SNR {levels.min():.1f} to {levels.max():.1f}"
    readers = [f"{type(reader.tokenizer).__name__} {reader.limit}" for reader in denoiser.readers]
    yield "tokens of a prompt", ", ".join(readers)
    yield "usual guidance", f"{denoiser.usual_guidance:g}"
    clock.lap("load and compare")
    latent = denoiser.generate(PROMPT, [0], denoiser.usual_guidance, STEPS)[0]
    clock.lap(f"an image of {STEPS} steps")
    maps = measured(denoiser, NoiseLevels.of(denoiser.log_snr), PROMPT, latent, NOISES, 0, BATCH).maps.maps
    clock.lap("the pair")
    finite = all(np.isfinite(values).all() for values in maps.values())
    yield f"a pair, {NOISES} noises", "finite maps" if finite else "values that are not finite"
    recorder = denoiser.attention(PROMPT, [find_word(PROMPT, word) for word in WORDS])
    yield "maps beside it", "no attention map for this model" if recorder is None else ", ".join(recorder.kinds)
    again = denoiser.encode_image(denoiser.decode(latent[None])[0])[0]
    yield "own image", f"yes; a latent comes back with correlation {_correlation(latent, again):.2f}"
    yield "LoRA", "yes" if hasattr(denoiser.pipeline, "lora_state_dict") else "its pipeline takes none"
    clock.lap("the rest")
    yield "seconds", ", ".join(f"{name} {seconds:.1f}" for name, seconds in clock.laps.items())
    yield "memory at most", f"{_most_memory(place) / 1024:.1f} GiB"
    for note in denoiser.notes:
        yield "note", note


class _Clock:
    """Seconds from lap to lap, by name."""

    def __init__(self) -> None:
        self.laps: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.laps[name], self._last = now - self._last, now


def _most_memory(place: torch.device) -> float:
    """Most memory so far in MiB, of the GPU where the model is on one."""
    return torch.cuda.max_memory_allocated(place) / 2**20 if place.type == "cuda" else most_memory()


def _correlation(one: torch.Tensor, other: torch.Tensor) -> float:
    return float(torch.corrcoef(torch.stack([one.flatten(), other.flatten()]))[0, 1])
