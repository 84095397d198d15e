"""Warnings beside a result: what can make the numbers of a pair wrong beyond their standard errors."""

import numpy as np

from store.pid.information import InformationMaps
from store.records import PairResult, RunKey

SHARE = 0.05  # of the information, from which on the ends of the noise levels are suspected
ERRORS = 3.0  # standard errors, beyond which the two estimators disagree


def warnings(key: RunKey, result: PairResult) -> dict[str, list[str]]:
    """Return sentences to read beside the numbers of `result`, by mode."""
    return {
        mode: [*_edges(maps), *(_disagreement(maps) if _typical(key, mode) else []), *_retried(result)]
        for mode, maps in result.information.items()
    }


def edge_shares(maps: InformationMaps) -> tuple[float, float]:
    """Return the shares of I(both) in the lowest and the highest band of log SNR, over all images."""
    mass = np.nan_to_num(maps.curve[:, :, 2].astype(np.float64)).sum(0)
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


def _retried(result: PairResult) -> list[str]:
    if not result.retried:
        return []
    return [f"{result.retried} evaluations were not finite and were made again in float32."]
