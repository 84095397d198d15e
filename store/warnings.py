"""Warnings beside a result: what can make the numbers of a pair wrong beyond their standard errors."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from store import hdf5
from store.errors import StoreError
from store.pid.information import InformationMaps
from store.pid.totals import TotalKey
from store.records import PairResult, Provenance, RunKey, TokenPair

SHARE = 0.05  # of the information, from which on the ends of the noise levels are suspected
ERRORS = 3.0  # standard errors, beyond which two values disagree
CLOSURE = 0.2  # of the information of both words, from which on parts that do not close are worth a warning


def warnings(key: RunKey, result: PairResult) -> dict[str, list[str]]:
    """Return sentences to read beside the numbers of `result`, by mode."""
    with np.errstate(invalid="ignore"):  # infinite values leave NaN, of which nothing here warns: totals show them
        return {mode: list(_sentences(key, result, mode)) for mode in result.information}


def _sentences(key: RunKey, result: PairResult, mode: str) -> Iterator[str]:
    maps = result.information[mode]
    yield from _edges(maps)
    if _typical(key, mode):
        yield from _disagreement(maps)
    if _drawn_from_model(key, result):
        yield from _closure(maps, result.pair.words)
    yield from _retried(result)


def notes_of(provenance: Provenance) -> list[str]:
    """Return what is to be known of the model that computed a file, in sentences: whether it is distilled, say."""
    notes = provenance.settings.get("notes")
    return [note for note in notes if isinstance(note, str)] if isinstance(notes, list) else []


def notes_in(path: Path) -> list[str]:
    """Return the notes of the model that computed a file, as `notes_of` does; none of a file that cannot be read."""
    try:
        return notes_of(hdf5.provenance(path))
    except StoreError:
        return []


def edge_shares(maps: InformationMaps) -> tuple[float, float]:
    """Return the shares of I(both) in the lowest and the highest band of log SNR, over all images."""
    curve = maps.curve[:, :, 2].astype(np.float64)  # NaN where no noise fell
    mass = np.where(np.isfinite(curve), curve, 0).sum(0)
    total = mass.sum()
    return (float(mass[0] / total), float(mass[-1] / total)) if total > 0 else (0.0, 0.0)


def tail_share(maps: InformationMaps) -> float:
    """Return the information of both words below the lowest log SNR, as a share of I(both), over all images."""
    total = float(maps.maps.maps["both"].mean(1).sum())
    return float(maps.tail[:, 2].sum()) / total if total > 0 else 0.0


def _edges(maps: InformationMaps) -> list[str]:
    low, high = edge_shares(maps)
    tail, found = tail_share(maps), []
    if low > SHARE or tail > SHARE:
        found.append(
            f"{low:.0%} of the information lies at the noisiest levels measured, and about {tail:.0%} more below them, "
            "beyond the model's training: totals are too low."
        )
    if high > SHARE:
        found.append(
            f"{high:.0%} of the information lies at the cleanest levels measured, where a word should hardly matter: "
            "the model is rough there, and totals are too high."
        )
    return found


def _typical(key: RunKey, mode: str) -> bool:
    """Return whether the images are drawn from the model's own distribution given both words.

    Then both estimators agree on average (Kong et al. 2024, section 2).
    """
    return mode == "cpid" and not key.image and key.guidance == 1.0


def _drawn_from_model(key: RunKey, result: PairResult) -> bool:
    """Return whether the images are the model's own, of a prompt with both words: then the chain rule should close."""
    return isinstance(result.pair, TokenPair) and not key.image and key.guidance == 1.0


def _disagreement(maps: InformationMaps) -> list[str]:
    count = len(maps.gap)
    if count < 2:
        return []
    gap, error = maps.gap[..., 0].astype(np.float64), maps.gap[..., 1].astype(np.float64)
    mean = gap.mean(0)
    spread = np.sqrt(np.maximum(np.square(error).sum(0) / count**2, gap.var(0, ddof=1) / count))  # (T,)
    total = float(maps.maps.maps["both"].mean(1).sum()) / count
    off = (np.abs(mean) > ERRORS * spread) & (np.abs(mean) > SHARE * abs(total))
    if not off.any():
        return []
    where = ", ".join(f"{level:.1f}" for level in maps.log_snr[off])
    share = float(mean[off].sum()) / total
    return [
        f"The two estimators differ by {share:+.0%} of the information near log SNR {where}: the model, or how it "
        "reads these words, is off there."
    ]


def chain_rule(maps: InformationMaps) -> tuple[float, list[tuple[float, float]]]:
    """Return I12, then I1 + I(2|1) and I2 + I(1|2), each with the error of how far it is from I12, in nats.

    Means over images. All three agree in expectation for an exact model and texts that are typical of it (Cover and
    Thomas 2006, section 2.5). It needs no evaluation: conditional maps are stored. Errors are NaN of a single image.
    """
    both, found = _totals(maps, "both"), []
    for first, second in (("first", "second"), ("second", "first")):
        apart = _totals(maps, first) + _totals(maps, f"conditional_{second}") - both
        error = apart.std(ddof=1) / np.sqrt(len(apart)) if len(apart) > 1 else np.nan
        found.append((float(both.mean() + apart.mean()), float(error)))
    return float(both.mean()), found


def _closure(maps: InformationMaps, words: tuple[str, str]) -> list[str]:
    """Return a warning if `chain_rule` fails. Of both orders the one that misses by more is named."""
    both, orders = chain_rule(maps)
    if len(maps.tail) < 2 or both <= 0:
        return []
    missed = {
        order: brought
        for order, (brought, error) in zip((words, words[::-1]), orders, strict=True)
        if abs(brought - both) > max(ERRORS * error, CLOSURE * both)
    }
    if not missed:
        return []
    (one, other), brought = max(missed.items(), key=lambda item: abs(item[1] - both))
    return [
        f"The parts do not close: {one!r} and then {other!r} bring {brought:.2f} nats, both together "
        f"{both:.2f}. Usually a text without one or both words is foreign to the model, as lone words or a "
        "sentence with a gap are: compare the other mode, and trust differences between words more than amounts."
    ]


def _totals(maps: InformationMaps, name: str) -> np.ndarray:
    """Return the totals of a map, float64 (S,): stored ones, or sums over pixels."""
    stored = maps.stored.images.get(TotalKey(name))
    return maps.maps.maps[name].mean(1, dtype=np.float64).sum(axis=(1, 2)) if stored is None else stored[:, 0]


def _retried(result: PairResult) -> list[str]:
    if not result.retried:
        return []
    return [f"{result.retried} evaluations were not finite and were made again in float32."]
