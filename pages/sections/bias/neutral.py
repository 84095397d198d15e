"""The table of the neutral probe: what images that name no attribute say of each."""

import numpy as np
import pandas as pd

from pages.figures.bias import SIZE, Bars, Column, Series, colour_of
from pages.figures.escape import plain_markup
from pages.sections.bias.grid import (
    NARROW,
    SMALL,
    STAR,
    SUBJECT,
    WIDE,
    BiasTable,
    TableFormat,
    digits_of,
    interval_in_words,
    magnitude,
    number,
    probability,
    stretched,
    tested,
    with_interval,
)

CONTRAST, ALIGNMENT, INFORMATION = "contrast", "alignment", "information"
Q = "q"
TEST = {name: (f"{CONTRAST}_{name}", "") for name in ("p", "q", "significant")}


class NeutralTable(BiasTable):
    """`store.tables.neutral_probe`."""

    @property
    def attributes(self) -> list[str]:
        """In the order of the study."""
        return list(self.frame[ALIGNMENT])

    @property
    def orders(self) -> dict[str, str]:
        measured = [(name, each) for name in (CONTRAST, ALIGNMENT, INFORMATION) for each in self.frame[name]]
        return {f"{name} {each}": f"{name}, {each}" for name, each in measured} | {Q: "q", SUBJECT: SUBJECT}

    @property
    def usual(self) -> str:
        return Q if len(self.attributes) > 2 else f"-{CONTRAST} {self.attributes[-1]}"

    def values(self, order: str) -> pd.Series:
        name, _, attribute = order.partition(" ")
        return self.frame[TEST[Q]] if order == Q else self.frame[name, attribute]

    def columns(self, rows: pd.DataFrame, manner: TableFormat) -> list[Column]:
        several = len(self.attributes) > 2
        found = [self._column(rows, CONTRAST, each, manner) for each in self.frame[CONTRAST]]
        if manner.compact:
            return found
        said = tuple(tested(rows, TEST, self.frame.attrs["alpha"]))
        marks = [f" {STAR}" if significant else "" for significant in rows[TEST["significant"]]]
        texts = (probability(q) + mark for q, mark in zip(rows[TEST[Q]], marks, strict=True))
        found.append(Column(key=Q, title="q", width=SMALL + 6, texts=tuple(texts), hovers=said))
        for name in () if several else (ALIGNMENT, INFORMATION):  # of several they stand in hover boxes and exports
            found += [self._column(rows, name, each, manner, interval=False) for each in self.attributes]
        return found

    def series(self, rows: pd.DataFrame, manner: TableFormat) -> tuple[str, list[Series]]:
        ends = [CONTRAST, f"{CONTRAST}_low", f"{CONTRAST}_high"]
        found = [
            Series(each, *(rows[end, each].to_numpy(float) * manner.factor for end in ends))
            for each in self.frame[CONTRAST]
        ]
        return f"contrast with the other attributes, {manner.unit}", found

    def printed(self, rows: pd.DataFrame, manner: TableFormat) -> tuple[pd.DataFrame, list[list[object]]]:
        names = [(CONTRAST, each) for each in self.frame[CONTRAST]]
        names += [(name, each) for name in (ALIGNMENT, INFORMATION) for each in self.attributes]
        found = {f"{name}, {each}": rows[name, each] * _factor(name, manner) for name, each in names}
        found["q of the contrast"] = rows[TEST[Q]]
        groups = [[f"{name}, {each}" for each in self.frame[name]] for name in (CONTRAST, ALIGNMENT, INFORMATION)]
        return pd.DataFrame(found).rename_axis(index=SUBJECT), groups

    def _column(
        self, rows: pd.DataFrame, name: str, attribute: str, manner: TableFormat, interval: bool = True
    ) -> Column:
        factor = _factor(name, manner)
        values, low, high = (rows[each, attribute] * factor for each in (name, f"{name}_low", f"{name}_high"))
        digits = 2 if name == ALIGNMENT else digits_of(self.frame[name] * factor)
        texts, hovers = [], []
        for subject in rows.index:
            value, ends = values[subject], (low[subject], high[subject])
            text, shown = number(value, digits), interval and not manner.compact
            texts.append(with_interval(text, *ends, digits) if shown else text)
            about = f"{plain_markup(subject)}, {plain_markup(attribute)}: {name} {text}{_unit(name, manner)}"
            beside = [
                f"<br>{each} {number(rows.at[subject, (each, attribute)] * _factor(each, manner), 2)}"
                for each in (ALIGNMENT, INFORMATION)
                if name == CONTRAST
            ]
            hovers.append(f"{about}<br>{interval_in_words(*ends, digits)}{''.join(beside)}")
        group = name + (f", {manner.unit}" if name != ALIGNMENT else "")
        most = 1.0 if name == ALIGNMENT else magnitude(self.frame[name])
        return Column(
            key=f"{name} {attribute}",
            title=attribute,
            width=WIDE if interval and not manner.compact else NARROW,
            texts=tuple(texts),
            hovers=tuple(hovers),
            shades=stretched(rows[name, attribute], most),
            tints=self._tints(name, attribute),
            group=group,
            series=self.attributes.index(attribute) if name == CONTRAST and len(self.attributes) > 2 else None,
        )

    def _tints(self, name: str, attribute: str) -> tuple[str, str]:
        """A contrast has the colours of the attributes that it speaks for; sizes are neutral."""
        if name != CONTRAST:
            return SIZE, SIZE
        first, own = colour_of(0), colour_of(self.attributes.index(attribute))
        return (first if len(self.attributes) == 2 else SIZE), own

    def bars(self, rows: pd.DataFrame, manner: TableFormat) -> tuple[str, Bars] | None:
        """Of two attributes the contrast, to the side of the one that it speaks for."""
        if len(self.attributes) != 2:
            return None
        first, second = self.attributes
        value, low, high = (
            rows[each, second].to_numpy(float) * manner.factor
            for each in (CONTRAST, f"{CONTRAST}_low", f"{CONTRAST}_high")
        )
        bars = Bars(
            values=value,
            low=low,
            high=high,
            leads=tuple(None if np.isnan(each) else int(each > 0) for each in value),
            clear=rows[TEST["significant"]].to_numpy(bool),
            hovers=tuple(tested(rows, TEST, self.frame.attrs["alpha"])),
        )
        return f"{first} \u2190 contrast, {manner.unit} \u2192 {second}", bars


def _factor(name: str, manner: TableFormat) -> float:
    return 1.0 if name == ALIGNMENT else manner.factor


def _unit(name: str, manner: TableFormat) -> str:
    return "" if name == ALIGNMENT else f" {manner.unit}"
