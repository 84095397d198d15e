"""From information to redundancy, uniqueness and synergy under a measure: arithmetic on stored maps.

The decomposition follows Williams and Beer (2010) and, for diffusion models, Dewan et al. (2024): with a redundancy
R, U1 = I1 - R, U2 = I2 - R, S = I12 - I1 - I2 + R. All values are in nats.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from operator import itemgetter

import numpy as np

from store.errors import InputError
from store.pid import measures
from store.pid.information import INFORMATION, LEVELS, STANDARD_MAPS, Estimate, MapFunction, Replicates
from store.pid.measures import MEASURES, ORTHOGONAL, PARTS, STANDARD, Maps, Surprisals
from store.pid.measures.aligned import alignment
from store.pid.totals import TOGETHER, StoredTotals, TotalKey

ALIGNMENT = "alignment"
PER_IMAGE = ("pixel", "image")  # levels at which every image has parts of its own
STANDARD_OF = dict(zip(("first", "second", "both"), STANDARD_MAPS, strict=True))  # orthogonal map -> standard map


@dataclass(frozen=True)
class Decomposition:
    """The partial information of a pair about each image, in nats, under one redundancy measure.

    The parts add up: redundancy + unique_first = first, redundancy + unique_second = second, all four = both, where
    these three are the maps of `estimator`. Synergy can be negative. `alignment` has a total only and no unit: it is
    r / sqrt(i1 i2) of `aligned` over whole maps.
    """

    measure: str
    estimator: str
    estimates: dict[str, Estimate]  # PARTS, INFORMATION (NaN where there is no map), ALIGNMENT

    def __getitem__(self, name: str) -> Estimate:
        return self.estimates[name]

    def of_estimator(self, name: str) -> Estimate:
        """Return the estimate of `name`; of *first*, *second* and *both* the one that the parts add up to."""
        return self[STANDARD_OF.get(name, name) if self.estimator == STANDARD else name]

    def with_stored(self, stored: StoredTotals, level: str, surprisals: Surprisals | None) -> "Decomposition":
        """Return the same maps with the totals and errors that are `stored` at `level`."""
        totals = stored.at(level)
        keys = {name: total_key(name, level, self.measure, self.estimator, surprisals) for name in self.estimates}
        known = {name: self[name].with_totals(totals[key]) for name, key in keys.items() if key in totals}
        return replace(self, estimates=self.estimates | known)

    @property
    def finite(self) -> bool:
        """Whether the totals of all parts are finite numbers."""
        return all(np.isfinite(self[name].total).all() for name in PARTS)

    def violations(self, tolerance: float) -> list[str]:
        """Return the identities that the maps break by more than `tolerance` times the largest value involved.

        A map of a part is the difference of rounded maps, so the sum of its pixels is compared at their size.
        """
        broken = _broken_identities({name: self.of_estimator(name).map for name in (*PARTS, *STANDARD_OF)}, tolerance)
        for name in PARTS:
            part = self[name]
            size = np.abs(part.map) + np.abs(self.of_estimator("both").map)
            bound = tolerance * max(size.sum(axis=(1, 2)).max(initial=0), 1e-6)
            if not _close(part.map.sum(axis=(1, 2), dtype=np.float64), part.total, bound):
                broken.append(f"map of {name} sums to its total")
        return broken

    def contradictions(self, tolerance: float) -> list[str]:
        """Return the identities that the totals break by more than `tolerance` times the largest value involved."""
        return _broken_identities({name: self.of_estimator(name).total for name in (*PARTS, *STANDARD_OF)}, tolerance)

    @property
    def consistent(self) -> bool:
        """Whether all identities hold to single precision."""
        return not self.violations(1e-4)


def decompose(
    replicates: Replicates, measure: str, estimator: str = ORTHOGONAL, surprisals: Surprisals | None = None
) -> Decomposition:
    """Return all estimates of a pair under `measure`, with jackknife errors of the non-linear parts too.

    Raises
    ------
    InputError: the measure is unknown, invalid on maps of `estimator`, or lacks the words' surprisals.
    """
    estimates = estimate_parts(replicates, measure, estimator, surprisals)
    maps = estimate_maps(replicates)
    unknown = Estimate(*(np.full_like(values, np.nan) for values in vars(maps["first"]).values()))
    estimates |= dict.fromkeys(INFORMATION, unknown) | maps
    return Decomposition(measure, estimator, estimates)


def estimate_maps(replicates: Replicates) -> dict[str, Estimate]:
    """Return the estimates of the maps themselves, as far as they are there, and the ALIGNMENT of their totals."""
    functions = {name: itemgetter(name) for name in INFORMATION if name in replicates.maps}
    return {**replicates.estimates(functions), ALIGNMENT: replicates.at("image").estimate(alignment)}


def estimate_parts(
    replicates: Replicates, measure: str, estimator: str = ORTHOGONAL, surprisals: Surprisals | None = None
) -> dict[str, Estimate]:
    """Return the estimates of the PARTS alone; raises as `decompose` does."""
    chosen = measures.find(measure, estimator, surprisals)
    if estimator == STANDARD and not set(STANDARD_MAPS) <= set(replicates.maps):
        raise InputError(f"measure {measure} on standard maps", "the file keeps none", "compute the pair in full")
    given = (surprisals,) if chosen.needs_surprisals else ()

    def of(maps: Maps) -> Maps:
        """The maps of the estimator, under the names of the orthogonal ones."""
        return {**maps, **{name: maps[other] for name, other in STANDARD_OF.items()}} if estimator == STANDARD else maps

    def redundancy(maps: Maps) -> np.ndarray:
        return chosen.redundancy(of(maps), *given)

    functions: dict[str, MapFunction] = {
        "redundancy": redundancy,
        "unique_first": lambda maps: of(maps)["first"] - redundancy(maps),
        "unique_second": lambda maps: of(maps)["second"] - redundancy(maps),
        "synergy": lambda maps: of(maps)["both"] - of(maps)["first"] - of(maps)["second"] + redundancy(maps),
    }
    return replicates.estimates(functions)


def total_key(name: str, level: str, measure: str, estimator: str, surprisals: Surprisals | None) -> TotalKey:
    """Return the key under which the total of `name`, one of PARTS or of a map, is stored at `level`."""
    if name not in PARTS:
        return TotalKey(name)
    needed = surprisals if MEASURES[measure].needs_surprisals else None
    return TotalKey(name=name, measure=measure, estimator=estimator, surprisals=needed, level=level)


def derive_totals(replicates: Replicates, estimator: str, surprisals: Surprisals | None = None) -> StoredTotals:
    """Return all totals that follow from the maps: of the maps, and of the parts under each measure at each level."""
    images: dict[TotalKey, np.ndarray] = {}
    together: dict[TotalKey, np.ndarray] = {}
    for level in LEVELS:
        maps, found = replicates.at(level), together if level == TOGETHER else images
        for measure in measures.offered(surprisals, estimator):
            for name, estimate in estimate_parts(maps, measure, estimator, surprisals).items():
                found[total_key(name, level, measure, estimator, surprisals)] = estimate.with_error
        if level in (PER_IMAGE[0], TOGETHER):
            found |= {TotalKey(name): estimate.with_error for name, estimate in estimate_maps(maps).items()}
    return StoredTotals(images, together)


def _broken_identities(values: Mapping[str, np.ndarray], tolerance: float) -> list[str]:
    r, u1, u2, s, first, second, both = (values[name] for name in (*PARTS, *STANDARD_OF))
    scale = max(*(np.abs(one).max(initial=0) for one in (first, second, both)), 1e-6)
    identities = {
        "R + U1 = I1": (r + u1, first),
        "R + U2 = I2": (r + u2, second),
        "R + U1 + U2 + S = I12": (r + u1 + u2 + s, both),
    }
    return [name for name, (left, right) in identities.items() if not _close(left, right, tolerance * scale)]


def _close(left: np.ndarray, right: np.ndarray, bound: float) -> bool:
    with np.errstate(invalid="ignore"):  # infinite values leave NaN, which is not close
        return bool(np.all(np.abs(left - right) <= bound))
