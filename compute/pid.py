"""Information maps -> redundancy, uniqueness, synergy, under a measure of the registry.

The decomposition follows Williams and Beer (2010) and, for diffusion models, Dewan et al. (2024):
with a redundancy R, U1 = I1 - R, U2 = I2 - R, S = I12 - I1 - I2 + R.
"""

from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from compute.information import ORTHOGONAL, Replicated
from store.errors import InputError
from store.records import Decomposition, InformationMaps

Maps = dict[str, np.ndarray]


@dataclass(frozen=True)
class Measure:
    """A redundancy measure: a function of the maps `first`, `second`, `both`, `between` (..., h, w), in nats."""

    name: str
    redundancy: Callable[[Maps], np.ndarray]
    estimators: tuple[str, ...]
    source: str


def mmi(maps: Maps) -> np.ndarray:
    """Minimum mutual information (Barrett 2015): what the weaker word brings, pixel by pixel.

    To be taken after the integral over log SNR, on orthogonal maps: standard ones are signed and noisy.
    """
    return np.minimum(maps["first"], maps["second"])


MEASURES = {measure.name: measure for measure in [Measure("mmi", mmi, (ORTHOGONAL,), "Barrett 2015")]}


def check_measure(name: str, estimator: str) -> Measure:
    """The measure `name`.

    Raises
    ------
    InputError: there is no such measure, or it is invalid on maps of `estimator`.
    """
    if name not in MEASURES:
        raise InputError(f"measure {name!r}", "not known", f"use one of {', '.join(MEASURES)}")
    measure = MEASURES[name]
    if estimator not in measure.estimators:
        reason = "the minimum of signed, noisy maps is no redundancy; both estimates are stored in any case"
        raise InputError(f"measure {name} on {estimator} maps", reason, f"use --estimator {measure.estimators[0]}")
    return measure


def decompose(replicated: Replicated, measure: str = "mmi") -> Decomposition:
    """The partial information of a pair about S images, with jackknife errors of the non-linear parts too."""
    redundancy = check_measure(measure, ORTHOGONAL).redundancy
    parts: dict[str, Callable[[Maps], np.ndarray]] = {
        "redundancy": redundancy,
        "unique_first": lambda i: i["first"] - redundancy(i),
        "unique_second": lambda i: i["second"] - redundancy(i),
        "synergy": lambda i: i["both"] - i["first"] - i["second"] + redundancy(i),
    }
    information = InformationMaps(
        **{name: replicated.estimate(itemgetter(name)) for name in replicated.maps},
        curve=replicated.curve.astype(np.float32),
        log_snr=replicated.log_snr.astype(np.float32),
    )
    return Decomposition(
        measure, information, **{name: replicated.estimate(quantity) for name, quantity in parts.items()}
    )
