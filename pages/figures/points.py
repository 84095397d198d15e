"""Rows of a bias study as points that can be chosen: measured against planted, and one result against another."""

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.figures.bias import FAINT, ROW_OF, SERIES, SIZE, colour_of
from pages.figures.escape import plain_markup
from pages.figures.maps import CLEAR

HEIGHT, TALL = 270, 340
FLIP = colour_of(3)  # of rows in which another attribute leads
EQUAL = {"color": "rgba(128, 128, 128, 0.6)", "dash": "dot"}  # a line of equal values
SPREAD = 0.05  # of planted values that are equal, so that no point hides another
FEW, SHORT = 25, 16  # rows, and letters of a name, up to which each point has its name beside it
NEAR = 0.07  # of the range of all values: of points that are nearer only one has its name beside it


def planted(found: pd.DataFrame, attributes: list[str], unit: str, factor: float) -> go.Figure:
    """Rows of `store.tables.findings.recovery`; a point's `customdata` is (ROW_OF, subject).

    Colours are those of the attributes of the table, also where only one of two is in `found`. Rows of the control are
    grey, points that are not significant pale.
    """
    result = go.Figure()
    two, reach = (
        len(attributes) == 2,
        float(np.ptp(found["measured"].dropna())) if found["measured"].notna().any() else 0.0,
    )
    for place, attribute in enumerate(attributes):
        of = found[found["attribute"] == (attributes[1] if two else attribute)].dropna(subset=["planted", "measured"])
        taught = ~of["control"].astype(bool)
        if two:
            of = of[taught & ((of["planted"] > 0) == (place == 1))]
            result.add_trace(_points(of, attribute, place, unit, factor, reach, names=True))
        else:
            result.add_trace(_points(of[taught], attribute, place, unit, factor, reach, names=False))
    control = found[found["control"].astype(bool)].dropna(subset=["planted", "measured"])
    if len(control):
        result.add_trace(_points(control, "taught evenly", None, unit, factor, reach, names=False))
    more = f"more {attributes[1]}" if two else "above the mean"
    about = f"share of {attributes[1]} less share of {attributes[0]}" if two else "share above the mean"
    axis = {"zeroline": True, "zerolinecolor": "rgba(128, 128, 128, 0.7)", "gridcolor": "rgba(128, 128, 128, 0.2)"}
    result.update_layout(
        xaxis={**axis, "title": {"text": plain_markup(f"planted: {about}"), "standoff": 4}, "fixedrange": True},
        yaxis={**axis, "title": {"text": plain_markup(f"measured: {more}, {unit}"), "standoff": 4}, "fixedrange": True},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        margin={"l": 0, "r": 8, "t": 24, "b": 0},
        height=HEIGHT,
        clickmode="event+select",
        dragmode=False,
        hovermode="closest",
        **CLEAR,
    )
    return result


def compared(table: pd.DataFrame, titles: tuple[str, str], chosen: str, factor: float) -> go.Figure:
    """Rows of `store.tables.findings.compare`, in nats times `factor`; a point's `customdata` is (ROW_OF, subject)."""
    x, y = (table[name].to_numpy(float) * factor for name in ("one", "other"))
    ends = [float(np.nanmin([x, y])), float(np.nanmax([x, y]))] if np.isfinite([x, y]).any() else [0.0, 1.0]
    room = max(0.06 * (ends[1] - ends[0]), 0.02 * max(map(abs, ends)))  # equal values do not stand apart by rounding
    reach = [ends[0] - room, ends[1] + room] if room else [-1.0, 1.0]
    short = len(table) <= FEW and max(map(len, map(str, table.index)), default=0) <= SHORT
    result = go.Figure(
        go.Scatter(
            x=reach, y=reach, mode="lines", line={"color": "rgba(128, 128, 128, 0.6)", "dash": "dot"}, hoverinfo="skip"
        )
    )
    for name, rows, colour in (("same direction", ~table["flips"], SIZE), ("flips", table["flips"], FLIP)):
        of = rows.to_numpy(bool)
        if not of.any():
            continue
        subjects = table.index[of]
        result.add_trace(
            go.Scatter(
                x=x[of],
                y=y[of],
                name=name,
                mode="markers+text",
                text=[plain_markup(each) if each == chosen or short else "" for each in subjects],
                textposition="top center",
                textfont={"size": 10},
                marker={"color": colour, "size": 9, "opacity": np.where(table["significant"][of], 1.0, FAINT + 0.2)},
                unselected={"marker": {"opacity": 1}},
                customdata=[(ROW_OF, each) for each in subjects],
                hovertemplate="%{customdata[1]}: %{x:.2f}, %{y:.2f}<extra></extra>",
            )
        )
    axis = {
        "range": reach,
        "zeroline": True,
        "zerolinecolor": "rgba(128, 128, 128, 0.7)",
        "gridcolor": "rgba(128, 128, 128, 0.2)",
    }
    result.update_layout(
        xaxis={**axis, "title": {"text": plain_markup(titles[0]), "standoff": 4}, "fixedrange": True},
        yaxis={**axis, "title": {"text": plain_markup(titles[1]), "standoff": 4}, "fixedrange": True},
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        margin={"l": 0, "r": 8, "t": 24, "b": 0},
        height=TALL,
        clickmode="event+select",
        dragmode=False,
        hovermode="closest",
        **CLEAR,
    )
    result.update_layout(showlegend=bool(table["flips"].any()))
    result.data[0].showlegend = False
    return result


def _points(
    rows: pd.DataFrame, name: str, place: int | None, unit: str, factor: float, reach: float, names: bool
) -> go.Scatter:
    rows = rows.sort_values("measured", kind="stable")
    colour, symbol, _ = (SIZE, "circle-open", "") if place is None else SERIES[place % len(SERIES)]
    named = _far_apart(rows["measured"].to_numpy(float), reach) if names else [False] * len(rows)
    order = rows.groupby("planted").cumcount()
    count = rows.groupby("planted")["planted"].transform("size")
    apart = (order - (count - 1) / 2) / np.maximum(count, 6) * 2 * SPREAD
    values = rows["measured"].to_numpy(float) * factor
    said = [
        plain_markup(
            f"{row.subject}, {row.attribute}: planted {_signed(row.planted)}, drawn {_signed(row.drawn)}, "
            f"measured {_signed(row.measured * factor)} {unit}"
        ).replace(": planted", "<br>planted")
        for row in rows.itertuples()
    ]
    right = rows["planted"] < 0
    return go.Scatter(
        x=(rows["planted"] + apart).to_numpy(float),
        y=values,
        name=plain_markup(name),
        mode="markers+text" if names else "markers",
        text=[plain_markup(subject) if far else "" for subject, far in zip(rows["subject"], named, strict=True)],
        textposition=["middle right" if each else "middle left" for each in right],
        textfont={"size": 10},
        marker={
            "color": colour,
            "symbol": symbol,
            "size": 9,
            "opacity": np.where(rows["significant"].astype(bool), 1.0, FAINT),
        },
        unselected={"marker": {"opacity": 1}},
        customdata=[(ROW_OF, subject) for subject in rows["subject"]],
        hovertext=said,
        hovertemplate="%{hovertext}<extra></extra>",
    )


def _far_apart(values: np.ndarray, reach: float) -> list[bool]:
    """Which of ascending values are far enough from the last that was named."""
    named, last = [], -np.inf
    for value in values:
        named.append(bool(value - last > NEAR * reach))
        last = value if named[-1] else last
    return named


def _signed(value: float) -> str:
    return "?" if not np.isfinite(value) else f"{value:+.2f}".replace("-", "\u2212")
