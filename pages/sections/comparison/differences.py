"""Paired differences of two results, drawn: the answer in a sentence, one against the other, and the table."""

import math
from collections.abc import Callable

import pandas as pd
import streamlit as st

from pages.address import CompareView
from pages.figures import points
from pages.figures.quantities import QUANTITIES, factor
from pages.sections.comparison.sides import ResultSide
from pages.widgets import exports, notices

PLACE, HEIGHT = "comparison", 340
NUMBERS = ("one", "other", "difference", "low", "high")
EXPLAINED = (
    "Each point is a row of the table, pale where the difference is not significant. Above the dotted line it is "
    "larger under the other. Differences are taken seed by seed, other less one; * marks those that are significant "
    "after correction (q at most 0.05). A click on a point opens it below."
)


def answer(view: CompareView, table: pd.DataFrame, rows: str) -> str:
    """Say what differs; `rows` is what the rows are. Gives back the sentence."""
    from store.tables.findings.compare import sentence  # scipy takes a second to import

    said = sentence(table, view.unit, factor(view.unit), rows)
    st.markdown(f"**{notices.plain(said)}**")
    return said


def draw(
    view: CompareView,
    table: pd.DataFrame,
    sides: tuple[ResultSide, ResultSide],
    chosen: str,
    open_row: Callable[[str], None],
    more: str = "",
) -> tuple[exports.ExportFigure, pd.DataFrame]:
    """Draw figure and table of `store.tables.findings.compare`; a point calls `open_row` with the name of its row.

    `more` says what the values are. Gives back the figure and the table as people read it.
    """
    left, right = st.columns([5, 6], gap="medium")
    with left:
        lean = lean_of(view, table)
        figure = points.compared(
            table, tuple(f"{lean}, {view.unit}: {side.name}" for side in sides), chosen, factor(view.unit)
        )
        key = f"{PLACE} {sides[0].name} {sides[1].name} {view.unit} {view.quantity} {chosen}"
        about = f"{lean} of each row: {sides[0].name} across, {sides[1].name} up"
        exports.points(PLACE, figure, key, lambda point: open_row(point[1]), alt=about)
    with right:
        printed = _printed(view, table)
        exports.frame(printed.reset_index(), alt="Paired differences, the largest first", height=HEIGHT)
    st.caption(notices.plain(" ".join(filter(None, (more, EXPLAINED)))))
    return exports.ExportFigure(PLACE, "One against the other", figure, table), printed


def lean_of(view: CompareView, table: pd.DataFrame) -> str:
    """What the values of a table are, in a word or two."""
    symbol = QUANTITIES[view.quantity].symbol
    attributes = table.attrs.get("attributes", ())
    if attributes:
        return f"{symbol}, more {attributes[1]}" if len(attributes) == 2 else f"lean in {symbol}"
    return f"{symbol} above control" if table.attrs.get("controlled") else table.attrs.get("values", symbol)


def _printed(view: CompareView, table: pd.DataFrame) -> pd.DataFrame:
    """The paired differences as people read them."""
    scale = factor(view.unit)
    numbers = {name: (table[name] * scale).round(2) for name in NUMBERS}
    columns = {f"{name}, {view.unit}" if name == "difference" else name: value for name, value in numbers.items()}
    columns |= {"q": table["q"].map(_probability), "": table["significant"].map({True: "*", False: ""})}
    if "leads_one" in table:
        columns["leads"] = [
            f"{row.leads_one} \u2192 {row.leads_other}" if row.flips else f"{row.leads_one}"
            for row in table.itertuples()
        ]
        columns["rank by gap"] = [f"{row.rank_one:g} \u2192 {row.rank_other:g}" for row in table.itertuples()]
    elif table["flips"].any():
        columns["sign"] = table["flips"].map({True: "changes", False: ""})
    return pd.DataFrame(columns, index=table.index)


def _probability(value: float) -> str:
    return "" if math.isnan(value) else "<0.001" if value < 0.001 else f"{value:.3f}"
