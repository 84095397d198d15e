"""Images side by side, each with a map over it or without, on one colour scale."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from pages.figures.escape import plain_markup
from pages.figures.maps import Layer, data_uri

PANELS = 4  # of images in a row
PANEL_TITLE, PANEL_BAR = 18, 44  # pixels above a panel, and of the colours below all
GAP = 0.012  # between panels, of the width
PANEL_HEAD = {
    "xref": "paper",
    "yref": "paper",
    "xanchor": "center",
    "yanchor": "bottom",
    "showarrow": False,
    "font": {"size": 11},
}


@dataclass(frozen=True)
class Panel:
    """One image, uint8 (H, W, 3), with the map over it, if there is one."""

    title: str
    image: np.ndarray
    layer: Layer | None = None


def gallery(panels: Sequence[Panel], across: int, side: int, opacity: float = 1.0, largest: int = 256) -> go.Figure:
    """Panels side by side, `across` in a row, of some `side` pixels; maps have the colours of the first one's scale."""
    traces, axes, titles = [], {}, []
    down = -(-len(panels) // across)
    scales = [panel.layer.scale for panel in panels if panel.layer is not None]
    inside, bar = down * (side + PANEL_TITLE), PANEL_BAR if scales else 0
    for index, panel in enumerate(panels):
        row, column = divmod(index, across)
        left, upper = column * (1 + GAP) / across, 1 - (row * (side + PANEL_TITLE) + PANEL_TITLE) / inside
        ends = [left, left + (1 + GAP) / across - GAP]
        name = str(index + 1) if index else ""
        traces += _panel(panel, name, opacity, largest)
        axes |= _panel_axes(panel, name, ends, [max(0.0, upper - side / inside), upper])
        titles.append({"text": plain_markup(panel.title), "x": sum(ends) / 2, "y": upper, **PANEL_HEAD})
    if scales:
        colours = {"orientation": "h", "y": 0, "yref": "paper", "yanchor": "top", "ypad": 4, "thickness": 9}
        unit = {"ticksuffix": f" {scales[0].unit}", "showticksuffix": "last", "nticks": 6, "outlinewidth": 0}
        axes["coloraxis"] = {**scales[0].axis, "colorbar": colours | unit}
    layout = {
        "annotations": titles,
        "height": inside + bar,
        "margin": {"l": 0, "r": 0, "t": 0, "b": bar},
        "dragmode": False,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
    }
    return go.Figure(traces, layout | axes)


def _panel_axes(panel: Panel, name: str, across: list[float], up: list[float]) -> dict[str, dict]:
    """The axes of one panel, which count pixels of its image and lie in that part of the figure."""
    tall, wide = panel.image.shape[:2]
    hidden = {"visible": False, "fixedrange": True, "constrain": "domain"}
    square = {"scaleanchor": f"x{name}", "constraintoward": "top"}
    return {
        f"xaxis{name}": {**hidden, "domain": across, "range": [-0.5, wide - 0.5], "anchor": f"y{name}"},
        f"yaxis{name}": {**hidden, **square, "domain": up, "range": [tall - 0.5, -0.5], "anchor": f"x{name}"},
    }


def _panel(panel: Panel, name: str, opacity: float, largest: int) -> list[dict]:
    """The traces of one panel: its image and the map over it."""
    height, width = panel.image.shape[:2]
    shown = min(1.0, largest / max(height, width))
    axes = {"xaxis": f"x{name}", "yaxis": f"y{name}"}
    first = (1 / shown - 1) / 2
    where = {"dx": 1 / shown, "dy": 1 / shown, "x0": first, "y0": first}
    source = data_uri(panel.image, largest)
    traces = [{"type": "image", "source": source, "zsmooth": "fast", "hoverinfo": "skip", **where, **axes}]
    if panel.layer is not None:
        values = panel.layer.values
        down, across = height / values.shape[0], width / values.shape[1]
        drawn = {
            "type": "heatmap",
            "z": np.where(np.isfinite(values), values, np.nan).astype(np.float32),
            "customdata": panel.layer.errors,
            "opacity": opacity,
            "coloraxis": "coloraxis",
            "hovertemplate": f"{plain_markup(panel.title)}<br>{panel.layer.hover}<extra></extra>",
        }
        where = {"x0": (across - 1) / 2, "dx": across, "y0": (down - 1) / 2, "dy": down}
        traces.append(drawn | where | axes)
    return traces
