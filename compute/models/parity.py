"""An adapter's predictions against what the pipeline's own call computes: found out at the first load of a model."""

import math
from pathlib import Path

import diffusers
import torch

from compute.models.denoiser import Adapter
from compute.models.remembered import Remembered
from store.errors import InputError

PROMPT = "a female doctor"
TOLERANCE = {torch.float32: 1e-5}  # relative to the largest value
HALF = 1e-2  # in coarser precisions
FILE = "parity.json"


def check(denoiser: Adapter, cache: Path | None = None) -> float:
    """Return the `deviation` of `denoiser`, from `cache` where it was found out before.

    Raises
    ------
    InputError: it is larger than 1e-5 in float32, or than 1e-2 in a coarser precision.
    """
    remembered = Remembered(cache, FILE)
    key = f"{denoiser.revision} {_short(denoiser.weights)} diffusers {diffusers.__version__}"
    found = remembered.get(key)
    if not isinstance(found, float):
        found = deviation(denoiser)
    tolerance = TOLERANCE.get(denoiser.weights, HALF)
    if not found <= tolerance:
        about = f"its predictions differ from those of its pipeline by {found:.2g}, more than {tolerance:g}"
        if not math.isfinite(found):
            about = f"its predictions are not finite in {_short(denoiser.weights)}"
        mend = "use --dtype float32" if denoiser.weights != torch.float32 else "use another model"
        raise InputError(f"model {denoiser.name!r}", about, mend)
    remembered.put(key, found)
    return found


def deviation(denoiser: Adapter) -> float:
    """Return the largest difference of predicted noises to the pipeline's own, relative to the largest of these."""
    worst, encoded = 0.0, denoiser.encode([PROMPT])
    for z, level, noise in denoiser.own_predictions(PROMPT):
        difference = (denoiser.predict_noise(z, level, encoded).cpu() - noise).abs().max() / noise.abs().max()
        worst = max(worst, float(difference)) if difference.isfinite() else math.inf
    return worst


def remembered(revision: str, cache: Path) -> float | None:
    """Return what was found of a model's `revision` in float32, None if nothing was."""
    found = Remembered(cache, FILE).get(f"{revision} float32 diffusers {diffusers.__version__}")
    return found if isinstance(found, float) else None


def _short(dtype: torch.dtype) -> str:
    return str(dtype).removeprefix("torch.")
