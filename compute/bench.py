"""How fast the engine is, as a ratio to the bare denoiser within one run: machines are shared and noisy."""

import time
from collections.abc import Callable
from statistics import median

import torch

from compute.conditions import of_pair
from compute.evaluate import BATCH, evaluate
from compute.models import registry
from compute.noise import NoiseLevels
from store.records import TokenPair

ROUNDS, NOISES = 7, 64


def measure(model: str = "embedded") -> dict[str, float]:
    """Evaluations a second of `model`, bare and through the engine, alternating; medians over rounds."""
    denoiser = registry.load(model)
    conditions = of_pair(TokenPair.find("a female doctor", "female", "doctor"), denoiser)
    levels, latent = NoiseLevels.of(denoiser.log_snr), torch.randn(denoiser.latent_shape)
    count = NOISES * len(conditions.texts)
    encoded = denoiser.encode([conditions.texts[-1]]).repeat(BATCH)
    z, level = latent.expand(BATCH, -1, -1, -1), torch.full((BATCH,), int(levels.level[0]))

    def bare() -> None:
        for _ in range(count // BATCH):
            denoiser.predict_noise(z, level, encoded)

    def engine() -> None:
        for _ in evaluate(denoiser, levels, latent, conditions, NOISES, seed=0):
            pass

    bare()
    rounds = [(count / _seconds(bare), count / _seconds(engine)) for _ in range(ROUNDS)]
    return {
        "evaluations a second, bare denoiser": median(bare for bare, _ in rounds),
        "evaluations a second, engine": median(engine for _, engine in rounds),
        "engine / bare": median(engine / bare for bare, engine in rounds),
    }


def _seconds(action: Callable[[], None]) -> float:
    start = time.perf_counter()
    action()
    return time.perf_counter() - start
