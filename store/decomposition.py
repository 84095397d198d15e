"""Information -> redundancy, uniqueness, synergy, under a measure: arithmetic on what was measured.

The decomposition follows Williams and Beer (2010) and, for diffusion models, Dewan et al. (2024): with a redundancy
R, U1 = I1 - R, U2 = I2 - R, S = I12 - I1 - I2 + R.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from store import measures
from store.information import INFORMATION, STANDARD_MAPS, Estimate, Quantity, Replicates
from store.measures import ORTHOGONAL, STANDARD, Surprisals
from store.measures.aligned import alignment

PARTS = ("redundancy", "unique_first", "unique_second", "synergy")
ALIGNMENT = "alignment"
SHOWN_AS = dict(zip(("first", "second", "both"), STANDARD_MAPS, strict=True))
Maps = Mapping[str, np.ndarray]


@dataclass(frozen=True)
class Decomposition:
    """Partial information of a pair about each image, in nats, under one redundancy measure.

    The parts add up: redundancy + unique_first = first, redundancy + unique_second = second, all four = both, where
    these three are the maps of `estimator`. Synergy may be negative. `alignment` (total only, no unit) is that of
    the whole maps: r / sqrt(i1 i2) of `aligned`.
    """

    measure: str
    estimator: str
    estimates: dict[str, Estimate]  # PARTS, INFORMATION (as far as measured), ALIGNMENT

    def __getitem__(self, name: str) -> Estimate:
        return self.estimates[name]

    def shown(self, name: str) -> Estimate:
        """The estimate of `name`: of first, second and both that of the estimator which the parts add up to."""
        return self[SHOWN_AS[name] if self.estimator == STANDARD and name in SHOWN_AS else name]

    @property
    def finite(self) -> bool:
        """Whether every total is a number."""
        return all(np.isfinite(self[name].total).all() for name in PARTS)

    def violations(self, tolerance: float) -> list[str]:
        """The identities that do not hold within `tolerance` times the largest value involved."""
        r, u1, u2, s = (self[name].map for name in PARTS)
        first, second, both = (self.shown(name).map for name in ("first", "second", "both"))
        scale = max(*(np.abs(values).max(initial=0) for values in (first, second, both)), 1e-6)
        pairs = {
            "R + U1 = I1": (r + u1, first),
            "R + U2 = I2": (r + u2, second),
            "R + U1 + U2 + S = I12": (r + u1 + u2 + s, both),
        }
        found = [name for name, (left, right) in pairs.items() if not _close(left, right, tolerance * scale)]
        for name in PARTS:
            part = self[name]
            bound = tolerance * max(np.abs(part.map).sum(axis=(1, 2)).max(initial=0), 1e-6)
            if not _close(part.map.sum(axis=(1, 2), dtype=np.float64), part.total, bound):
                found.append(f"map of {name} sums to its total")
        return found

    @property
    def consistent(self) -> bool:
        """Whether all identities hold to single precision."""
        return not self.violations(1e-4)


def decompose(
    replicates: Replicates, measure: str, estimator: str = ORTHOGONAL, surprisals: Surprisals | None = None
) -> Decomposition:
    """All estimates of a pair under `measure`, with jackknife errors of the non-linear parts too.

    Raises
    ------
    InputError: the measure is unknown, invalid on maps of `estimator`, or lacks the words' surprisals.
    """
    estimates = parts(replicates, measure, estimator, surprisals)
    estimates |= replicates.estimates({name: itemgetter(name) for name in INFORMATION if name in replicates.maps})
    estimates[ALIGNMENT] = replicates.at("image").estimate(alignment)
    return Decomposition(measure, estimator, estimates)


def parts(
    replicates: Replicates, measure: str, estimator: str = ORTHOGONAL, surprisals: Surprisals | None = None
) -> dict[str, Estimate]:
    """The PARTS alone; raises as `decompose` does."""
    chosen = measures.find(measure, estimator, surprisals)
    extra = (surprisals,) if chosen.needs_surprisals else ()

    def of(maps: Maps) -> Maps:
        return {**maps, **{name: maps[other] for name, other in SHOWN_AS.items()}} if estimator == STANDARD else maps

    def redundancy(maps: Maps) -> np.ndarray:
        return chosen.redundancy(of(maps), *extra)

    quantities: dict[str, Quantity] = {
        "redundancy": redundancy,
        "unique_first": lambda i: of(i)["first"] - redundancy(i),
        "unique_second": lambda i: of(i)["second"] - redundancy(i),
        "synergy": lambda i: of(i)["both"] - of(i)["first"] - of(i)["second"] + redundancy(i),
    }
    return replicates.estimates(quantities)


def _close(left: np.ndarray, right: np.ndarray, bound: float) -> bool:
    return bool(np.all(np.abs(left - right) <= bound))
