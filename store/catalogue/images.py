"""The totals of single images as one long table, in nats."""

from collections.abc import Iterable
from typing import NamedTuple

import numpy as np
import pandas as pd

from store.catalogue.entry import Entry
from store.pid.information import STANDARD_MAPS
from store.records import Label

ABOUT = ("model", "revision", "guidance", "prompt", "first", "second", "mode", "study", "attribute", "subject")
INFORMATION = ("information_first", "information_second", "information_both")
MEASURED = (*INFORMATION, *STANDARD_MAPS)
COLUMNS = (
    *ABOUT,
    *("seed", "measure", "level"),
    *MEASURED,
    *("redundancy", "unique_first", "unique_second", "synergy"),
)
TOGETHER = "prompt"  # the level of all images together


class ImageSamples(NamedTuple):
    """The totals of P images, in nats: MEASURED, then redundancy under N measures and levels."""

    names: list[str]  # N, as mmi/pixel
    seeds: np.ndarray  # int64 (P,)
    values: np.ndarray  # float64 (P, 6 + N)
    together: np.ndarray  # float64 (M,), redundancy of all images together under each measure, or (0,)

    @property
    def rows(self) -> list[str]:
        """Measure and level of each row of a table: image by image, then all images together."""
        measures = dict.fromkeys(name.partition("/")[0] for name in self.names)
        return self.names * len(self.seeds) + [f"{each}/{TOGETHER}" for each in measures][: len(self.together)]


Sampled = tuple[Entry, Label, ImageSamples]


def unpack(names: str, seeds: bytes, samples: bytes, together: bytes) -> ImageSamples:
    """Return the samples that the catalogue keeps as text and bytes."""
    columns, floats = names.split(" "), np.frombuffer(samples, "<f8")
    values = floats.reshape(-1, len(MEASURED) + len(columns))
    return ImageSamples(columns, np.frombuffer(seeds, "<i8"), values, np.frombuffer(together, "<f8"))


def unpack_seeds(seeds: bytes) -> list[int]:
    """Return the seeds that the catalogue keeps as bytes."""
    return np.frombuffer(seeds, "<i8").tolist()


def table(sampled: Iterable[Sampled]) -> pd.DataFrame:
    """Return the table: a row for each image, measure and level, and rows for all images of an entry together."""
    about, sizes, names, seeds, measured, redundancies = [], [], [], [], [], []
    for entry, label, found in sampled:
        key, count = entry.key, len(found.names)
        about.append((key.model, key.revision, key.guidance, key.prompt, entry.first, entry.second, entry.mode, *label))
        rows, single, together = found.rows, found.values[:, : len(MEASURED)], len(found.together)
        sizes.append(len(rows))
        names += rows
        seeds += [found.seeds.repeat(count), np.full(together, -1)]
        measured += [single.repeat(count, axis=0), single.mean(0, keepdims=True).repeat(together, axis=0)]
        redundancies += [found.values[:, len(MEASURED) :].ravel(), found.together]
    frame = pd.DataFrame(about, columns=list(ABOUT))
    frame = frame.astype({name: float if name == "guidance" else str for name in ABOUT})
    frame = frame.loc[np.repeat(np.arange(len(frame)), sizes)].reset_index(drop=True)
    numbers = _joined(seeds, np.int64)
    frame["seed"] = pd.arrays.IntegerArray(numbers, numbers < 0)
    frame["measure"] = pd.array([name.partition("/")[0] for name in names], dtype="str")
    frame["level"] = pd.array([name.partition("/")[2] for name in names], dtype="str")
    frame[list(MEASURED)] = _joined(measured, np.float64).reshape(-1, len(MEASURED))
    frame["redundancy"] = redundancy = _joined(redundancies, np.float64)
    first, second, both = (frame[name] for name in INFORMATION)
    frame["unique_first"] = first - redundancy
    frame["unique_second"] = second - redundancy
    frame["synergy"] = both - first - second + redundancy
    return frame[list(COLUMNS)]


def _joined(arrays: list[np.ndarray], kind: type) -> np.ndarray:
    return np.concatenate(arrays) if arrays else np.zeros(0, kind)
