"""Which totals a file states of a pair, in which order, and which of them lists show."""

from collections.abc import Iterable
from typing import NamedTuple

import h5py
import numpy as np

from store.hdf5.access import text, texts
from store.hdf5.names import DATASETS, SAMPLES
from store.pid import measures
from store.pid.decomposition import ALIGNMENT, PARTS, PER_IMAGE, STANDARD_OF, total_key
from store.pid.information import INFORMATION, STANDARD_MAPS
from store.pid.measures import STANDARD, Surprisals
from store.pid.totals import TOGETHER, StoredTotals, TotalKey, TotalsByKey
from store.records import PairResult

SAMPLED = len(SAMPLES) + len(STANDARD_MAPS)  # values of each image that stand before its redundancies


class ImageColumns(NamedTuple):
    """The values that a pair has one of for each of its images."""

    seeds: tuple[int, ...]
    noises: tuple[int, ...]
    run_keys: tuple[str, ...]

    @classmethod
    def of(cls, seeds: np.ndarray, noises: np.ndarray, run_keys: np.ndarray) -> "ImageColumns":
        """Returns the columns that were read from a file."""
        keys = tuple(key.decode() for key in run_keys.tolist())
        return cls(tuple(map(int, seeds)), tuple(map(int, noises)), keys)


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
        """Returns the layout in which `result` is written."""
        offered = measures.offered(result.surprisals, result.estimator)
        return cls(result.measure, result.estimator, result.surprisals, tuple(offered))

    @classmethod
    def read(cls, pair: h5py.Group) -> "TotalsLayout":
        """Returns the layout that the group of a pair has."""
        measure, given = text(pair, "measure"), pair.attrs.get("surprisals")
        surprisals = None if given is None else (float(given[0]), float(given[1]))
        offered = texts(pair, "measures") if "measures" in pair.attrs else (measure,)
        return cls(measure, text(pair, "estimator"), surprisals, offered)

    def parts(self, levels: Iterable[str]) -> list[TotalKey]:
        """Returns the keys of the totals of parts: measure by measure, level by level."""
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
        """Returns the key of the total of one of DATASETS, under the pair's own measure and estimator."""
        name = STANDARD_OF[name] if self.estimator == STANDARD and name in STANDARD_OF else name
        return self._key(name, PER_IMAGE[0], self.measure)

    def listed(self, stored: StoredTotals, levels: Iterable[str] = PER_IMAGE) -> "ListedTotals":
        """Returns the totals for lists, with redundancies at `levels`."""
        totals = stack(stored.images, map(self.key, DATASETS))
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


def stack(totals: TotalsByKey, keys: Iterable[TotalKey]) -> np.ndarray:
    """Returns totals and errors in the order of `keys`, float64 (S, K, 2)."""
    return np.stack([totals[key] for key in keys], axis=1)


def unstack(values: np.ndarray, keys: Iterable[TotalKey]) -> TotalsByKey:
    """Returns the totals in `values` (S, ..., 2) by key, each (S, 2)."""
    flat = values.reshape(len(values), -1, 2)
    return {key: flat[:, index] for index, key in enumerate(keys)}
