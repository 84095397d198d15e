"""The totals of one pair: a table at the level chosen, with what may make them wrong said above it."""

import math
from pathlib import Path
from typing import NamedTuple

import pandas as pd
import streamlit as st

from pages import address
from pages.address import View
from pages.data import decompositions, glossary
from pages.figures.quantities import INDEX, QUANTITIES, UNRELIABLE_MEANING, factor, reliable, written
from pages.figures.times import counted
from pages.widgets import notices
from pages.widgets.exports import ExportTable
from store.pid.decomposition import ALIGNMENT, Decomposition
from store.pid.information import LEVELS, Estimate
from store.pid.measures import STANDARD
from store.records import PairResult, Region, RunKey
from store.warnings import warnings as warnings_of

LEVELS_MEANING = "\n\n".join(
    [
        *(f"**{level.capitalize()}:** {meaning}." for level, meaning in LEVELS.items()),
        "Maps are always of the pixel level. Values of different levels must not be compared.",
    ]
)


class _Row(NamedTuple):
    """One line of the table."""

    name: str
    label: str
    estimate: Estimate
    scale: float  # to what is shown


def draw(
    view: View, path: Path, key: RunKey, pair: PairResult, index: int, region: Region | None = None
) -> ExportTable:
    """Draw the totals of `pair`, read from `path`: of the image `index` and over all images, both modes.

    They are sums over the `region`, if one is given. What is drawn is given back, with its numbers.
    """
    with st.container(horizontal=True, vertical_alignment="center"):
        st.text("Level of the totals", help=glossary.explained(LEVELS_MEANING, "level"), width="content")
        st.segmented_control(
            "Level of the totals",
            list(LEVELS),
            required=True,
            label_visibility="collapsed",
            **address.bind_field("level", view.level, among=list(LEVELS)),
        )
    if warnings := warnings_of(key, pair)[view.mode]:
        st.warning("\n\n".join(map(notices.plain, warnings)), icon=":material/warning:")
    columns: dict[str, list[str]] = {}
    numbers: dict[str, list[float]] = {}
    doubtful = negative = untold = False
    for mode in pair.information:
        rows = _rows(pair, decompositions.decomposition(path, pair, mode, view.level, region), factor(view.unit))
        for heading, image in _columns(view, index):
            cells = []
            for row in rows:
                total, error = row.estimate.mean() if image is None else _of_image(row.estimate, image)
                cells.append(written(total * row.scale, error * row.scale, kept=1 if row.name == ALIGNMENT else 2))
                doubtful |= not reliable(total, error)
                untold |= math.isnan(error)
                negative |= row.name == "synergy" and total < 0 and reliable(total, error)
                column = f"{mode.upper()}, {heading}"
                numbers.setdefault(column, []).append(total * row.scale)
                numbers.setdefault(f"{column}, standard error", []).append(error * row.scale)
            columns[column] = cells
    what = "Sum over the region" if region else "Total"
    labels = pd.Index([row.label for row in rows], name=f"{what} in {view.unit}, {view.level} level")
    shown = pd.DataFrame(columns, index=labels)
    st.table(shown, border="horizontal")
    _notes(view, pair, doubtful, negative, untold)
    names = pd.Index([row.name for row in rows], name=f"{what} in {view.unit}, {view.level} level")
    full = pd.DataFrame(numbers, index=names)
    full.attrs = {"model": key.model, "revision": key.revision} | ({} if key.image else {"guidance": key.guidance})
    full.attrs |= {"mode": list(pair.information), "measure": pair.measure, "level": view.level}
    return ExportTable(f"{what} in {view.unit}", full, shown.set_axis(names), [])


def _columns(view: View, index: int) -> list[tuple[str, int | None]]:
    """Headings, each with the image that it is about, or None for all of them."""
    everything = "all seeds" if view.level == "prompt" else "mean"
    return ([] if view.level == "prompt" else [(f"seed {view.seed}", index)]) + [(everything, None)]


def _rows(pair: PairResult, parts: Decomposition, scale: float) -> list[_Row]:
    """What the table lists of `parts`; `scale` leads to the unit shown."""
    rows = []
    for name, quantity in QUANTITIES.items():
        label = quantity.title(pair.pair.words)
        if name == "redundancy":
            rows.append(_Row(name, _label(quantity.symbol, f"{label} ({parts.measure})"), quantity.of(parts), scale))
            rows.append(_Row(ALIGNMENT, _label(INDEX, "alignment, no unit"), parts[ALIGNMENT], 1.0))
        else:
            rows.append(_Row(name, _label(quantity.symbol, label), quantity.of(parts), scale))
    if parts.estimator != STANDARD:
        rows.append(_Row("standard_both", _label("LR", "log ratio of both"), parts["standard_both"], scale))
    return rows


def _label(symbol: str, text: str) -> str:
    return f"{symbol} \u2002 {notices.plain(text)}"


def _of_image(estimate: Estimate, index: int) -> tuple[float, float]:
    return float(estimate.total[index]), float(estimate.total_se[index])


def _notes(view: View, pair: PairResult, doubtful: bool, negative: bool, untold: bool) -> None:
    seeds = counted(len(pair.seeds), "seed")
    over = f"One value over {seeds}." if view.level == "prompt" else f"Mean: over {seeds}."
    notes = [f"{view.level.capitalize()} level: {LEVELS[view.level]}. {over} \u00b1: standard error."]
    if untold and pair.information[view.mode].maps.count == 1:
        notes.append("\u00b1 ?: this error is not in the file.")
    notes.append(
        f"{INDEX}, the alignment index: 1 if both words move the prediction the same way, \u22121 if opposite ways. It "
        "does not depend on the measure."
    )
    notes.append(
        "I1, I2 and I12 are standard estimates. I12 says how much likelier both words make this very image."
        if pair.estimator == STANDARD
        else "LR, the standard estimate of I12: how much likelier both words make this very image. It has a sign and "
        "ranks images. Over images of the two words it agrees with I12 on average."
    )
    if doubtful:
        notes.append(UNRELIABLE_MEANING)
    if negative:
        notes.append("Synergy is below zero: one word overrides the other, or misleads when it stands alone.")
    st.caption("  \n".join(notes))
