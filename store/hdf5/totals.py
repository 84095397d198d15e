"""Which totals a file states of a pair, in which order, and what lists take from them."""

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


class Columns(NamedTuple):
    """What a pair has of each of its images."""

    seeds: tuple[int, ...]
    noises: tuple[int, ...]
    run_keys: tuple[str, ...]

    @classmethod
    def of(cls, seeds: np.ndarray, noises: np.ndarray, run_keys: np.ndarray) -> "Columns":
        """Those read from a file."""
        keys = tuple(key.decode() for key in run_keys.tolist())
        return cls(tuple(map(int, seeds)), tuple(map(int, noises)), keys)


class Listed(NamedTuple):
    """What lists have of a pair in one mode, in nats."""

    summary: np.ndarray  # (13, 2), of each of DATASETS the mean total over images and its standard error
    samples: np.ndarray  # (P, 6 + N), of each image SAMPLES, the standard estimates, redundancies by measure and level
    together: np.ndarray  # (M,), redundancy of all images together under each measure; empty before version 3


class Shown(NamedTuple):
    """How a pair is shown, and under which measures its parts are stated."""

    measure: str
    estimator: str
    surprisals: Surprisals | None
    measures: tuple[str, ...]  # that of the pair alone before version 3

    @classmethod
    def of(cls, result: PairResult) -> "Shown":
        """How `result` is written."""
        offered = measures.offered(result.surprisals, result.estimator)
        return cls(result.measure, result.estimator, result.surprisals, tuple(offered))

    @classmethod
    def read(cls, pair: h5py.Group) -> "Shown":
        """What the group of a pair says."""
        measure, given = text(pair, "measure"), pair.attrs.get("surprisals")
        surprisals = None if given is None else (float(given[0]), float(given[1]))
        offered = texts(pair, "measures") if "measures" in pair.attrs else (measure,)
        return cls(measure, text(pair, "estimator"), surprisals, offered)

    def parts(self, levels: Iterable[str]) -> list[TotalKey]:
        """The totals of parts: measure by measure, level by level."""
        return [self._key(part, level, name) for name in self.measures for level in levels for part in PARTS]

    @property
    def images(self) -> list[TotalKey]:
        """All totals of each image."""
        return [*map(TotalKey, (*INFORMATION, ALIGNMENT)), *self.parts(PER_IMAGE)]

    @property
    def together(self) -> list[TotalKey]:
        """All totals of all images together."""
        return [*map(TotalKey, (*INFORMATION, ALIGNMENT)), *self.parts((TOGETHER,))]

    def key(self, name: str) -> TotalKey:
        """The total of one of DATASETS, under the pair's own measure and estimator."""
        name = STANDARD_OF[name] if self.estimator == STANDARD and name in STANDARD_OF else name
        return self._key(name, PER_IMAGE[0], self.measure)

    def listed(self, stated: StoredTotals, levels: Iterable[str] = PER_IMAGE) -> "Listed":
        """What lists need, of parts at `levels`."""
        totals = stack(stated.images, map(self.key, DATASETS))
        errors = np.sqrt(np.square(totals[..., 1]).sum(0)) / len(totals)
        measured = [*map(self.key, SAMPLES), *map(TotalKey, STANDARD_MAPS)]
        redundancies, together = (self.parts(of)[:: len(PARTS)] for of in (levels, (TOGETHER,)))
        return Listed(
            summary=np.stack([totals[..., 0].mean(0), errors], axis=-1),
            samples=stack(stated.images, [*measured, *redundancies])[..., 0],
            together=np.array([stated.together[key][0, 0] for key in together if key in stated.together]),
        )

    def _key(self, name: str, level: str, measure: str) -> TotalKey:
        return total_key(name, level, measure, self.estimator, self.surprisals)


def stack(totals: TotalsByKey, keys: Iterable[TotalKey]) -> np.ndarray:
    """Totals and errors in the order of `keys`, float64 (S, K, 2)."""
    return np.stack([totals[key] for key in keys], axis=1)


def unstack(values: np.ndarray, keys: Iterable[TotalKey]) -> TotalsByKey:
    """The totals, by what they are, of `values` (S, ..., 2)."""
    flat = values.reshape(len(values), -1, 2)
    return {key: flat[:, index] for index, key in enumerate(keys)}
