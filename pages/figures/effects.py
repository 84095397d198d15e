"""What was measured of a word against what changed without it, as figures. Nothing of Streamlit in here."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from pages.figures.dots import SHADE, series
from pages.figures.escape import plain_markup
from pages.figures.maps import CLEAR, COLOURS
from pages.figures.quantities import rounded

LEVELS = {  # of `store.tables.effects`: name, symbol, colour
    "image": ("totals over all images", "circle", COLOURS[0]),
    "pixel": ("maps within an image", "diamond-open", COLOURS[1]),
}
HEIGHT = 330  # pixels


def correlations(table: pd.DataFrame, names: Mapping[str, str], chosen: str) -> go.Figure:
    """Pearson correlations of each predictor, with intervals, from rows of `store.tables.effects` by level.

    `names` are the predictors and how they are called. A point's `customdata` has its predictor first; the row of the
    predictor `chosen` is shaded.
    """
    predictors, result = list(names), go.Figure()
    place = predictors.index(chosen)
    result.add_hrect(place - 0.5, place + 0.5, fillcolor=SHADE, line_width=0, layer="below")
    for level, (name, symbol, colour) in LEVELS.items():
        value, low, high, images = (
            np.array([table.loc[level, (part, each)] for each in predictors], float)
            for part in ("pearson", "low", "high", "images")
        )
        said = [
            [each, f"[{rounded(a, 2)}, {rounded(b, 2)}], {n:.0f} images"]
            for each, a, b, n in zip(predictors, low, high, images, strict=True)
        ]
        hover = "%{x:.2f} %{customdata[1]}<extra>" + name + "</extra>"
        result.add_trace(series(value, low, high, name, symbol, colour).update(customdata=said, hovertemplate=hover))
    result.update_layout(
        xaxis={"title": {"text": "Pearson correlation with the change"}, "range": [-1.05, 1.05], "fixedrange": True},
        yaxis={
            "tickvals": list(range(len(predictors))),
            "ticktext": [plain_markup(label) for label in names.values()],
            "range": [len(predictors) - 0.5, -0.5],
            "zeroline": False,
            "fixedrange": True,
        },
        **_layout(),
    )
    return result


def scatter(
    rows: pd.DataFrame, predictor: str, change: str, titles: tuple[str, str], factor: float, chosen: pd.Series
) -> go.Figure:
    """Each image of a study: the `predictor` across, brought to its unit by `factor`, the `change` up.

    A point's `customdata` begins with prompt, word and seed; those of the mask `chosen` are drawn larger.
    """
    result = go.Figure()
    for mask, name, colour, size in (
        (~chosen, "all sentences", COLOURS[2], 7),
        (chosen, "this sentence", COLOURS[0], 11),
    ):
        shown = rows[mask]
        said = [
            [
                each.prompt,
                each.word,
                int(each.seed),
                plain_markup(f"{each.prompt}, {each.word}, seed {each.seed}"),
            ]
            for each in shown.itertuples()
        ]
        result.add_trace(
            go.Scatter(
                x=shown[predictor].to_numpy(float) * factor,
                y=shown[change].to_numpy(float),
                mode="markers",
                name=name,
                marker={"color": colour, "size": size},
                customdata=said,
                hovertemplate="%{customdata[3]}<br>%{x:.3g}, %{y:.3g}<extra></extra>",
                selected={"marker": {"opacity": 1}},
                unselected={"marker": {"opacity": 1}},
            )
        )
    across, up = titles
    result.update_layout(
        xaxis={"title": {"text": across}, "zeroline": False, "fixedrange": True},
        yaxis={"title": {"text": up}, "rangemode": "tozero", "fixedrange": True},
        **_layout(),
    )
    return result


def _layout() -> dict:
    return {
        "legend": {"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        "margin": {"l": 0, "r": 8, "t": 28, "b": 0},
        "height": HEIGHT,
        "clickmode": "event+select",
        "dragmode": False,
        **CLEAR,
    }
