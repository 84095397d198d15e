"""Redundancy measures by name, each in a module of its own: arithmetic on information in nats, at any level.

They need no model, only what a file of the store holds, so a page can change the measure at once.
"""

from store.errors import InputError
from store.pid.measures.aligned import ALIGNED
from store.pid.measures.ccs import CCS
from store.pid.measures.measure import ESTIMATORS, ORTHOGONAL, PARTS, STANDARD, Maps, Measure, Surprisals
from store.pid.measures.mmi import MMI
from store.pid.measures.pm import PM

__all__ = [
    "DEFAULT",
    "ESTIMATORS",
    "MEASURES",
    "ORTHOGONAL",
    "PARTS",
    "STANDARD",
    "Maps",
    "Measure",
    "Surprisals",
    "find",
    "offered",
]

MEASURES: dict[str, Measure] = {measure.name: measure for measure in (MMI, ALIGNED, CCS, PM)}
DEFAULT = ALIGNED.name  # on the evidence of docs/experiments.md


def find(name: str, estimator: str = ORTHOGONAL, surprisals: Surprisals | None = None) -> Measure:
    """Return the measure `name`, to be applied to maps of `estimator`.

    Raises
    ------
    InputError: there is no such measure, it is invalid on these maps, or it lacks the words' surprisals.
    """
    if name not in MEASURES:
        raise InputError(f"measure {name!r}", "not known", f"use one of {', '.join(MEASURES)}")
    measure = MEASURES[name]
    if estimator not in measure.estimators:
        reason = f"{measure.refusal}; both estimates are stored in any case"
        raise InputError(f"measure {name} on {estimator} maps", reason, f"use --estimator {measure.estimators[0]}")
    if measure.needs_surprisals and surprisals is None:
        raise InputError(
            f"measure {name}",
            "it needs the surprisal of each word; with equal ones it is only the larger information",
            "give --surprisals H1 H2, in nats",
        )
    return measure


def offered(surprisals: Surprisals | None, estimator: str = ORTHOGONAL) -> list[str]:
    """Return the names of the measures that can be applied to maps of `estimator`."""
    valid = (measure for measure in MEASURES.values() if estimator in measure.estimators)
    return [measure.name for measure in valid if surprisals or not measure.needs_surprisals]
