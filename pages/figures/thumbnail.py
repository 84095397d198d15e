"""A study as one small figure: a bar for each row, from the largest to the smallest, with its interval."""

import numpy as np
import plotly.graph_objects as go

from pages.figures.escape import plain_markup
from pages.figures.maps import CLEAR

HEIGHT = 150


def bars(
    names: list[str], values: np.ndarray, low: np.ndarray, high: np.ndarray, colours: list[str], title: str
) -> go.Figure:
    """Return bars of `values` with their intervals; `title` says what goes up."""
    order = np.argsort(-np.nan_to_num(values, nan=-np.inf), kind="stable")
    bounds = np.nan_to_num(np.stack([high - values, values - low])[:, order])
    figure = go.Figure(
        go.Bar(
            x=list(range(len(order))),
            y=values[order],
            marker={"color": [colours[place] for place in order], "line": {"width": 0}},
            error_y={
                "array": bounds[0],
                "arrayminus": bounds[1],
                "color": "rgba(128, 128, 128, 0.9)",
                "thickness": 1,
                "width": 0,
            },
            hovertext=[plain_markup(names[place]) for place in order],
            hovertemplate="%{hovertext}: %{y:.2f}<extra></extra>",
        )
    )
    figure.update_layout(
        height=HEIGHT,
        margin={"l": 0, "r": 0, "t": 4, "b": 0},
        xaxis={"visible": False, "fixedrange": True},
        yaxis={
            "title": {"text": plain_markup(title), "font": {"size": 10}, "standoff": 2},
            "tickfont": {"size": 10},
            "nticks": 4,
            "gridcolor": "rgba(128, 128, 128, 0.2)",
            "zerolinecolor": "rgba(128, 128, 128, 0.7)",
            "fixedrange": True,
        },
        showlegend=False,
        dragmode=False,
        **CLEAR,
    )
    return figure
