"""From what is asked to a published record: one prompt, one pair of words, several images."""

from collections.abc import Generator, Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import diffusers
import numpy as np
import torch

from compute import generate
from compute.conditions import Conditions, of_pair
from compute.denoiser import Denoiser
from compute.evaluate import Evaluation, evaluate
from compute.information import ORTHOGONAL, gather
from compute.noise import NoiseLevels, check_noises
from compute.pid import check_measure, decompose
from store import hdf5
from store.errors import InputError
from store.records import PairResult, Provenance, RunKey, RunRecord, TokenPair


@dataclass(frozen=True)
class Request:
    """What is asked: information of `words` in `prompt` about the images of `seeds`, or about `image`."""

    prompt: str
    words: tuple[str, str]
    seeds: tuple[int, ...] = (0,)
    guidance: float = 1.0
    noises: int = 256
    estimator: str = ORTHOGONAL
    measure: str = "mmi"
    image: Path | None = None

    def check(self, root: Path) -> TokenPair:
        """The pair asked for; raises InputError or StoreError for whatever can be known before a model is loaded."""
        pair = TokenPair.find(self.prompt, *self.words)
        check_measure(self.measure, self.estimator)
        check_noises(self.noises)
        if not self.seeds:
            raise InputError("seeds", "there are none", "ask for at least one")
        hdf5.check_writable(root)
        return pair


@dataclass(frozen=True)
class Progress:
    """How much is done of what, in denoiser evaluations."""

    done: int
    total: int
    doing: str


def run(denoiser: Denoiser, request: Request, root: Path) -> Iterator[Progress | RunRecord]:
    """Compute `request` and publish it into the store `root`; yields progress, at the end the record.

    What the store holds already is not computed again; seeds that it holds of this pair are kept.

    Raises
    ------
    InputError: nothing has been evaluated yet, or the model returned values that are not finite.
    """
    pair = request.check(root)
    conditions = of_pair(pair, denoiser)
    uploaded, digest = generate.read_image(request.image, denoiser) if request.image else (None, "")
    guidance = request.guidance if uploaded is None else 0.0
    key = RunKey(denoiser.name, denoiser.revision, request.prompt, guidance, digest)
    path = hdf5.path_of(root, key)
    stored = hdf5.read(path) if path.exists() else None
    known = next((result for result in stored.pairs if result.pair == pair), None) if stored else None
    if stored and known and _answers(known, request):
        yield stored
        return
    seeds, noises = (0,) if digest else request.seeds, request.noises
    if known:
        seeds, noises = tuple(sorted({*seeds, *known.seeds})), max(noises, known.noises)
    yield Progress(0, 1, "generating images")
    latents = uploaded if uploaded is not None else _latents(denoiser, request, seeds, stored)
    result = yield from _evaluate_all(denoiser, pair, conditions, latents, seeds, replace(request, noises=noises))
    record = RunRecord(
        key, seeds, denoiser.decode(generate.as_tensor(latents)), latents, (result,), _provenance(denoiser, request)
    )
    hdf5.publish(root, record)
    yield hdf5.read(path)


def _answers(known: PairResult, request: Request) -> bool:
    """Whether what is stored is at least what is asked for."""
    measures = {decomposition.measure for decomposition in known.decompositions.values()}
    seeds = (0,) if request.image else request.seeds
    return (
        set(seeds) <= set(known.seeds)
        and known.noises >= request.noises
        and known.estimator == request.estimator
        and measures == {request.measure}
    )


def _latents(denoiser: Denoiser, request: Request, seeds: tuple[int, ...], stored: RunRecord | None) -> np.ndarray:
    """Latents of `seeds` (S, c, h, w), those that the store holds from there."""
    kept = dict(zip(stored.seeds, stored.latents, strict=True)) if stored else {}
    missing = [seed for seed in seeds if seed not in kept]
    if missing:
        fresh = generate.generate(denoiser, request.prompt, missing, request.guidance)
        kept |= dict(zip(missing, fresh, strict=True))
    return np.stack([kept[seed] for seed in seeds])


def _evaluate_all(
    denoiser: Denoiser,
    pair: TokenPair,
    conditions: Conditions,
    latents: np.ndarray,
    seeds: tuple[int, ...],
    request: Request,
) -> Generator[Progress, None, PairResult]:
    """Evaluate every image; yields progress and returns the PairResult."""
    levels = NoiseLevels.of(denoiser.log_snr)
    each = request.noises * len(conditions.texts)
    evaluations = []
    for index, (seed, latent) in enumerate(zip(seeds, generate.as_tensor(latents), strict=True)):
        doing = f"image {index + 1} of {len(seeds)}"
        for step in evaluate(denoiser, levels, latent, conditions, request.noises, seed):
            if isinstance(step, Evaluation):
                evaluations.append(step)
            else:
                yield Progress(index * each + step * len(conditions.texts), len(seeds) * each, doing)
    return PairResult(
        pair,
        seeds,
        request.estimator,
        request.noises,
        {mode: decompose(gather(evaluations, mode), request.measure) for mode in conditions.rows},
    )


def _provenance(denoiser: Denoiser, request: Request) -> Provenance:
    return Provenance(
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        software=f"{hdf5.SOFTWARE}, torch {torch.__version__}, diffusers {diffusers.__version__}",
        settings={
            "steps": generate.STEPS,
            "noises": request.noises,
            "measure": request.measure,
            "estimator": request.estimator,
            "image": request.image.name if request.image else "",
        },
    )
