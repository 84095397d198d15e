"""Which totals a file states of a pair, in which order, and which of them lists show."""

import re
from collections.abc import Iterable
from typing import NamedTuple

import numpy as np

from store.hdf5.bounds import Refused
from store.hdf5.names import DATASETS, SAMPLES
from store.pid import measures
from store.pid.decomposition import ALIGNMENT, PARTS, PER_IMAGE, STANDARD_OF, total_key
from store.pid.information import INFORMATION, STANDARD_MAPS
from store.pid.measures import STANDARD, Surprisals
from store.pid.totals import TOGETHER, StoredTotals, TotalKey, TotalsByKey
from store.records import PairResult

SAMPLED = len(SAMPLES) + len(STANDARD_MAPS)  # values of each image that stand before its redundancies
RUN_KEY = re.compile(rb"|[0-9a-f]{64}")
MOST_NOISES = 2**53  # from here on a float64 no longer counts
Grid = tuple[int, int]  # height and width of the latents


class ImageColumns(NamedTuple):
    """The values that a pair has one of for each of its images."""

    seeds: tuple[int, ...]
    noises: tuple[int, ...]
    run_keys: tuple[str, ...]

    @classmethod
    def of(cls, seeds: np.ndarray, noises: Iterable[int], run_keys: np.ndarray) -> "ImageColumns":
        """Return the columns that were read from a file. Raise Refused if a number of noises or a run key is none."""
        found = cls(tuple(map(int, seeds)), tuple(map(int, noises)), tuple(map(_decoded, run_keys.tolist())))
        if not all(0 < count <= MOST_NOISES for count in found.noises):
            raise Refused(f"a number of noises is not from 1 to {MOST_NOISES}")
        return found


class ListedTotals(NamedTuple):
    """The totals of a pair in one mode that lists show, in nats."""

    summary: np.ndarray  # (13, 2), for each of DATASETS the mean total over images and its standard error
    samples: np.ndarray  # (P, 6 + N), for each image SAMPLES, the standard estimates, redundancies by measure and level
    together: np.ndarray  # (M,), redundancy of all images together under each measure; empty before version 3


class TotalsLayout(NamedTuple):
    """The measure and estimator that a pair is shown under, and the measures that its totals are stored under."""

    measure: str
    estimator: str
    surprisals: Surprisals | None
    measures: tuple[str, ...]  # that of the pair alone before version 3

    @classmethod
    def of(cls, result: PairResult) -> "TotalsLayout":
        """Return the layout in which `result` is written."""
        offered = measures.offered(result.surprisals, result.estimator)
        return cls(result.measure, result.estimator, result.surprisals, tuple(offered))

    def parts(self, levels: Iterable[str]) -> list[TotalKey]:
        """Return the keys of the totals of parts: measure by measure, level by level."""
        return [self._key(part, level, name) for name in self.measures for level in levels for part in PARTS]

    @property
    def images(self) -> list[TotalKey]:
        """The keys of all totals of each image, in the order of the file."""
        return [*map(TotalKey, (*INFORMATION, ALIGNMENT)), *self.parts(PER_IMAGE)]

    @property
    def together(self) -> list[TotalKey]:
        """The keys of all totals of all images together, in the order of the file."""
        return [*map(TotalKey, (*INFORMATION, ALIGNMENT)), *self.parts((TOGETHER,))]

    def key(self, name: str) -> TotalKey:
        """Return the key of the total of one of DATASETS, under the pair's own measure and estimator."""
        name = STANDARD_OF[name] if self.estimator == STANDARD and name in STANDARD_OF else name
        return self._key(name, PER_IMAGE[0], self.measure)

    def listed(self, stored: StoredTotals, levels: Iterable[str] = PER_IMAGE) -> "ListedTotals":
        """Return the totals for lists, with redundancies at `levels`."""
        totals = stack(stored.images, map(self.key, DATASETS))
        with np.errstate(over="ignore"):  # what is too large leaves infinity, which says it
            errors = np.sqrt(np.square(totals[..., 1]).sum(0)) / len(totals)
        measured = [*map(self.key, SAMPLES), *map(TotalKey, STANDARD_MAPS)]
        redundancies, together = (self.parts(of)[:: len(PARTS)] for of in (levels, (TOGETHER,)))
        return ListedTotals(
            summary=np.stack([totals[..., 0].mean(0), errors], axis=-1),
            samples=stack(stored.images, [*measured, *redundancies])[..., 0],
            together=np.array([stored.together[key][0, 0] for key in together if key in stored.together]),
        )

    def _key(self, name: str, level: str, measure: str) -> TotalKey:
        return total_key(name, level, measure, self.estimator, self.surprisals)


def levels_of(values: np.ndarray) -> np.ndarray:
    """Return `values`, noise levels as log SNR. Raise Refused if they are not finite numbers that rise."""
    if not (np.isfinite(values).all() and (np.diff(values) > 0).all()):
        raise Refused("noise levels are not finite numbers that rise")
    return values


def _decoded(key: bytes) -> str:
    if not RUN_KEY.fullmatch(key):
        raise Refused("a run key is not of 64 hexadecimal digits")
    return key.decode()


def stack(totals: TotalsByKey, keys: Iterable[TotalKey]) -> np.ndarray:
    """Return totals and errors in the order of `keys`, float64 (S, K, 2)."""
    return np.stack([totals[key] for key in keys], axis=1)


def unstack(values: np.ndarray, keys: Iterable[TotalKey]) -> TotalsByKey:
    """Return the totals in `values` (S, ..., 2) by key, each (S, 2)."""
    flat = values.reshape(len(values), -1, 2)
    return {key: flat[:, index] for index, key in enumerate(keys)}
