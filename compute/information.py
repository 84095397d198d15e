"""Evaluations -> information of each word about each latent pixel, one value a replicate, in nats."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from compute.evaluate import Evaluation
from store.errors import InputError
from store.records import Estimate

ORTHOGONAL = "orthogonal"


@dataclass(frozen=True)
class Replicated:
    """Independent estimates of named maps, each float64 (S, REPLICATES, h, w), and what goes with them."""

    maps: dict[str, np.ndarray]
    curve: np.ndarray  # float64 (S, BANDS, 3): integrand of first, second, both
    log_snr: np.ndarray  # float64 (BANDS,)

    def estimate(self, quantity: Callable[[dict[str, np.ndarray]], np.ndarray]) -> Estimate:
        """Map and total of `quantity`, a function of the maps that may be non-linear, with jackknife errors."""
        mean = quantity({name: values.mean(1) for name, values in self.maps.items()})  # (S, h, w)
        left_out = quantity({name: _leave_one_out(values) for name, values in self.maps.items()})
        return Estimate(
            map=mean.astype(np.float32),
            map_se=_jackknife(left_out).astype(np.float32),
            total=mean.sum(axis=(1, 2)),
            total_se=_jackknife(left_out.sum(axis=(2, 3))),
        )


def gather(evaluations: Sequence[Evaluation], mode: str) -> Replicated:
    """The information of one mode's pair about S images, by both estimators.

    Orthogonal, `first` = 1/2 Int E (e_base - e_first)^2 da: never negative, of low variance.
    Standard, `standard_first` = 1/2 Int E [(eps - e_base)^2 - (eps - e_first)^2] da: signed, the log density
    ratio of that very image. (Kong et al. 2024, section 2; integrated over the trained log SNR in use.)

    Raises
    ------
    InputError: the model returned values that are not finite.
    """
    if not all(evaluation.finite for evaluation in evaluations):
        raise InputError("denoiser", "it returned values that are not finite", "compute in --dtype float32")
    conditions = evaluations[0].conditions
    row, edges = conditions.rows[mode], conditions.edges

    def edge(one: int, other: int) -> int:
        return edges.index((min(one, other), max(one, other)))

    def distance(one: int, other: int) -> np.ndarray:
        return np.stack([evaluation.distance[:, edge(one, other)] for evaluation in evaluations])

    def gain(node: int) -> np.ndarray:
        return np.stack([evaluation.error[:, row.base] - evaluation.error[:, node] for evaluation in evaluations])

    maps = {
        "first": distance(row.base, row.first),
        "second": distance(row.base, row.second),
        "both": distance(row.base, row.both),
        "between": distance(row.first, row.second),
        "conditional_first": distance(row.second, row.both),
        "conditional_second": distance(row.first, row.both),
        "standard_first": gain(row.first),
        "standard_second": gain(row.second),
        "standard_both": gain(row.both),
    }
    shown = [edge(row.base, node) for node in (row.first, row.second, row.both)]
    curve = np.stack([evaluation.curve[:, shown] for evaluation in evaluations])
    return Replicated(maps, curve, evaluations[0].log_snr)


def _leave_one_out(values: np.ndarray) -> np.ndarray:
    """Means over all replicates but one, (S, R, ...) for values (S, R, ...)."""
    return (values.sum(1, keepdims=True) - values) / (values.shape[1] - 1)


def _jackknife(left_out: np.ndarray) -> np.ndarray:
    """Standard error (S, ...) from leave-one-out values (S, R, ...)."""
    count = left_out.shape[1]
    return np.sqrt((count - 1) / count * np.square(left_out - left_out.mean(1, keepdims=True)).sum(1))
