"""Stores with made-up but consistent results: for tests, and to work on pages without a model."""

from pathlib import Path

import h5py
import numpy as np

from store import hdf5
from store.records import (
    Decomposition,
    Estimate,
    InformationMaps,
    PairResult,
    Provenance,
    RunKey,
    RunRecord,
    TokenPair,
)

SHARPNESS = 6.0
LEVELS = np.linspace(-8, 8, 17, dtype=np.float32)


def record(
    prompt: str = "a female doctor",
    words: tuple[str, str] = ("female", "doctor"),
    *,
    model: str = "embedded",
    seeds: tuple[int, ...] = (0, 1, 2, 3),
    size: int = 64,
    grid: int = 16,
    modes: tuple[str, ...] = ("pid", "cpid"),
    together: float = 1.2,
    noise: float = 0.02,
    infinite: bool = False,
    guidance: float = 1.0,
    measure: str = "mmi",
    created: str = "2026-01-02T03:04:05+00:00",
) -> RunRecord:
    """A record whose parts add up: R = min(I1, I2) at each pixel.

    Both words together bring `together` times what the better one does: below 1, synergy is negative.
    `noise` is the standard error of each total, as a share of I12. With `infinite`, one value is not finite.
    """
    rng = np.random.default_rng(len(prompt) + sum(map(ord, words[0])))
    pair = TokenPair.find(prompt, *words)
    decompositions = {}
    for index, mode in enumerate(modes):
        scale = 1.0 - 0.35 * index
        centres = rng.uniform(0.3, 0.7, (2, len(seeds), 2))
        first, second = (
            scale * strength * _bumps(grid, place) for strength, place in zip((1.0, 1.6), centres, strict=True)
        )
        both = np.maximum(first, second) * together
        if infinite:
            both[0, 0, 0] = np.inf
        decompositions[mode] = _decomposition(first, second, both, noise, measure)
    result = PairResult(pair, seeds, "orthogonal", 64, decompositions)
    return RunRecord(
        key=RunKey(model, "1", prompt, guidance),
        seeds=seeds,
        images=np.stack([_picture(size, rng) for _ in seeds]),
        latents=np.zeros((len(seeds), 4, grid, grid), np.float16),
        pairs=(result,),
        provenance=Provenance(created, "synthetic", {}),
    )


def fill(root: Path) -> None:
    """A store with several prompts, pairs and models; negative synergy, weak values and a probe among them."""
    for day, (prompt, words) in enumerate(
        {
            "a female doctor": ("female", "doctor"),
            "a male doctor": ("male", "doctor"),
            "a photo of a firefighter beside a bright red fire engine": ("firefighter", "engine"),
            "a green apple": ("green", "apple"),
        }.items()
    ):
        hdf5.publish(root, record(prompt, words, created=f"2026-01-0{day + 1}T10:00:00+00:00"))
    hdf5.publish(root, record("a female doctor", ("a", "doctor")))
    hdf5.publish(root, record("a toy bear", ("toy", "bear"), together=0.7, created="2026-01-06T10:00:00+00:00"))
    hdf5.publish(root, record("a weak signal", ("weak", "signal"), noise=0.9, created="2026-01-07T10:00:00+00:00"))
    hdf5.publish(root, record("a lone doctor", ("lone", "doctor"), modes=("pid",)))
    hdf5.publish(root, record("a female doctor", model="stable-diffusion-1.5", size=512, grid=64, seeds=(0, 7)))


def truncate(path: Path) -> None:
    """Cut a result file in half, as a full disk or a broken copy would."""
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def make_newer(path: Path) -> None:
    """Mark a result file as written by a later version of the format."""
    with h5py.File(path, "r+") as file:
        file.attrs["format_version"] = hdf5.FORMAT_VERSION + 1


def _bumps(grid: int, centres: np.ndarray) -> np.ndarray:
    across = (np.arange(grid) + 0.5) / grid
    rows, columns = across[None, :, None], across[None, None, :]
    distance = (rows - centres[:, 0, None, None]) ** 2 + (columns - centres[:, 1, None, None]) ** 2
    return (np.exp(-SHARPNESS * 4 * distance) * 40 / grid).astype(np.float32)  # (S, h, w)


def _estimate(values: np.ndarray, error: float) -> Estimate:
    total = values.sum(axis=(1, 2), dtype=np.float64)
    spread = np.full_like(values, error / values.shape[1])
    return Estimate(values.astype(np.float32), spread, total, np.full(len(total), error))


def _decomposition(first: np.ndarray, second: np.ndarray, both: np.ndarray, noise: float, measure: str):
    error = noise * float(np.mean(np.where(np.isfinite(both), both, 0).sum(axis=(1, 2))))
    redundancy = np.minimum(first, second)
    decay = np.exp(-((LEVELS - 1) ** 2) / 8) / np.exp(-((LEVELS - 1) ** 2) / 8).sum()  # (T,)
    totals = np.stack([values.sum(axis=(1, 2)) for values in (first, second, both)], axis=-1)  # (S, 3)
    curve = (totals[:, None, :] * decay[None, :, None]).astype(np.float32)
    curve[:, -2] = np.nan
    maps = {
        "first": first,
        "second": second,
        "both": both,
        "between": np.abs(first - second),
        "conditional_first": np.abs(both - second),
        "conditional_second": np.abs(both - first),
        "standard_first": first - 0.1,
        "standard_second": second - 0.1,
        "standard_both": both - 0.1,
    }
    information = InformationMaps(
        **{name: _estimate(values, error) for name, values in maps.items()}, curve=curve, log_snr=LEVELS
    )
    parts = {
        "redundancy": redundancy,
        "unique_first": first - redundancy,
        "unique_second": second - redundancy,
        "synergy": both - first - second + redundancy,
    }
    return Decomposition(measure, information, **{name: _estimate(values, error) for name, values in parts.items()})


def _picture(size: int, rng: np.random.Generator) -> np.ndarray:
    """A disc and a bar on a soft background, uint8 (size, size, 3)."""
    rows, columns = np.mgrid[:size, :size] / size
    picture = np.empty((size, size, 3))
    picture[:] = (rows[..., None] * 0.3 + 0.6) * rng.uniform(0.7, 1, 3)
    centre, radius = rng.uniform(0.35, 0.65, 2), rng.uniform(0.15, 0.28)
    picture[(rows - centre[0]) ** 2 + (columns - centre[1]) ** 2 < radius**2] = rng.uniform(0.1, 0.9, 3)
    picture[(abs(columns - centre[1]) < 0.06) & (rows > centre[0])] = rng.uniform(0, 0.6, 3)
    return (picture * 255 + rng.normal(0, 3, picture.shape)).clip(0, 255).astype(np.uint8)
