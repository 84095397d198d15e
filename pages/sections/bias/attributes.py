"""The table of Dewan et al. (2024): redundancy of each attribute with each subject, and the gap between attributes."""

from collections.abc import Mapping

import numpy as np
import pandas as pd

from pages.figures.bias import Column, Series, bold
from pages.figures.escape import plain_markup
from pages.figures.quantities import UNRELIABLE
from pages.sections.bias.grid import (
    AVERAGE,
    NARROW,
    NORMALISED,
    SMALL,
    STAR,
    SUBJECT,
    WIDE,
    BiasTable,
    TableFormat,
    digits_of,
    interval_in_words,
    number,
    probability,
    tested,
    with_interval,
)

GAP, Q = "gap", "q"
PUBLISHED = "published"
OTHERS = "published, another model"
TEST = {name: (name, "") for name in ("p", "q", "significant")}


class AttributeTable(BiasTable):
    """`store.tables.bias`, with published values if they were added."""

    @property
    def attributes(self) -> list[str]:
        """In the order of the study."""
        return list(self.frame["mean"])

    @property
    def orders(self) -> dict[str, str]:
        own = {GAP: "gap", Q: "q", SUBJECT: SUBJECT} | {name: name for name in self.attributes}
        return own | {f"{PUBLISHED} {name}": f"{PUBLISHED}, {name}" for name in self.frame.get(PUBLISHED, ())}

    @property
    def usual(self) -> str:
        return f"-{GAP}"

    def values(self, order: str) -> pd.Series:
        if order in (GAP, Q):
            return self.frame[order, ""]
        name, _, attribute = order.partition(" ")
        return self.frame[PUBLISHED, attribute] if name == PUBLISHED else self.frame["mean", order]

    def columns(self, rows: pd.DataFrame, manner: TableFormat) -> list[Column]:
        shown = self._scaled(rows, manner)
        found = [self._attribute(rows, shown, index, manner) for index in range(len(self.attributes))]
        found.append(self._gap(rows, manner))
        if not manner.compact:
            said = tuple(tested(rows, TEST, self.frame.attrs["alpha"]))
            found.append(Column(key=Q, title="q", width=SMALL, texts=tuple(map(probability, rows[Q, ""])), hovers=said))
            found += self._published(rows) if PUBLISHED in self.frame else []
        return found

    def series(self, rows: pd.DataFrame, manner: TableFormat) -> tuple[str, list[Series]]:
        shown = self._scaled(rows, manner)
        parts = [shown[name].to_numpy(float) for name in ("mean", "low", "high")]
        axis = "redundancy, " + ("0 to 1 over the table" if manner.scale == NORMALISED else manner.unit)
        return axis, [Series(name, *(part[:, i] for part in parts)) for i, name in enumerate(self.attributes)]

    def printed(self, rows: pd.DataFrame, manner: TableFormat) -> tuple[pd.DataFrame, list[list[object]]]:
        shown, ends = self._scaled(rows, manner), {"": "mean", "low": "low", "high": "high"}
        columns = {(end, name): shown[part][name] for name in self.attributes for end, part in ends.items()}
        columns |= {(GAP, ""): self._gaps(rows, manner), (Q, ""): rows[Q, ""]}
        columns["significant", ""] = rows["significant", ""].map({True: STAR, False: ""})
        groups: list[list[object]] = [[("", name) for name in self.attributes]]
        if PUBLISHED in self.frame:
            groups.append([(f"{OTHERS}:", name) for name in self.attributes])
            columns |= {(f"{OTHERS}:", name): self._printed_elsewhere(rows)[name] for name in self.attributes}
        return pd.DataFrame(columns).rename_axis(index=SUBJECT), groups

    def _printed_elsewhere(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return what was published of `rows`; no average, where that is one over other subjects."""
        values = rows[PUBLISHED].copy()
        if self.frame[PUBLISHED].isna().any(axis=None) and AVERAGE in values.index:
            values.loc[AVERAGE] = np.nan
        return values

    def _scaled(self, rows: pd.DataFrame, manner: TableFormat) -> dict[str, pd.DataFrame]:
        """Means and ends of their intervals as they are shown."""
        if manner.scale != NORMALISED:
            return {name: rows[name] * manner.factor for name in ("mean", "low", "high")}
        smallest, largest = self.frame.attrs["smallest"], self.frame.attrs["largest"]
        extent = largest - smallest if largest > smallest else np.nan
        return {name: (rows[name] - smallest) / extent for name in ("mean", "low", "high")}

    def _attribute(
        self, rows: pd.DataFrame, shown: Mapping[str, pd.DataFrame], index: int, manner: TableFormat
    ) -> Column:
        """Values, the largest of a row bold, with their intervals; shaded by value over the whole table."""
        attribute = self.attributes[index]
        digits, sound = 3 if manner.scale == NORMALISED else digits_of(shown["mean"]), reliable(rows, attribute)
        cells, hovers = [], []
        for subject in rows.index:
            value, low, high = (shown[name].at[subject, attribute] for name in ("mean", "low", "high"))
            text = number(value, digits)
            text = bold(text) if rows.at[subject, ("largest", "")] == attribute else text
            text += "" if sound[subject] or np.isnan(value) else f" {UNRELIABLE}"
            cells.append(text if manner.compact else with_interval(text, low, high, digits))
            seeds, excluded = (int(rows.at[subject, (name, attribute)]) for name in ("seeds", "excluded"))
            hovers.append(
                f"{plain_markup(subject)}, {plain_markup(attribute)}: {number(value, digits)}<br>"
                f"{interval_in_words(low, high, digits)}<br>{seeds} values"
                + (f", {excluded} more not finite" if excluded else "")
            )
        width = NARROW if manner.compact else WIDE
        shades = np.nan_to_num(np.clip(rows["normalised", attribute].to_numpy(float), 0, 1))
        return Column(
            key=attribute,
            title=attribute,
            width=width,
            texts=tuple(cells),
            hovers=tuple(hovers),
            shades=shades,
            series=index,
        )

    def _gaps(self, rows: pd.DataFrame, manner: TableFormat) -> pd.Series:
        return rows["gap_normalised", ""] if manner.scale == NORMALISED else rows[GAP, ""] * manner.factor

    def _gap(self, rows: pd.DataFrame, manner: TableFormat) -> Column:
        """The largest less the smallest mean, with a star where they differ significantly."""
        values = self._gaps(rows, manner)
        digits = 3 if manner.scale == NORMALISED else digits_of(values)
        marks = [f" {STAR}" if significant else "" for significant in rows["significant", ""]]
        texts = tuple(number(value, digits) + mark for value, mark in zip(values, marks, strict=True))
        return Column(
            key=GAP,
            title="gap",
            width=NARROW + 8,
            texts=texts,
            hovers=tuple(tested(rows, TEST, self.frame.attrs["alpha"])),
        )

    def _published(self, rows: pd.DataFrame) -> list[Column]:
        """What was published about another model, where it was about these subjects."""
        about = self.frame.attrs[PUBLISHED]
        said = "<br>".join(plain_markup(about[name]) for name in ("model", "quantity", "source"))
        values, columns = self._printed_elsewhere(rows), []
        largest = values.max(axis=1)
        for attribute in self.attributes:
            texts, hovers = [], []
            for subject, value in values[attribute].items():
                known = np.isfinite(value)
                text = number(value, 3) if known else ""
                texts.append(bold(text) if value == largest[subject] else text)
                told = said if known else "Nothing was published about it."
                hovers.append(f"{plain_markup(subject)}, {plain_markup(attribute)}<br>{told}")
            shades = values[attribute].fillna(0).to_numpy(float)
            columns.append(
                Column(
                    key=f"{PUBLISHED} {attribute}",
                    title=attribute,
                    width=SMALL,
                    texts=tuple(texts),
                    hovers=tuple(hovers),
                    shades=shades,
                    group=PUBLISHED,
                )
            )
        return columns


def reliable(rows: pd.DataFrame, attribute: str) -> pd.Series:
    """Whether a mean is larger than half its interval over images, and none of its values was left out."""
    half = (rows["high", attribute] - rows["low", attribute]) / 2
    return (rows["mean", attribute].abs() >= half) & (rows["excluded", attribute] == 0)
