"""What the tables of a bias study have in common: which rows are shown, in which order, and how a number is written."""

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pages.address import SCALES
from pages.figures.bias import Bars, Column, Grid, Series, beside
from pages.figures.escape import plain_markup
from pages.figures.quantities import rounded

AVERAGE = "average"  # as in `store.tables`, which is not imported here: it brings scipy
SUBJECT = "occupation"
NORMALISED = SCALES[0]
STAR, DASH = "*", "\u2013"
WIDE, NARROW, SMALL = 112, 62, 54  # pixels of a column with interval, without, and of few digits
MEAN = "Mean over images, with its interval where there is room"
MEANINGS = {  # by the first word of a column's key
    SUBJECT: "",
    "direction": "Which attribute leads, and by how much",
    "gap": "Largest less smallest mean; * if the attributes differ significantly",
    "q": "The chance to see such a difference without any, corrected for the number of rows; significant up to 0.05",
    "agree": "Which attribute leads under each measure, in both modes",
    "planted": "Share of the attribute in the pictures that the model was taught",
    "drawn": "Share of the attribute among images that the model drew of the bare word, as its card says",
    "counted": "Share of the attribute among the images here whose prompt does not name it",
    "published": "Of another model, from 0 to 1 over its own table",
    "normalised": "From 0, the smallest mean of the table, to 1, its largest",
    "contrast": "Log ratio: how much likelier the images are with this attribute than with the others",
    "alignment": "1 if the attribute and the occupation move the prediction the same way, \u22121 if opposite ways",
    "information": "How much the attribute explains of the images",
    "change": "Gap less that at the lowest guidance",
    "largest": "The attribute that leads",
}


@dataclass(frozen=True)
class TableFormat:
    """How values are shown: `factor` leads from nats to `unit`; a `compact` table has neither intervals nor chart."""

    scale: str
    unit: str
    factor: float
    compact: bool = False


@dataclass(frozen=True)
class BiasTable(ABC):
    """A frame of `store.tables` with a row for each subject and one for their average, as a page shows it."""

    frame: pd.DataFrame

    @property
    @abstractmethod
    def orders(self) -> dict[str, str]:
        """What the rows can be sorted by: key -> label."""

    @property
    @abstractmethod
    def usual(self) -> str:
        """The order where none is asked for; with a dash before it, descending."""

    @abstractmethod
    def values(self, order: str) -> pd.Series:
        """The values of all subjects by which one of `orders`, not the one by name, sorts."""

    @abstractmethod
    def columns(self, rows: pd.DataFrame, manner: TableFormat) -> list[Column]:
        """The columns of `rows` behind their names."""

    @abstractmethod
    def series(self, rows: pd.DataFrame, manner: TableFormat) -> tuple[str, list[Series]]:
        """What the chart shows of `rows`, and the title of its axis."""

    def bars(self, rows: pd.DataFrame, manner: TableFormat) -> tuple[str, Bars] | None:
        """What the chart shows of `rows` in place of `series`, and the title of its axis; None for `series`."""
        return None

    def parts(self, subjects: Sequence[str], order: str) -> list[int]:
        """Which of `subjects`, in that order, begin another part of the table."""
        return []

    @abstractmethod
    def printed(self, rows: pd.DataFrame, manner: TableFormat) -> tuple[pd.DataFrame, list[list[object]]]:
        """`rows` as a plain table, and the groups of its columns of which the largest is bold."""

    def arranged(self, text: str, order: str) -> list[str]:
        """The subjects with all words of `text` in them, whatever their case, in that order; unknown values last."""
        words, (key, descending) = text.casefold().split(), parted(order)
        found = [name for name in self.frame.index.drop(AVERAGE) if all(word in name.casefold() for word in words)]
        if key == SUBJECT:
            return sorted(found, key=str.casefold, reverse=descending)
        values = self.values(key).loc[found]
        return list(values.sort_values(ascending=not descending, na_position="last", kind="stable").index)

    def grid(self, subjects: Iterable[str], manner: TableFormat, order: str = "") -> Grid:
        """The average, then `subjects`, which are in that order."""
        shown = list(subjects)
        rows = self.frame.loc[[AVERAGE, *shown]]
        bars = None if manner.compact else self.bars(rows, manner)
        axis, series = ("", []) if manner.compact or bars else self.series(rows, manner)
        return Grid(
            keys=tuple(rows.index),
            columns=(_names(rows, len(self.frame) - 1), *map(_explained, self.columns(rows, manner))),
            series=tuple(series),
            bars=bars[1] if bars else None,
            axis=bars[0] if bars else axis,
            pinned=1,
            parts=tuple(place + 1 for place in self.parts(shown, order)),
        )


