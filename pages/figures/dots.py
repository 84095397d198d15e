"""A study's pairs beside their controls, each with its interval, as a figure whose points can be chosen."""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.figures.escape import plain_markup
from pages.figures.maps import CLEAR, COLOURS

ROW = 30  # pixels
SHADE = "rgba(138, 148, 160, 0.22)"  # of the row that is open
SERIES = (  # prefix of the columns, name, symbol, colour, the column of the word
    ("", "the two words", "circle", COLOURS[0], "second"),
    ("control_", "with the control word", "diamond-open", COLOURS[1], "control"),
)


def figure(table: pd.DataFrame, title: str, unit: str, factor: float, chosen: int) -> go.Figure:
    """Rows of `store.tables.against_control` from the top, values brought to `unit` by `factor`.

    `title` says what is measured; a point's `customdata` has the number of its row first, `chosen` is shaded.
    """
    labels = [plain_markup(f"{row.first}, {row.second}") for row in table.itertuples()]
    places = np.arange(len(table))
    result = go.Figure()
    result.add_hrect(chosen - 0.5, chosen + 0.5, fillcolor=SHADE, line_width=0, layer="below")
    for prefix, name, symbol, colour, word in SERIES:
        mean, low, high = (table[f"{prefix}{part}"].to_numpy() * factor for part in ("mean", "low", "high"))
        if not np.isfinite(mean).any():
            continue
        said = [
            [int(place), plain_markup(f"{row['first']} and {row[word]}"), *_ends(low[place], high[place])]
            for place, (_, row) in zip(places, table.iterrows(), strict=True)
        ]
        hover = "%{customdata[1]}<br>%{x:.3g} " + unit + " %{customdata[2]}<extra></extra>"
        result.add_trace(series(mean, low, high, name, symbol, colour).update(customdata=said, hovertemplate=hover))
    result.update_layout(
        xaxis={"title": {"text": f"{title}{', ' * bool(unit)}{unit}"}, "zeroline": True, "fixedrange": True},
        yaxis={
            "tickvals": places,
            "ticktext": labels,
            "range": [len(table) - 0.5, -0.5],
            "zeroline": False,
            "fixedrange": True,
        },
        legend={"orientation": "h", "x": 0, "y": 1.0, "yanchor": "bottom"},
        margin={"l": 0, "r": 8, "t": 28, "b": 0},
        height=110 + ROW * len(table),
        clickmode="event+select",
        dragmode=False,
        **CLEAR,
    )
    return result


def series(values: np.ndarray, low: np.ndarray, high: np.ndarray, name: str, symbol: str, colour: str) -> go.Scatter:
    """Points that can be chosen, each with its interval, a row below the other."""
    return go.Scatter(
        x=values,
        y=np.arange(len(values)),
        mode="markers",
        name=name,
        marker={"symbol": symbol, "color": colour, "size": 10, "line": {"width": 2}},
        error_x={
            "type": "data",
            "symmetric": False,
            "array": np.nan_to_num(high - values),
            "arrayminus": np.nan_to_num(values - low),
            "color": colour,
            "thickness": 1.5,
        },
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
    )


def _ends(low: float, high: float) -> Sequence[str]:
    return [f"[{low:.3g}, {high:.3g}]" if np.isfinite([low, high]).all() else "[?]"]
