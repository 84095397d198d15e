"""What was measured of one pair of a study's sentence, as the pages of studies show it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from pages.address import ALL_LEVELS, View
from pages.data import decompositions, results
from pages.figures.maps import Layer
from pages.figures.quantities import BASELINES, factor, written
from store.catalogue import Entry
from store.errors import StoreError
from store.pid.decomposition import Decomposition
from store.records import PairResult, RunRecord


@dataclass(frozen=True)
class PairMaps:
    """A pair of words, and what is stored about it."""

    entry: Entry
    record: RunRecord
    pair: PairResult  # under the measure shown
    notes: tuple[str, ...]  # what had to differ from what was asked for

    def index(self, seed: str) -> int | None:
        """The place of the image of `seed`, if there is one."""
        seeds = list(map(str, self.pair.seeds))
        return seeds.index(seed) if seed in seeds else None

    def image(self, index: int) -> np.ndarray:
        """uint8 (H, W, 3)."""
        return self.record.images_of(self.pair)[index]

    def thumbnails(self) -> list[str]:
        """The images as data URIs, in the order of the pair's seeds."""
        pictures = dict(zip(self.record.seeds, results.thumbnails(self.entry.path), strict=True))
        return [pictures[seed] for seed in self.pair.seeds]

    def parts(self, mode: str, level: str = "pixel") -> Decomposition:
        """The parts of all images."""
        return decompositions.decomposition(self.entry.path, self.pair, mode, level)

    def total(self, mode: str, name: str, view: View) -> str:
        """The total of `name` in the image that `view` shows, with its error, in the unit shown."""
        found, index, scale = self.parts(mode)[name], self.index(view.seed), factor(view.unit)
        return written(found.total[index] * scale, found.total_se[index] * scale)

    def places(self, word: str) -> tuple[str, str]:
        """How the quantities of `word`, then those of the other word, are called: *first* and *second*."""
        leads = self.pair.pair.words[0].casefold() == word.casefold()
        return ("first", "second") if leads else ("second", "first")

    def limit(self, view: View, names: Sequence[str]) -> float:
        """Where the colour scale of the maps `names` of all its images ends, in nats."""
        return decompositions.limit_of(self.entry.path, self.pair, view.band == ALL_LEVELS, tuple(names))

    def layers(self, view: View, index: int, names: Sequence[str], limit: float) -> list[Layer]:
        """Those of the maps `names` that there are; information on a scale that ends at `limit`, in the unit shown."""
        there = decompositions.layers(self.entry.path, self.pair, view, index)
        return [there[name] if name in BASELINES else there[name].up_to(limit) for name in names if name in there]


def read(view: View, entry: Entry) -> PairMaps:
    """Return what is stored of `entry`; raises StoreError where it cannot be read."""
    record = results.record(entry.path, entry.pair)
    if not record.pairs:
        raise StoreError(entry.path, f"the pair {entry.pair} is gone", "reload the page")
    pair, notes = decompositions.under(record.pairs[0], view.measure)
    return PairMaps(entry, record, pair, tuple(notes))


def in_band(view: View, shown: PairMaps) -> tuple[View, dict[str, str]]:
    """`view` with a band of noise levels that there is, and all there are."""
    bands = decompositions.bands(shown.pair, view.mode)
    return replace(view, band=view.band if view.band in bands else ALL_LEVELS), bands