def _explained(column: Column) -> Column:
    """`column` with what its numbers are."""
    name, _, attribute = column.key.partition(" ")
    return replace(column, meaning=MEANINGS.get(name, MEAN if not attribute else ""))


def parted(order: str) -> tuple[str, bool]:
    """The key of an order, and whether it descends."""
    return order.removeprefix("-"), order.startswith("-")


def number(value: float, digits: int) -> str:
    """As tables show it."""
    return rounded(value, digits) if math.isfinite(value) else DASH


def digits_of(values: pd.DataFrame | pd.Series) -> int:
    """How many decimals keep three digits of the largest of `values`."""
    known = np.abs(values.to_numpy(float))
    largest = float(np.nanmax(known, initial=0)) if np.isfinite(known).any() else 0.0
    return 2 if largest < 10 else 1 if largest < 1000 else 0


def probability(value: float) -> str:
    """As tables show it."""
    return "&lt;0.001" if value < 0.001 else number(value, 3)


def with_interval(text: str, low: float, high: float, digits: int) -> str:
    """A value with its interval in small letters, if that is known."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return text
    ends = [number(end, max(0, digits - 1)) for end in (low, high)]
    return beside(text, (" to " if low < 0 else DASH).join(ends))


def interval_in_words(low: float, high: float, digits: int) -> str:
    """An interval, for pointing at a value."""
    known = math.isfinite(low) and math.isfinite(high)
    return f"interval {number(low, digits)} to {number(high, digits)}" if known else "interval not known"


def tested(rows: pd.DataFrame, columns: Mapping[str, tuple[str, str]], alpha: float) -> list[str]:
    """What the test of each row says; `columns` name p, q and significant."""
    said = []
    for subject in rows.index:
        p, q, significant = (rows.at[subject, columns[name]] for name in ("p", "q", "significant"))
        told = f"p {probability(p)}" if math.isfinite(p) else "not tested: too few images"
        told += "" if subject == AVERAGE or math.isnan(q) else f"<br>q {probability(q)} after correction"
        said.append(
            f"{plain_markup(subject)}: {told}" + (f"<br>{STAR} significant at {alpha:g}" if significant else "")
        )
    return said


def stretched(values: pd.Series | np.ndarray, most: float) -> np.ndarray:
    """Values as shades: divided by the largest magnitude there is."""
    found = np.asarray(values, float) / (most if most > 0 else 1.0)
    return np.nan_to_num(np.clip(found, -1, 1))


def magnitude(values: pd.DataFrame) -> float:
    """The largest magnitude that is finite."""
    known = np.abs(values.to_numpy(float))
    return float(known[np.isfinite(known)].max(initial=0.0))


def _names(rows: pd.DataFrame, count: int) -> Column:
    names = tuple(plain_markup(subject) for subject in rows.index)
    said = (
        f"Average over all {count} rows" if name == AVERAGE else f"Open the images of {plain_markup(name)}"
        for name in names
    )
    return Column(key=SUBJECT, title=SUBJECT, width=122, texts=names, hovers=tuple(said))
