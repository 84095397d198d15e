"""Redundancy measures by name, one a file: functions of information in nats, at whatever level it is given.

They need no model, only what a file of the store holds, so a page can change the measure at once.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from store.errors import InputError
from store.pid.measures.aligned import aligned
from store.pid.measures.ccs import ccs
from store.pid.measures.mmi import mmi
from store.pid.measures.pm import pm

ORTHOGONAL, STANDARD = ESTIMATORS = ("orthogonal", "standard")
Maps = Mapping[str, np.ndarray]
Surprisals = tuple[float, float]


@dataclass(frozen=True)
class Measure:
    """A redundancy measure and the estimators on whose maps it is valid."""

    name: str
    redundancy: Callable[..., np.ndarray]  # of maps `first`, `second`, `both`, `between`; of surprisals where needed
    estimators: tuple[str, ...]
    needs_surprisals: bool
    source: str
    refusal: str = ""  # why it is refused on other maps


MEASURES = {
    measure.name: measure
    for measure in (
        Measure("mmi", mmi, (ORTHOGONAL,), False, "Barrett 2015", "the minimum of signed, noisy maps is no redundancy"),
        Measure(
            "aligned",
            aligned,
            (ORTHOGONAL,),
            False,
            "this project",
            "it is a product of shifts, which errors of the noise do not have",
        ),
        Measure("ccs", ccs, ESTIMATORS, False, "Ince 2017"),
        Measure("pm", pm, ESTIMATORS, True, "Finn and Lizier 2018"),
    )
}
DEFAULT = "aligned"  # on the evidence of docs/experiments.md


def find(name: str, estimator: str = ORTHOGONAL, surprisals: Surprisals | None = None) -> Measure:
    """The measure `name`, to be applied to maps of `estimator`.

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
    """The measures that can be applied."""
    there = [m for m in MEASURES.values() if estimator in m.estimators]
    return [measure.name for measure in there if surprisals or not measure.needs_surprisals]
