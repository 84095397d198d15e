"""Totals that a file stores beside its maps: exact where maps are rounded, with errors that maps cannot give."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

TOGETHER = "prompt"  # the level of all images together


class TotalKey(NamedTuple):
    """Which total is meant: of a map, or of a part under a measure, on maps of an estimator, at a level.

    The total of a map is told by its `name` alone.
    """

    name: str
    measure: str = ""
    estimator: str = ""
    surprisals: tuple[float, float] | None = None  # where the measure needs them
    level: str = ""


TotalsByKey = Mapping[TotalKey, np.ndarray]


@dataclass(frozen=True)
class StoredTotals:
    """Totals of one pair in one mode, in nats, each beside its standard error. They take precedence over maps.

    `images` are float64 (S, 2) for S images, `together` are of all images together, float64 (1, 2). A total that
    is not stored has no key.
    """

    images: TotalsByKey = field(default_factory=dict)
    together: TotalsByKey = field(default_factory=dict)

    def at(self, level: str) -> TotalsByKey:
        """Return the totals that `level` uses: those of all images together for *prompt*, else those of each image."""
        return self.together if level == TOGETHER else self.images

    def of_images(self, order: Sequence[int]) -> "StoredTotals":
        """Return the totals of some images, by position. Totals of all together stay only if these are all images."""
        images = {key: values[list(order)] for key, values in self.images.items()}
        whole = all(len(order) == len(set(order)) == len(values) for values in self.images.values())
        return StoredTotals(images, self.together if whole else {})

    def joined(self, other: "StoredTotals") -> "StoredTotals":
        """Return the totals that both store, of the images of both; none of all images together."""
        shared = [key for key in self.images if key in other.images]
        return StoredTotals({key: np.concatenate([self.images[key], other.images[key]]) for key in shared})

    def completed(self, derived: "StoredTotals") -> "StoredTotals":
        """Return these totals, and those of `derived` that are missing here.

        The total of a map over all images together is the mean over images, where neither has it.
        """
        images = {**derived.images, **self.images}
        means = {key: _mean(values) for key, values in images.items() if not key.measure}
        return StoredTotals(images, {**means, **derived.together, **self.together})


def _mean(values: np.ndarray) -> np.ndarray:
    """Return the mean (1, 2) of totals (S, 2) over images, with the error that their errors give it."""
    return np.array([[values[:, 0].mean(), np.sqrt(np.square(values[:, 1]).sum()) / len(values)]])
