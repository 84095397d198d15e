"""What a redundancy measure consists of: its formula, and all that other parts of the software need to know of it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

ORTHOGONAL, STANDARD = ESTIMATORS = ("orthogonal", "standard")
PARTS = ("redundancy", "unique_first", "unique_second", "synergy")
Maps = Mapping[str, np.ndarray]  # information in nats by name, all of one shape
Surprisals = tuple[float, float]  # -log p of either word, in nats


@dataclass(frozen=True, kw_only=True)
class Measure:
    """A redundancy measure. Whatever the measure, its values are in nats and are called R, *redundant*.

    `redundancy` takes maps `first`, `second`, `both` and `between` (arrays of one shape, in nats) and returns an array
    of that shape; with `needs_surprisals` it takes the surprisals of both words as second argument. `estimators` are
    those on whose maps it is valid; `refusal` says why it is refused on others.
    """

    name: str
    title: str  # its full name
    redundancy: Callable[..., np.ndarray]
    source: str  # who proposed it, and when
    brief: str  # its meaning in one line, without a full stop
    sentence: str  # the same of a pair of words: {0} and {1} stand for them
    explanation: str  # what a redundancy under it is and is not, in Markdown
    definition: str  # its formula and how to read it, in Markdown with LaTeX
    estimators: tuple[str, ...] = (ORTHOGONAL,)
    refusal: str = ""
    needs_surprisals: bool = False
    nonnegative: tuple[str, ...] = ()  # the parts that are never below zero on orthogonal maps

    def can_be_negative(self, part: str, estimator: str = ORTHOGONAL) -> bool:
        """Whether `part`, one of PARTS, can be below zero: on standard maps, which are signed, each can."""
        return estimator == STANDARD or part not in self.nonnegative
