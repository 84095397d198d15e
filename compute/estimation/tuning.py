"""How many evaluations at once, and in which precision, are fastest on this machine: measured once, remembered."""

import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from compute.estimation.batching import BatchedDenoiser
from compute.estimation.evaluate import Evaluation, evaluate
from compute.estimation.noise_levels import NoiseLevels
from compute.models.denoiser import Conditioning, Denoiser
from compute.models.remembered import Remembered
from store.prompts.conditions import Conditions

BATCH = 32  # where nothing was measured
BATCHES = (4, 8, 16, 32, 64, 128, 256)
BETTER = 1.03  # how much faster a larger batch has to be
TRIED = 1.25  # how much faster a coarser precision has to be, to be held against the most precise one
SECONDS = 0.3  # of each timing
PILOT = 64  # noises
TOLERATED = 0.5  # standard errors of the run asked for
WORTHWHILE = 8  # how many times the pilot's cost a run must have before anything is measured for it
NAME = "tuning.json"


@dataclass(frozen=True)
class Tuning:
    """Evaluations at once, the dtype that they are computed in, and whether with channels last in memory."""

    dtype: torch.dtype
    batch: int = BATCH
    channels_last: bool = False


@dataclass(frozen=True)
class Workload:
    """What a run is about to do with each image like `latent`, float32 (c, h, w)."""

    levels: NoiseLevels
    latent: Tensor
    conditions: Conditions
    encoded: Conditioning
    noises: int


def tune(denoiser: Denoiser, work: Workload, images: int, cache: Path) -> Tuning:
    """Return the fastest way to do `work` on so many `images` whose totals agree with the most precise ones.

    They agree if they differ by half a standard error at most. Batch and speeds are remembered in `cache` by device and
    model. A run too short to repay such measurements takes what is remembered, or the most precise way.
    """
    long = work.noises * images >= WORTHWHILE * PILOT
    remembered = Remembered(cache, NAME)
    known = remembered.get(_key(denoiser))
    if not _usable(known, denoiser):
        known = measure(denoiser, work.latent.shape, work.encoded) if long else None
        if known:
            remembered.put(_key(denoiser), known)
    if known is None:
        return Tuning(denoiser.dtypes[0])
    laid_out = known.get("channels_last", False)
    denoiser.lay_out(laid_out)
    faster = sorted((speed, name) for name, speed in known["speeds"].items() if speed >= TRIED) if long else []
    for _, name in reversed(faster):
        if deviation(denoiser, work, known["batch"], getattr(torch, name)) <= TOLERATED * (PILOT / work.noises) ** 0.5:
            return Tuning(getattr(torch, name), known["batch"], laid_out)
    return Tuning(denoiser.dtypes[0], known["batch"], laid_out)


def measure(denoiser: Denoiser, shape: torch.Size, encoded: Conditioning) -> dict:
    """The best batch, whether channels last are faster, and each dtype's speed against that of the most precise one."""
    batch = best_batch(denoiser, shape, encoded)
    found: dict[bool, dict[str, float]] = {}
    for channels_last in (False, True) if denoiser.convolves else (False,):
        denoiser.lay_out(channels_last)
        rates = found[channels_last] = {}
        for dtype in denoiser.dtypes:
            with denoiser.computing_in(dtype):
                rate = _rate(BatchedDenoiser(denoiser, batch), batch, shape, encoded)
                rates[str(dtype).removeprefix("torch.")] = rate
    last = len(found) > 1 and max(found[True].values()) > BETTER * max(found[False].values())
    denoiser.lay_out(last)
    exact = next(iter(found[last].values()))
    return {
        "batch": batch,
        "channels_last": last,
        "speeds": {name: rate / exact for name, rate in found[last].items()},
    }


def best_batch(denoiser: Denoiser, shape: torch.Size, encoded: Conditioning) -> int:
    """The smallest batch that neither twice nor four times as many beat by `BETTER`, as far as memory goes."""
    best, rate = BATCHES[0], 0.0
    for batch in BATCHES:
        batched = BatchedDenoiser(denoiser, batch)
        found = _rate(batched, batch, shape, encoded)
        if batched.batch < batch:
            break
        if found >= rate * BETTER:
            best, rate = batch, found
        elif batch >= 4 * best:
            break
    return best


def deviation(denoiser: Denoiser, work: Workload, batch: int, dtype: torch.dtype) -> float:
    """The largest difference of any total between `dtype` and the most precise one, in standard errors of a pilot."""
    exact, other = (_pilot(denoiser, work, batch, one) for one in (denoiser.dtypes[0], dtype))
    error = exact.std(0, ddof=1) / len(exact) ** 0.5
    return float((np.abs(other.mean(0) - exact.mean(0)) / np.maximum(error, 1e-12)).max())


def _rate(batched: BatchedDenoiser, batch: int, shape: torch.Size, encoded: Conditioning) -> float:
    """Evaluations a second of the fastest call: what else the machine does only slows calls down."""
    given = torch.randn(batch, *shape), torch.zeros(batch, dtype=torch.long), encoded, torch.zeros(batch).long()
    batched(*given)
    began, fastest = time.perf_counter(), float("inf")
    while time.perf_counter() - began < SECONDS:
        start = time.perf_counter()
        batched(*given)
        fastest = min(fastest, time.perf_counter() - start)
    return batch / fastest


def _pilot(denoiser: Denoiser, work: Workload, batch: int, dtype: torch.dtype) -> np.ndarray:
    """Totals (REPLICATES, quantities) in `dtype`, always of the same noise."""
    batched = BatchedDenoiser(denoiser, batch)
    with denoiser.computing_in(dtype):
        found = evaluate(batched, work.levels, work.latent, work.conditions, work.encoded, noises=PILOT, seed=0)
    return np.concatenate(list(_totals(found)), axis=1)


def _totals(evaluation: Evaluation) -> Iterator[np.ndarray]:
    yield evaluation.distance.sum((2, 3))
    error = evaluation.error.sum((2, 3))
    for row in evaluation.conditions.rows.values():
        yield error[:, [row.base]] - error[:, [row.both]]


def _key(denoiser: Denoiser) -> str:
    device = denoiser.device
    if device.type == "cuda":
        place = torch.cuda.get_device_name(device)
    else:
        place = f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()}, {torch.get_num_threads()} threads"
    return f"{place}, torch {torch.__version__}: {denoiser.name} {denoiser.revision}"


def _usable(known: object, denoiser: Denoiser) -> bool:
    """Whether `known` is what `measure` returns for `denoiser`: the file may hold anything."""
    if not isinstance(known, dict) or type(known.get("batch")) is not int or known["batch"] not in BATCHES:
        return False
    if not isinstance(known.get("channels_last", False), bool):
        return False
    speeds = known.get("speeds")
    return isinstance(speeds, dict) and {*speeds} == _names(denoiser) and all(map(_is_speed, speeds.values()))


def _is_speed(value: object) -> bool:
    return isinstance(value, float)


def _names(denoiser: Denoiser) -> set[str]:
    return {str(dtype).removeprefix("torch.") for dtype in denoiser.dtypes}
