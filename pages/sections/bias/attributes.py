"""The table of Dewan et al. (2024): redundancy of each attribute with each subject, and the gap between attributes."""

from collections.abc import Mapping, Sequence
from functools import cached_property

import numpy as np
import pandas as pd

from pages.figures.bias import Bars, Column, Series, bold, symbol_of
from pages.figures.escape import plain_markup
from pages.figures.quantities import UNRELIABLE
from pages.sections.bias.grid import (
    AVERAGE,
    DASH,
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
    parted,
    probability,
    tested,
    with_interval,
)

DIRECTION, GAP, Q, AGREE = "direction", "gap", "q", "agree"
PLANTED, DRAWN, COUNTED, PUBLISHED = "planted", "drawn", "counted", "published"
LEADS, CLEAR = "leads", "clear"
OTHERS = "published, another model"
TEST = {name: (name, "") for name in ("p", "q", "significant")}


class AttributeTable(BiasTable):
    """`store.tables.bias`, with directions, planted and published values if they were added."""

    @cached_property
    def attributes(self) -> list[str]:
        """In the order of the study."""
        return list(self.frame["mean"])

    @property
    def orders(self) -> dict[str, str]:
        own = {DIRECTION: "direction", GAP: "gap", Q: "q", SUBJECT: SUBJECT} | {name: name for name in self.attributes}
        own |= {AGREE: "same direction"} if AGREE in self.frame else {}
        beside = [name for name in (PLANTED, DRAWN, COUNTED, PUBLISHED) if name in self.frame]
        return own | {f"{name} {each}": f"{name}, {each}" for name in beside for each in self.frame[name]}

    @property
    def usual(self) -> str:
        return f"-{DIRECTION}"

    def values(self, order: str) -> pd.Series:
        if order == DIRECTION:
            return self._signed["gap"]
        if order in (GAP, Q, AGREE):
            return self.frame[order, ""]
        name, _, attribute = order.partition(" ")
        beside = name in (PLANTED, DRAWN, COUNTED, PUBLISHED) and attribute in self.attributes
        return self.frame[name, attribute] if beside else self.frame["mean", order]

    def arranged(self, text: str, order: str) -> list[str]:
        """As always; by direction, in the parts of `parts`, the largest gap of each part first or last."""
        found = super().arranged(text, order)
        key, descending = parted(order)
        if key != DIRECTION:
            return found
        gaps = self.frame.loc[found, (GAP, "")].sort_values(ascending=not descending, kind="stable")
        return sorted(gaps.index, key=self._part)

    def parts(self, subjects: Sequence[str], order: str) -> list[int]:
        if parted(order)[0] != DIRECTION:
            return []
        numbers = [self._part(subject) for subject in subjects]
        return [place for place in range(1, len(numbers)) if numbers[place] != numbers[place - 1]]

    def columns(self, rows: pd.DataFrame, manner: TableFormat) -> list[Column]:
        shown, several = self._scaled(rows, manner), len(self.attributes) > 2
        found = [self._gap(rows, manner)]
        found += [self._attribute(rows, shown, index, manner) for index in range(len(self.attributes))]
        if manner.compact:
            return found
        if manner.scale != NORMALISED:
            found += [self._normalised(rows, name) for name in ([GAP] if several else self.attributes)]
        found += [self._agreement(rows)] if AGREE in self.frame else []
        said = tuple(tested(rows, TEST, self.frame.attrs["alpha"]))
        found.append(Column(key=Q, title="q", width=SMALL, texts=tuple(map(probability, rows[Q, ""])), hovers=said))
        return found + self._shares(rows) + self._published(rows)

    def bars(self, rows: pd.DataFrame, manner: TableFormat) -> tuple[str, Bars] | None:
        """Of two attributes how far they are apart, and which way."""
        if len(self.attributes) != 2:
            return None
        first, second = self.attributes
        scale = self._gap_scale(manner)
        signed = {name: self._signed[name][rows.index].to_numpy(float) * scale for name in (GAP, "low", "high")}
        leads = tuple(self._place(name) for name in rows["largest", ""])
        unit = "0 to 1" if manner.scale == NORMALISED else manner.unit
        bars = Bars(
            values=signed[GAP],
            low=signed["low"],
            high=signed["high"],
            leads=leads,
            clear=rows["significant", ""].to_numpy(bool),
            hovers=tuple(tested(rows, TEST, self.frame.attrs["alpha"])),
            limit=self.frame.attrs.get("control_gap", np.nan) * scale,
        )
        return f"{first} \u2190 {unit} \u2192 {second}", bars

    def series(self, rows: pd.DataFrame, manner: TableFormat) -> tuple[str, list[Series]]:
        shown = self._scaled(rows, manner)
        parts = [shown[name].to_numpy(float) for name in ("mean", "low", "high")]
        axis = "redundancy, " + ("0 to 1 over the table" if manner.scale == NORMALISED else manner.unit)
        return axis, [Series(name, *(part[:, i] for part in parts)) for i, name in enumerate(self.attributes)]

    def printed(self, rows: pd.DataFrame, manner: TableFormat) -> tuple[pd.DataFrame, list[list[object]]]:
        shown, ends = self._scaled(rows, manner), {"": "mean", "low": "low", "high": "high"}
        columns = {(end, name): shown[part][name] for name in self.attributes for end, part in ends.items()}
        scale = self._gap_scale(manner)
        columns |= {
            (end, GAP): rows[name, ""] * scale for end, name in (("", GAP), ("low", "gap_low"), ("high", "gap_high"))
        }
        columns |= {("largest", ""): rows["largest", ""], (Q, ""): rows[Q, ""]}
        columns["significant", ""] = rows["significant", ""].map({True: STAR, False: ""})
        if AGREE in self.frame:
            told = [f"{same} of {all_}" for same, all_ in zip(rows[AGREE, ""], rows["settings", ""], strict=True)]
            columns["same direction", ""] = pd.Series(told, rows.index)
        groups: list[list[object]] = [[("", name) for name in self.attributes]]
        if PLANTED in self.frame:
            columns |= {(name, each): rows[name, each] for name in (PLANTED, DRAWN) for each in self.attributes}
        if COUNTED in self.frame:
            ends = (COUNTED, f"{COUNTED}_low", f"{COUNTED}_high")
            columns |= {(name, each): rows[name, each] for name in ends for each in self.attributes}
            columns |= {(name, ""): rows[name, ""] for name in ("drawn_images", "failed", "checked")}
        if PUBLISHED in self.frame:
            groups.append([(f"{OTHERS}:", name) for name in self.attributes])
            columns |= {(f"{OTHERS}:", name): self._printed_elsewhere(rows)[name] for name in self.attributes}
        return pd.DataFrame(columns).rename_axis(index=SUBJECT), groups

    @property
    def _signed(self) -> dict[str, pd.Series]:
        """The gap and its interval, negative where the first attribute leads."""
        sign = np.where(self.frame["largest", ""] == self.attributes[0], -1.0, 1.0)
        low, high = self.frame["gap_low", ""] * sign, self.frame["gap_high", ""] * sign
        return {GAP: self.frame[GAP, ""] * sign, "low": np.minimum(low, high), "high": np.maximum(low, high)}

    def _place(self, attribute: object) -> int | None:
        return self.attributes.index(attribute) if attribute in self.attributes else None

    def _part(self, subject: str) -> int:
        """Which part of the table a row belongs to: one for each attribute that leads, then what is not significant."""
        place = self._place(self.frame.at[subject, ("largest", "")])
        clear = bool(self.frame.at[subject, ("significant", "")])
        return len(self.attributes) if place is None or not clear else -place

    def _printed_elsewhere(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return what was published of `rows`; no average, where that is one over other subjects."""
        values = rows[PUBLISHED].copy()
        if self.frame[PUBLISHED].isna().any(axis=None) and AVERAGE in values.index:
            values.loc[AVERAGE] = np.nan
        return values

    @property
    def _extent(self) -> float:
        smallest, largest = self.frame.attrs["smallest"], self.frame.attrs["largest"]
        return largest - smallest if largest > smallest else np.nan

    def _gap_scale(self, manner: TableFormat) -> float:
        """What leads from a gap in nats to the one that is shown."""
        return 1 / self._extent if manner.scale == NORMALISED else manner.factor

    def _scaled(self, rows: pd.DataFrame, manner: TableFormat) -> dict[str, pd.DataFrame]:
        """Means and ends of their intervals as they are shown."""
        names = ("mean", "low", "high")
        if manner.scale != NORMALISED:
            return {name: rows[name] * manner.factor for name in names}
        return {name: (rows[name] - self.frame.attrs["smallest"]) / self._extent for name in names}

    def _gap(self, rows: pd.DataFrame, manner: TableFormat) -> Column:
        """How much more the attribute has that leads, with its symbol, sign and interval."""
        scale, two = self._gap_scale(manner), len(self.attributes) == 2
        signed = {name: self._signed[name][rows.index] * scale for name in (GAP, "low", "high")}
        if not two:
            signed = {
                GAP: rows[GAP, ""] * scale,
                "low": rows["gap_low", ""] * scale,
                "high": rows["gap_high", ""] * scale,
            }
        digits, texts = digits_of(self.frame[GAP, ""] * scale), []
        for subject in rows.index:
            value, place = signed[GAP][subject], self._place(rows.at[subject, ("largest", "")])
            if place is None or not np.isfinite(value):
                texts.append(DASH)
                continue
            clear = bool(rows.at[subject, ("significant", "")])
            text = number(value, digits)
            text = f"{symbol_of(place, clear)} {'+' * int(two and value > 0)}{text}{f' {STAR}' * clear}"
            ends = signed["low"][subject], signed["high"][subject]
            texts.append(text if manner.compact else with_interval(text, *ends, digits))
        hovers = [
            f"{said}<br>{self._beyond(rows, subject)}"
            for subject, said in zip(rows.index, tested(rows, TEST, self.frame.attrs["alpha"]), strict=True)
        ]
        width = NARROW + 18 if manner.compact else WIDE + 22
        return Column(key=GAP, title="gap", width=width, texts=tuple(texts), hovers=tuple(hovers))

    def _beyond(self, rows: pd.DataFrame, subject: str) -> str:
        """What the control says of a gap."""
        if PLANTED not in self.frame or subject == AVERAGE:
            return ""
        larger = bool(rows.at[subject, ("beyond_control", "")])
        return "larger than that of any evenly planted row" if larger else "no larger than among evenly planted rows"

    def _attribute(
        self, rows: pd.DataFrame, shown: Mapping[str, pd.DataFrame], index: int, manner: TableFormat
    ) -> Column:
        """Values, the largest of a row bold, with their intervals; shaded by value over the whole table."""
        attribute = self.attributes[index]
        narrow = manner.compact or len(self.attributes) > 2
        digits, sound = 3 if manner.scale == NORMALISED else digits_of(shown["mean"]), reliable(rows, attribute)
        cells, hovers = [], []
        for subject in rows.index:
            value, low, high = (shown[name].at[subject, attribute] for name in ("mean", "low", "high"))
            text = number(value, digits)
            text = bold(text) if rows.at[subject, ("largest", "")] == attribute else text
            text += "" if sound[subject] or np.isnan(value) else f" {UNRELIABLE}"
            cells.append(text if narrow else with_interval(text, low, high, digits))
            seeds, excluded = (int(rows.at[subject, (name, attribute)]) for name in ("seeds", "excluded"))
            hovers.append(
                f"{plain_markup(subject)}, {plain_markup(attribute)}: {number(value, digits)}<br>"
                f"{interval_in_words(low, high, digits)}<br>{seeds} values"
                + (f", {excluded} more not finite" if excluded else "")
            )
        return Column(
            key=attribute,
            title=attribute,
            width=NARROW if narrow else WIDE - 6,
            texts=tuple(cells),
            hovers=tuple(hovers),
            shades=np.nan_to_num(np.clip(rows["normalised", attribute].to_numpy(float), 0, 1)),
            series=index,
            group="" if manner.compact else "redundancy, " + ("0 to 1" if manner.scale == NORMALISED else manner.unit),
        )

    def _normalised(self, rows: pd.DataFrame, name: str) -> Column:
        """What the table of the paper has: stretched from 0 to 1 over all rows."""
        values = rows["gap_normalised", ""] if name == GAP else rows["normalised", name]
        said = (
            f"{plain_markup(subject)}: {number(value, 3)} of the table's range" for subject, value in values.items()
        )
        texts = tuple(number(value, 2) for value in values)
        return Column(key=name, title=name, width=SMALL, texts=texts, hovers=tuple(said), group="0 to 1")

    def _agreement(self, rows: pd.DataFrame) -> Column:
        """Who leads under each measure, and how often the same one does over measures and modes."""
        own = self.frame.attrs["setting"]
        settings, mode = list(self.frame[LEADS]), own.partition(", ")[2]
        texts, hovers = [], []
        for subject in rows.index:
            told = []
            marks = []
            for setting in settings:
                leader, clear = rows.at[subject, (LEADS, setting)], bool(rows.at[subject, (CLEAR, setting)])
                place = self._place(leader)
                told.append(
                    f"{setting}: {plain_markup(str(leader)) if place is not None else DASH}{f' {STAR}' * clear}"
                )
                if setting.partition(", ")[2] == mode:
                    marks.append(DASH if place is None else self._arrow(place, clear))
            same, count = int(rows.at[subject, (AGREE, "")]), int(rows.at[subject, ("settings", "")])
            texts.append(f"{' '.join(marks)} {same}/{count}")
            hovers.append(f"{plain_markup(subject)}: who leads<br>" + "<br>".join(told))
        measures = [setting.partition(", ")[0] for setting in settings if setting.partition(", ")[2] == mode]
        group = " ".join(measures)
        return Column(
            key=AGREE, title="same direction", width=96, texts=tuple(texts), hovers=tuple(hovers), group=group
        )

    def _arrow(self, place: int, clear: bool) -> str:
        """An arrow to the side of the attribute that leads, in its colour; of more than two its symbol."""
        if len(self.attributes) > 2:
            return symbol_of(place, clear)
        return symbol_of(place, clear).replace("\u25cf", "\u25c0").replace("\u25c6", "\u25b6")

    def _shares(self, rows: pd.DataFrame) -> list[Column]:
        """What the model was taught, and what it draws: of two attributes the second's share, of more the leader's."""
        two, columns = len(self.attributes) == 2, []
        drawn = COUNTED if COUNTED in self.frame else DRAWN
        for name in (each for each in (PLANTED, drawn) if each in self.frame):
            texts, hovers, shades = [], [], []
            for subject in rows.index:
                attribute = self.attributes[1] if two else rows.at[subject, ("largest", "")]
                value = rows.at[subject, (name, attribute)] if attribute in self.attributes else np.nan
                texts.append(number(value, 2) if np.isfinite(value) else "")
                shades.append(np.nan_to_num(value))
                hovers.append(plain_markup(self._share(rows, subject, name)))
            columns.append(
                Column(
                    key=f"{name} {self.attributes[1]}",
                    title=DRAWN if name == COUNTED else name,
                    width=SMALL + 4,
                    texts=tuple(texts),
                    hovers=tuple(hovers),
                    group=f"share of {self.attributes[1]}" if two else "share of the leading",
                )
            )
        return columns

    def _share(self, rows: pd.DataFrame, subject: str, name: str) -> str:
        """The shares of a row in words."""
        shares = ", ".join(f"{each} {number(rows.at[subject, (name, each)], 2)}" for each in self.attributes)
        if name == PLANTED:
            return f"{subject}, shares of its training pictures: {shares}"
        if name == DRAWN:
            return f"{subject}, shares of {self.frame.attrs[PLANTED]['images']} drawn images: {shares}"
        ends = (
            f"{each} {number(rows.at[subject, (f'{COUNTED}_low', each)], 2)} to "
            f"{number(rows.at[subject, (f'{COUNTED}_high', each)], 2)}"
            for each in self.attributes
        )
        images = int(rows.at[subject, ("drawn_images", "")])
        about = f"{subject} without an attribute, shares of {images} images that show it"
        return f"{about}: {shares}; intervals {', '.join(ends)}"

    def _published(self, rows: pd.DataFrame) -> list[Column]:
        """What was published about another model, where it was about these subjects."""
        if PUBLISHED not in self.frame:
            return []
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
            columns.append(
                Column(
                    key=f"{PUBLISHED} {attribute}",
                    title=attribute,
                    width=SMALL,
                    texts=tuple(texts),
                    hovers=tuple(hovers),
                    shades=values[attribute].fillna(0).to_numpy(float),
                    group=PUBLISHED,
                )
            )
        return columns


def reliable(rows: pd.DataFrame, attribute: str) -> pd.Series:
    """Whether a mean is larger than half its interval over images, and none of its values was left out."""
    half = (rows["high", attribute] - rows["low", attribute]) / 2
    return (rows["mean", attribute].abs() >= half) & (rows["excluded", attribute] == 0)
