"""Totals that a file states: exact where its maps are rounded, with errors where nothing else could tell them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

TOGETHER = "prompt"  # the level of all images together


class Key(NamedTuple):
    """Which total: of a map, or of a part under a measure, on maps of an estimator, at a level."""

    name: str
    measure: str = ""
    estimator: str = ""
    surprisals: tuple[float, float] | None = None  # where the measure needs them
    level: str = ""


Totals = Mapping[Key, np.ndarray]


@dataclass(frozen=True)
class Stated:
    """Totals of one pair in one mode, in nats, each beside its standard error; they go before what maps say.

    S images. What is not stated is missing.
    """

    images: Totals = field(default_factory=dict)  # each float64 (S, 2)
    together: Totals = field(default_factory=dict)  # of all images together, each float64 (1, 2)

    def at(self, level: str) -> Totals:
        """Totals at `level`, of each image or of all together."""
        return self.together if level == TOGETHER else self.images

    def of_images(self, order: Sequence[int]) -> "Stated":
        """The same of some images, by position; unless these are all, nothing is stated of all together."""
        images = {key: values[list(order)] for key, values in self.images.items()}
        whole = all(len(order) == len(set(order)) == len(values) for values in self.images.values())
        return Stated(images, self.together if whole else {})

    def joined(self, other: "Stated") -> "Stated":
        """What both state, of the images of both; nothing of all together."""
        shared = [key for key in self.images if key in other.images]
        return Stated({key: np.concatenate([self.images[key], other.images[key]]) for key in shared})

    def completed(self, derived: "Stated") -> "Stated":
        """This one, and of `derived` what it lacks; means over images for maps that neither has together."""
        images = {**derived.images, **self.images}
        means = {key: _mean(values) for key, values in images.items() if not key.measure}
        return Stated(images, {**means, **derived.together, **self.together})


def _mean(values: np.ndarray) -> np.ndarray:
    """The mean total over images, and what their errors make of its error."""
    return np.array([[values[:, 0].mean(), np.sqrt(np.square(values[:, 1]).sum()) / len(values)]])
