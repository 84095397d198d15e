"""Where along log SNR the images of a model have their information: learned from those that are done.

Noises of later images fall where information is. Estimates are unbiased under any density, so it may be deleted at
any time: `DIR/densities/<model>-<digest of model and revision>.json`. It learns from LEARNED images at most and is then
left as it is.
"""

import hashlib
import json
import math
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from store.errors import StoreError
from store.files.atomic import replacing
from store.hdf5.names import slug
from store.records import RunKey, RunRecord

FOLDER = "densities"
ENOUGH, LEARNED = 8, 64  # images that a density is used after, and that it is made of at most
BYTES = 2**16  # of a file at most


@dataclass(frozen=True)
class InformationDensity:
    """The mean shares of the information of so many `images` in bands of log SNR centred at `log_snr`."""

    images: int
    log_snr: tuple[float, ...]
    shares: tuple[float, ...]


def shares_of(curve: np.ndarray) -> np.ndarray:
    """Return the mean shares of first, second and both in each band, (S, T), of their curves (S, T, 3)."""
    known = np.maximum(np.nan_to_num(curve.astype(np.float64)), 0)
    whole = known.sum(1, keepdims=True)
    return np.divide(known, whole, out=np.zeros_like(known), where=whole > 0).mean(2)


def load(root: Path, key: RunKey) -> InformationDensity | None:
    """Return what the store `root` has learned of the model of `key`, None where that is too little to be used."""
    known = read(_path(root, key))
    return known if known and known.images >= ENOUGH else None


def learn(root: Path, record: RunRecord) -> None:
    """Let the density of the model of `record` learn from its images; raises StoreError where it cannot be written."""
    path = _path(root, record.key)
    known = read(path)
    found = [information for pair in record.pairs for information in pair.information.values()]
    if not found or (known and known.images >= LEARNED):
        return
    log_snr = tuple(found[0].log_snr.tolist())
    shares = np.mean([shares_of(information.curve) for information in found], axis=(0, 1))
    if not shares.sum():
        return
    if known and known.log_snr == log_snr:
        weights = known.images, len(record.seeds)
        shares, images = np.average([known.shares, shares], axis=0, weights=weights), sum(weights)
    else:
        images = len(record.seeds)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as aside:
            learned = InformationDensity(images, log_snr, tuple(shares.tolist()))
            aside.write_text(json.dumps(asdict(learned)), encoding="utf-8")
    except OSError as error:
        raise StoreError(path, f"cannot be written ({error.strerror or error})", "make room there") from error


def read(path: Path) -> InformationDensity | None:
    """Return what a file holds, None where it is none or holds anything else."""
    try:
        if not path.is_file() or path.stat().st_size > BYTES:
            return None
        values = json.loads(path.read_text(encoding="utf-8"))
        log_snr, shares = (tuple(map(float, values[name])) for name in ("log_snr", "shares"))
        known = InformationDensity(int(values["images"]), log_snr, shares)
    except (OSError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None
    sound = all(map(math.isfinite, (*log_snr, *shares))) and min(shares, default=-1) >= 0 and sum(shares) > 0
    return known if sound and len(log_snr) == len(shares) and 0 < known.images < 2**31 else None


def _path(root: Path, key: RunKey) -> Path:
    digest = hashlib.sha256(json.dumps([key.model, key.revision]).encode()).hexdigest()[:8]
    return root / FOLDER / f"{slug(key.model)}-{digest}.json"
