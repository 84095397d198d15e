"""The table of what guidance of image generation does to the gaps between attributes."""

import pandas as pd

from pages.figures.bias import Column, Series
from pages.figures.escape import plain_markup
from pages.sections.bias.grid import (
    NARROW,
    STAR,
    SUBJECT,
    WIDE,
    BiasTable,
    TableFormat,
    digits_of,
    interval_in_words,
    magnitude,
    number,
    stretched,
    with_interval,
)

GAP, CHANGE = "gap", "change"


class GuidanceTable(BiasTable):
    """`store.tables.by_guidance`."""

    @property
    def guidances(self) -> list[str]:
        """From the lowest, which the others are compared with."""
        return list(self.frame[GAP])

    @property
    def orders(self) -> dict[str, str]:
        gaps = {f"{GAP} {each}": f"gap at guidance {each}" for each in self.guidances}
        return (
            gaps
            | {f"{CHANGE} {each}": f"change at guidance {each}" for each in self.guidances[1:]}
            | {SUBJECT: SUBJECT}
        )

    @property
    def usual(self) -> str:
        return f"-{CHANGE} {self.guidances[-1]}"

    def values(self, order: str) -> pd.Series:
        name, _, guidance = order.partition(" ")
        return self.frame[name, guidance]

    def columns(self, rows: pd.DataFrame, manner: TableFormat) -> list[Column]:
        gaps = [self._gap(rows, each, manner) for each in self.guidances]
        return gaps + [self._change(rows, index, manner) for index in range(1, len(self.guidances))]

    def series(self, rows: pd.DataFrame, manner: TableFormat) -> tuple[str, list[Series]]:
        found = [
            Series(
                f"guidance {each}",
                *(rows[end, each].to_numpy(float) * manner.factor for end in (CHANGE, "low", "high")),
            )
            for each in self.guidances[1:]
        ]
        return f"change of the gap from guidance {self.guidances[0]}, {manner.unit}", found

    def printed(self, rows: pd.DataFrame, manner: TableFormat) -> tuple[pd.DataFrame, list[list[object]]]:
        names = [(GAP, each) for each in self.guidances] + [(CHANGE, each) for each in self.guidances[1:]]
        found = {f"{name} at guidance {each}": rows[name, each] * manner.factor for name, each in names}
        return pd.DataFrame(found).rename_axis(index=SUBJECT), [list(found)[: len(self.guidances)]]

    def _gap(self, rows: pd.DataFrame, guidance: str, manner: TableFormat) -> Column:
        values = rows[GAP, guidance] * manner.factor
        digits = digits_of(self.frame[GAP] * manner.factor)
        marks = [f" {STAR}" if significant else "" for significant in rows["significant", guidance]]
        texts = tuple(number(value, digits) + mark for value, mark in zip(values, marks, strict=True))
        said = tuple(
            f"{plain_markup(subject)}, guidance {guidance}: gap {number(values[subject], digits)} {manner.unit}<br>"
            f"largest: {plain_markup(str(rows.at[subject, ('largest', guidance)]))}"
            for subject in rows.index
        )
        shades = stretched(rows[GAP, guidance], magnitude(self.frame[GAP]))
        group = f"gap, {manner.unit}"
        return Column(
            key=f"{GAP} {guidance}",
            title=f"guidance {guidance}",
            width=NARROW + 30,
            texts=texts,
            hovers=said,
            shades=shades,
            group=group,
        )

    def _change(self, rows: pd.DataFrame, index: int, manner: TableFormat) -> Column:
        guidance = self.guidances[index]
        values, low, high = (rows[each, guidance] * manner.factor for each in (CHANGE, "low", "high"))
        digits = digits_of(self.frame[CHANGE] * manner.factor)
        texts, said = [], []
        for subject in rows.index:
            text, ends = number(values[subject], digits), (low[subject], high[subject])
            texts.append(text if manner.compact else with_interval(text, *ends, digits))
            said.append(f"{plain_markup(subject)}: change {text} {manner.unit}<br>{interval_in_words(*ends, digits)}")
        return Column(
            key=f"{CHANGE} {guidance}",
            title=f"guidance {guidance}",
            width=NARROW + 30 if manner.compact else WIDE + 30,
            texts=tuple(texts),
            hovers=tuple(said),
            shades=stretched(rows[CHANGE, guidance].where((low > 0) | (high < 0), 0.0), magnitude(self.frame[CHANGE])),
            group=f"change from guidance {self.guidances[0]}",
            series=index - 1,
        )
