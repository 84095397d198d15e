"""All pairs of a prompt at a glance: R, U and S of each, as a figure whose cells can be chosen."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.figures.escape import plain_markup
from pages.figures.maps import CLEAR, FRAME, Scale, common_limit
from store.records import pair_name

WRITTEN = 8  # words up to which cells are wide enough for their values
CELL = 34  # pixels of height
WIDTH = 280  # pixels of a panel, about


@dataclass(frozen=True)
class MatrixPanel:
    """Values of words against words, (n, n), NaN where a pair was not measured."""

    title: str
    values: np.ndarray
    scale: Scale
    sentence: str  # about a cell, with places for the word of the row and the word of the column


def panels(words: Sequence[str], pairs: pd.DataFrame, factor: float, unit: str, signed: bool) -> list[MatrixPanel]:
    """R, U and S of `pairs`: a row each, with `first`, `second` and the parts in nats, which `factor` brings to `unit`.

    `signed` says whether redundancy and uniqueness can be below zero.
    """
    place = {word.casefold(): index for index, word in enumerate(words)}
    shared, unique, synergy = (np.full((len(words), len(words)), np.nan) for _ in range(3))
    for row in pairs.itertuples():
        first, second = place[row.first.casefold()], place[row.second.casefold()]
        for values, value in ((shared, row.redundancy), (synergy, row.synergy)):
            values[first, second] = values[second, first] = value * factor
        unique[first, second], unique[second, first] = row.unique_first * factor, row.unique_second * factor
    limit = common_limit([shared, unique, synergy])
    plain, both = Scale(limit, unit, signed), Scale(limit, unit, signed=True)
    return [
        MatrixPanel("R: redundant", shared, plain, "redundant in '{0}' and '{1}'"),
        MatrixPanel("U: unique to the row's word", unique, plain, "unique to '{0}' beside '{1}'"),
        MatrixPanel("S: synergy", synergy, both, "synergy of '{0}' and '{1}'"),
    ]


def figure(words: Sequence[str], shown: Sequence[MatrixPanel], chosen: tuple[str, str]) -> go.Figure:
    """The panels side by side; a point of the figure's selection has in `customdata` the pair, as `first+second`.

    The cells of the pair `chosen` are framed. Heat maps report no clicks, so points that nobody sees lie above.
    """
    count, result = len(words), go.Figure()
    labels = [plain_markup(word) for word in words]
    for index, panel in enumerate(shown, start=1):
        axis, left = "" if index == 1 else str(index), (index - 1) / len(shown)
        axes = {"xaxis": f"x{axis}", "yaxis": f"y{axis}"}
        heat = go.Heatmap(z=panel.values.astype(np.float32), coloraxis=f"coloraxis{axis}", hoverinfo="skip", **axes)
        if count <= WRITTEN:
            heat.update(text=[list(map(_written, row)) for row in panel.values], texttemplate="%{text}")
        rows, columns = np.nonzero(np.isfinite(panel.values))
        points = go.Scatter(
            x=columns,
            y=rows,
            mode="markers",
            marker={"symbol": "square", "size": max(6, min(CELL, WIDTH // count)), "opacity": 0},
            customdata=[
                [_pair(words, row, column), _said(panel, words, row, column)]
                for row, column in zip(rows, columns, strict=True)
            ],
            hovertemplate="%{customdata[1]}<extra></extra>",
            showlegend=False,
            **axes,
        )
        result.add_traces([heat, points])
        ticks = {"tickvals": list(range(count)), "ticktext": labels, "showgrid": False, "zeroline": False}
        ticks |= {"fixedrange": True, "ticks": ""}
        result.update_layout(
            {
                f"xaxis{axis}": {
                    **ticks,
                    "range": [-0.5, count - 0.5],
                    "domain": [left + (0.02 if index > 1 else 0), left + 0.31],
                    "anchor": f"y{axis}",
                    "side": "top",
                },
                f"yaxis{axis}": {
                    **ticks,
                    "range": [count - 0.5, -0.5],
                    "anchor": f"x{axis}",
                    "showticklabels": index == 1,
                },
                f"coloraxis{axis}": {**panel.scale.axis, "showscale": False},
            }
        )
        result.add_annotation(
            text=panel.title,
            x=left + 0.165,
            y=0,
            yshift=-8,
            xref="paper",
            yref="paper",
            yanchor="top",
            showarrow=False,
        )
        for row, column in _cells_of(words, chosen):
            corners = {"x0": column - 0.5, "x1": column + 0.5, "y0": row - 0.5, "y1": row + 0.5}
            for colour, thickness in FRAME:
                line = {"color": colour, "width": thickness}
                result.add_shape(type="rect", **corners, line=line, xref=f"x{axis}", yref=f"y{axis}")
    height = 64 + max(3, count) * CELL
    result.update_layout(
        margin={"l": 0, "r": 0, "t": 30, "b": 30}, height=height, dragmode=False, clickmode="event+select", **CLEAR
    )
    return result


def _written(value: float) -> str:
    return f"{value:.3g}".replace("-", "\u2212") if np.isfinite(value) else ""


def _pair(words: Sequence[str], row: int, column: int) -> str:
    first, second = (words[place] for place in sorted((row, column)))
    return pair_name(first, second)


def _said(panel: MatrixPanel, words: Sequence[str], row: int, column: int) -> str:
    sentence = panel.sentence.format(words[row], words[column])
    return f"{plain_markup(sentence)}<br>{_written(panel.values[row, column])} {panel.scale.unit}"


def _cells_of(words: Sequence[str], pair: tuple[str, str]) -> list[tuple[int, int]]:
    places = [index for index, word in enumerate(words) if word.casefold() in {each.casefold() for each in pair}]
    return [(places[0], places[1]), (places[1], places[0])] if len(places) == 2 else []
