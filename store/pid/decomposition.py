"""Information -> redundancy, uniqueness, synergy, under a measure: arithmetic on what was measured.

The decomposition follows Williams and Beer (2010) and, for diffusion models, Dewan et al. (2024): with a redundancy
R, U1 = I1 - R, U2 = I2 - R, S = I12 - I1 - I2 + R.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import itemgetter

import numpy as np

from store.errors import InputError
from store.pid import measures
from store.pid.information import INFORMATION, LEVELS, STANDARD_MAPS, Estimate, Quantity, Replicates
from store.pid.measures import MEASURES, ORTHOGONAL, STANDARD, Surprisals
from store.pid.measures.aligned import alignment
from store.pid.totals import TOGETHER, Key, Stated

PARTS = ("redundancy", "unique_first", "unique_second", "synergy")
ALIGNMENT = "alignment"
PER_IMAGE = ("pixel", "image")  # levels at which every image has parts of its own
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
    estimates: dict[str, Estimate]  # PARTS, INFORMATION (NaN where there is no map), ALIGNMENT

    def __getitem__(self, name: str) -> Estimate:
        return self.estimates[name]

    def shown(self, name: str) -> Estimate:
        """The estimate of `name`: of first, second and both that of the estimator which the parts add up to."""
        return self[SHOWN_AS[name] if self.estimator == STANDARD and name in SHOWN_AS else name]

    def stating(self, known: Stated, level: str, surprisals: Surprisals | None) -> "Decomposition":
        """The same with the totals that are `known` at `level`."""
        totals = known.at(level)
        keys = {name: key_of(name, level, self.measure, self.estimator, surprisals) for name in self.estimates}
        told = {name: self[name].with_totals(totals[key]) for name, key in keys.items() if key in totals}
        return replace(self, estimates=self.estimates | told)

    @property
    def finite(self) -> bool:
        """Whether every total is a number."""
        return all(np.isfinite(self[name].total).all() for name in PARTS)

    def violations(self, tolerance: float) -> list[str]:
        """The identities that maps do not fulfil within `tolerance` times the largest value involved.

        A map of a part is the difference of rounded ones, so its sum is held to their size.
        """
        found = _broken({name: self.shown(name).map for name in (*PARTS, *SHOWN_AS)}, tolerance)
        for name in PARTS:
            part = self[name]
            size = np.abs(part.map) + np.abs(self.shown("both").map)
            bound = tolerance * max(size.sum(axis=(1, 2)).max(initial=0), 1e-6)
            if not _close(part.map.sum(axis=(1, 2), dtype=np.float64), part.total, bound):
                found.append(f"map of {name} sums to its total")
        return found

    def contradictions(self, tolerance: float) -> list[str]:
        """The identities that totals do not fulfil within `tolerance` times the largest value involved."""
        return _broken({name: self.shown(name).total for name in (*PARTS, *SHOWN_AS)}, tolerance)

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
    known = measured(replicates)
    unknown = Estimate(*(np.full_like(values, np.nan) for values in vars(known["first"]).values()))
    estimates |= dict.fromkeys(INFORMATION, unknown) | known
    return Decomposition(measure, estimator, estimates)


def measured(replicates: Replicates) -> dict[str, Estimate]:
    """The maps themselves, as far as they are there, and the ALIGNMENT."""
    known = replicates.estimates({name: itemgetter(name) for name in INFORMATION if name in replicates.maps})
    return {**known, ALIGNMENT: replicates.at("image").estimate(alignment)}


def parts(
    replicates: Replicates, measure: str, estimator: str = ORTHOGONAL, surprisals: Surprisals | None = None
) -> dict[str, Estimate]:
    """The PARTS alone; raises as `decompose` does."""
    chosen = measures.find(measure, estimator, surprisals)
    if estimator == STANDARD and not set(STANDARD_MAPS) <= set(replicates.maps):
        raise InputError(f"measure {measure} on standard maps", "the file keeps none", "compute the pair in full")
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


def key_of(name: str, level: str, measure: str, estimator: str, surprisals: Surprisals | None) -> Key:
    """The key under which a total of `name`, one of PARTS or of a map, is stated at `level`."""
    if name not in PARTS:
        return Key(name)
    return Key(name, measure, estimator, surprisals if MEASURES[measure].needs_surprisals else None, level)


def stated(replicates: Replicates, estimator: str, surprisals: Surprisals | None = None) -> Stated:
    """All totals that can be derived: of the maps, and of the parts under every measure at every level."""
    images: dict[Key, np.ndarray] = {}
    together: dict[Key, np.ndarray] = {}
    for level in LEVELS:
        maps, found = replicates.at(level), together if level == TOGETHER else images
        for measure in measures.offered(surprisals, estimator):
            for name, estimate in parts(maps, measure, estimator, surprisals).items():
                found[key_of(name, level, measure, estimator, surprisals)] = estimate.stated
        if level in (PER_IMAGE[0], TOGETHER):
            found |= {Key(name): estimate.stated for name, estimate in measured(maps).items()}
    return Stated(images, together)


def _broken(values: Maps, tolerance: float) -> list[str]:
    r, u1, u2, s, first, second, both = (values[name] for name in (*PARTS, *SHOWN_AS))
    scale = max(*(np.abs(one).max(initial=0) for one in (first, second, both)), 1e-6)
    pairs = {
        "R + U1 = I1": (r + u1, first),
        "R + U2 = I2": (r + u2, second),
        "R + U1 + U2 + S = I12": (r + u1 + u2 + s, both),
    }
    return [name for name, (left, right) in pairs.items() if not _close(left, right, tolerance * scale)]


def _close(left: np.ndarray, right: np.ndarray, bound: float) -> bool:
    with np.errstate(invalid="ignore"):  # infinite values leave NaN, which is not close
        return bool(np.all(np.abs(left - right) <= bound))
