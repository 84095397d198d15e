"""How far a bias table depends on measure, level and seeds: `store table --sensitivity` and `--stability`."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.data import bias_tables
from pages.figures.escape import plain_markup
from pages.figures.maps import CLEAR
from pages.figures.quantities import MODE_NAMES, factor, rounded
from pages.sections.bias import answer
from pages.sections.bias.grid import DASH
from pages.sections.bias.screen import BiasScreen
from pages.widgets import exports, notices

PLACE = "sensitivity"
CELL = 46  # pixels of a row


def draw(shown: BiasScreen) -> None:
    """Draw both tables, and the menu of their exports; raises InputError where nothing of the study is there."""
    view = shown.view
    about = {"model": view.model, "revision": view.revision, "guidance": shown.guidance}
    agreement, stability = bias_tables.robustness(
        shown.listing, shown.asked, mode=view.mode, measure=view.measure, level=view.level, **about
    )
    figure = _matrix(agreement)
    st.markdown(f"**{notices.plain(answer.doubt(shown))}**")
    left, right = st.columns(2, gap="large")
    with left:
        st.subheader("Other measures and levels", anchor=False)
        st.markdown(notices.plain(_said(agreement, view.measure, view.level)))
        exports.figure(PLACE, figure, key=f"{PLACE} {view.mode}", alt="Rank correlation between tables")
        st.caption(
            "Rank correlation (Spearman) over all cells between the tables under each measure and level. 1: the same "
            f"order. Below 0: upside down. {MODE_NAMES[view.mode]}, guidance {shown.guidance:g}."
        )
    with right:
        st.subheader("Other seeds", anchor=False)
        listed = _listed(stability, view.unit)
        exports.frame(listed.reset_index(), alt="How often orders would change with other seeds")
        st.caption(
            "How often the same attribute would lead, and all attributes keep their order, if the study were repeated "
            f"with other seeds; the rank by gap with its interval. Under {view.measure}, {view.level} level."
        )
    name = f"{shown.asked.title}, sensitivity"
    exports.menu(
        name,
        f"{MODE_NAMES[view.mode]}, guidance {shown.guidance:g}.",
        [
            exports.ExportTable("Sensitivity", agreement, agreement, []),
            exports.ExportTable("Stability", stability, listed, []),
        ],
        [exports.ExportFigure(PLACE, "Rank correlations", figure, agreement)],
    )


def _said(agreement: pd.DataFrame, measure: str, level: str) -> str:
    """How the table that is shown agrees with the others at its level."""
    if (measure, level) not in agreement:
        return ""
    own = agreement[measure, level]
    others = [
        f"{other} {rounded(own[other, level], 2)}"
        for other in own.index.get_level_values(0).unique()
        if other != measure and np.isfinite(own[other, level])
    ]
    return f"{measure}, {level} level, against the others at this level: {', '.join(others)}." if others else ""


def _matrix(agreement: pd.DataFrame) -> go.Figure:
    names = [plain_markup(f"{measure}, {level}") for measure, level in agreement]
    values = agreement.to_numpy(float)
    texts = [[rounded(value, 2) if np.isfinite(value) else DASH for value in row] for row in values]
    figure = go.Figure(
        go.Heatmap(
            z=values,
            x=names,
            y=names,
            text=texts,
            texttemplate="%{text}",
            zmin=-1,
            zmax=1,
            colorscale=[
                [0, "rgba(199, 124, 180, 0.75)"],
                [0.5, "rgba(128, 128, 128, 0)"],
                [1, "rgba(120, 130, 144, 0.6)"],
            ],
            showscale=False,
            xgap=2,
            ygap=2,
            hovertemplate="%{y}<br>%{x}<br>%{text}<extra></extra>",
        )
    )
    figure.update_layout(
        height=60 + CELL * len(names),
        margin={"l": 0, "r": 0, "t": 0, "b": 0},
        xaxis={"fixedrange": True, "showgrid": False, "tickangle": -90},
        yaxis={"fixedrange": True, "showgrid": False, "autorange": "reversed"},
        dragmode=False,
        **CLEAR,
    )
    return figure


def _listed(stability: pd.DataFrame, unit: str) -> pd.DataFrame:
    ranks = zip(stability["rank"], stability["rank_low"], stability["rank_high"], strict=True)
    return pd.DataFrame(
        {
            "leads": stability["largest"],
            "stays": [_share(value) for value in stability["stays_largest"]],
            "same order": [_share(value) for value in stability["same_order"]],
            f"gap, {unit}": (stability["gap"] * factor(unit)).round(2),
            "rank by gap": [DASH if np.isnan(rank) else f"{rank:g} [{low:g}, {high:g}]" for rank, low, high in ranks],
        }
    )


def _share(value: float) -> str:
    return DASH if np.isnan(value) else f"{value:.0%}"
