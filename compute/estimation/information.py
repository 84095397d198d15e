"""Evaluations -> what is kept of a pair: its information about each latent pixel, one value a replicate, in nats."""

import numpy as np

from compute.estimation.evaluate import Evaluation
from compute.estimation.noise_levels import BANDS, MAP_BANDS
from store.pid.information import BANDED, REPLICATES, InformationMaps, Replicates
from store.records import Probe, TokenPair


def gather(evaluation: Evaluation, pair: TokenPair | Probe, mode: str) -> InformationMaps:
    """The information of one pair in one mode about one image, by both estimators (Kong et al. 2024, section 2)."""
    conditions = evaluation.conditions
    row = conditions.rows[pair, mode]
    edges = {
        "first": conditions.edge(row.base, row.first),
        "second": conditions.edge(row.base, row.second),
        "both": conditions.edge(row.base, row.both),
        "between": conditions.edge(row.first, row.second),
        "conditional_first": conditions.edge(row.second, row.both),
        "conditional_second": conditions.edge(row.first, row.both),
    }
    nodes = {"standard_first": row.first, "standard_second": row.second, "standard_both": row.both}
    maps = {name: evaluation.distance[:, edge] for name, edge in edges.items()}
    maps |= {name: evaluation.error[:, row.base] - evaluation.error[:, node] for name, node in nodes.items()}
    shown, limits = [edges[name] for name in ("first", "second", "both")], evaluation.edges
    return InformationMaps(
        maps=Replicates({name: _one_image(values) for name, values in maps.items()}),
        bands={name: _one_image(evaluation.bands[:, edges[name]]) for name in BANDED},
        band_edges=limits[:: BANDS // MAP_BANDS].astype(np.float32),
        curve=_one_image(evaluation.curve[:, shown]),
        log_snr=((limits[1:] + limits[:-1]) / 2).astype(np.float32),
        gap=_one_image(_gap(evaluation, row.base, row.both, edges["both"])),
        tail=_one_image(evaluation.tail[shown]),
    )


def _one_image(values: np.ndarray) -> np.ndarray:
    return values[None].astype(np.float32)


def _gap(evaluation: Evaluation, base: int, both: int, edge: int) -> np.ndarray:
    """Standard less orthogonal estimate of both words in each band, and its standard error, (BANDS, 2)."""
    errors = evaluation.spectrum[..., len(evaluation.conditions.edges) :]
    gap = errors[..., base] - errors[..., both] - evaluation.spectrum[..., edge]  # (REPLICATES, BANDS)
    return np.stack([gap.mean(0), gap.std(0, ddof=1) / REPLICATES**0.5], axis=-1)
