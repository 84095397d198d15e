"""Figures of the records. Nothing of Streamlit in here: a page or an export may draw them."""

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from PIL import Image

from pages.figures.escape import plain_markup

SEQUENTIAL = "Viridis"
OTHER = "Plasma"  # what is no information (Magma will not do: Streamlit takes its #000004 for a colour of the theme)
DIVERGING = ((0.0, "#2166ac"), (0.25, "#92c5de"), (0.5, "#f7f7f7"), (0.75, "#f4a582"), (1.0, "#b2182b"))
COLOURS = ("#2f8fd0", "#e07b39", "#8a94a0")  # first word, second word, both: legible on white and on black
DASHES = ("solid", "dash", "dot")
FRAME = (("#ffffff", 4), ("#d6006c", 1.5))  # of a rectangle: lines that are seen on every image and map
CLEAR = {"paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"}
HIDDEN = {"visible": False, "constrain": "domain", "fixedrange": True}
ABOVE = {  # where the title of a panel stands
    "y": 1,
    "xref": "paper",
    "yref": "paper",
    "xanchor": "center",
    "yanchor": "bottom",
    "showarrow": False,
    "font": {"size": 11},
}
LARGEST = 512  # pixels of an image's side in a figure
PANEL = 192  # the same where several stand side by side
LOSSLESS = 128  # pixels of a side up to which WebP without loss stays small
EFFORT = 20  # of WebP without loss: an eighth of the time of 80, 9 % more bytes
ROBUST = 99.5  # percentile of the values at which the common colour scale ends
TITLE = 15  # characters of one line above a panel
FEW = 3  # colour bars side by side that have room for more than their ends
GROUPS = (4, 3, 2, 2, 2)  # the parts, the information of the words, the conditional information, the baselines


@dataclass(frozen=True)
class Scale:
    """How colours stand for values: from 0 to `limit`, or from -`limit` where there is a sign."""

    limit: float
    unit: str
    signed: bool = False
    sequential: str = SEQUENTIAL

    @property
    def axis(self) -> dict:
        """The same in the words of a Plotly colour axis."""
        colours = DIVERGING if self.signed else self.sequential
        return {"colorscale": colours, "cmin": -self.limit if self.signed else 0, "cmax": self.limit}

    @property
    def ticks(self) -> dict:
        """Ticks of a colour bar that has room for both ends and zero only."""
        places = [-self.limit, 0.0, self.limit] if self.signed else [0.0, self.limit]
        texts = [f"{place:.2g}".replace("-", "\u2212") for place in places]
        return {"tickvals": places, "ticktext": [*texts[:-1], f"{texts[-1]} {self.unit}"], "ticksuffix": ""}


@dataclass(frozen=True)
class Layer:
    """One map of one image, in the unit shown. `errors` are missing where nothing tells them."""

    title: str
    values: np.ndarray  # (h, w)
    scale: Scale
    errors: np.ndarray | None = None  # (h, w)

    def up_to(self, limit: float) -> "Layer":
        """The same on a colour scale that ends at `limit`."""
        return replace(self, scale=replace(self.scale, limit=limit))

    @property
    def hover(self) -> str:
        """What pointing at a pixel says."""
        error = " \u00b1 %{customdata:.2g}" if self.errors is not None else ""
        return f"{plain_markup(self.title)}<br>%{{z:.3g}}{error} {self.scale.unit}"


def data_uri(image: np.ndarray, largest: int = LARGEST) -> str:
    """An image, uint8 (H, W, 3), as a WebP data URI of at most `largest` pixels a side."""
    picture = Image.fromarray(image)
    picture.thumbnail((largest, largest), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    lossless = max(picture.size) <= LOSSLESS
    picture.save(buffer, "WEBP", lossless=lossless, quality=EFFORT if lossless else 80, method=2)
    return "data:image/webp;base64," + base64.b64encode(buffer.getvalue()).decode()


def common_limit(maps: Sequence[np.ndarray]) -> float:
    """Where the colour scale of maps that are compared ends: the `ROBUST` percentile of their magnitudes."""
    magnitudes = np.abs(np.concatenate([np.ravel(values) for values in maps])).astype(np.float64)
    magnitudes = magnitudes[np.isfinite(magnitudes)]
    limit = float(np.percentile(magnitudes, ROBUST)) if magnitudes.size else 0.0
    return limit or 1.0


def overlay(image: np.ndarray, layer: Layer, opacity: float, threshold: float = 0.0) -> go.Figure:
    """A map (h, w) over its image (H, W, 3); axes count pixels of the image, a cell is H / h of them.

    Values below `threshold` times the end of the colour scale are left out.
    """
    height, width = image.shape[:2]
    figure = go.Figure([picture(image), heat(layer, (height, width), opacity, threshold)])
    figure.update_layout(
        coloraxis={**layer.scale.axis, "colorbar": _bar(0.5, 0.9, layer.scale.unit)},
        xaxis={**HIDDEN, "range": [-0.5, width - 0.5]},
        yaxis={**HIDDEN, "range": [height - 0.5, -0.5], "scaleanchor": "x", "constraintoward": "top"},
        margin={"l": 0, "r": 0, "t": 0, "b": 40},
        height=440,
        dragmode=False,
        showlegend=False,
        **CLEAR,
    )
    return figure


def let_select(figure: go.Figure, size: tuple[int, int], region: Sequence[float] = ()) -> go.Figure:
    """Let a rectangle be drawn on an overlay over an image of `size`, (H, W), and show the `region` that was.

    A region is left, top, right, bottom, in pixels of the image.
    """
    height, width = size
    corners = {"x": [0, width - 1] * 2, "y": [0, 0, height - 1, height - 1]}  # without points nothing is selected
    figure.add_trace(go.Scatter(**corners, mode="markers", marker={"opacity": 0}, hoverinfo="skip"))
    figure.data = figure.data[-1:] + figure.data[:-1]
    if region:
        left, top, right, bottom = (end - 0.5 for end in region)
        for colour, thickness in FRAME:
            line = {"color": colour, "width": thickness}
            figure.add_shape(type="rect", x0=left, x1=right, y0=top, y1=bottom, line=line)
    return figure.update_layout(dragmode="select")


def strip(
    layers: Sequence[Layer],
    image: np.ndarray | None = None,
    opacity: float = 1.0,
    threshold: float = 0.0,
    groups: Sequence[int] = GROUPS,
    height: int = 192,
) -> go.Figure:
    """Maps side by side, over the `image` (H, W, 3) if it is given; those of one scale share its colour bar.

    `groups` says how many stand together. Values below `threshold` times the end of their scale are left out.
    """
    traces, axes, titles = [], {}, []
    scales = list(dict.fromkeys(layer.scale for layer in layers))
    for index, (layer, domain) in enumerate(zip(layers, _domains(len(layers), groups), strict=True), start=1):
        axis = "" if index == 1 else str(index)
        own = {"xaxis": f"x{axis}", "yaxis": f"y{axis}"}
        rows, columns = layer.values.shape if image is None else image.shape[:2]
        if image is not None:
            traces.append(picture(image, PANEL).update(own))
        shown = heat(layer, (rows, columns), opacity, threshold, place=image is not None)
        traces.append(shown.update({**own, "coloraxis": _name_of_axis(scales.index(layer.scale))}))
        square = {"scaleanchor": f"x{axis}", "constraintoward": "top"}
        axes[f"xaxis{axis}"] = {**HIDDEN, "domain": domain, "range": [-0.5, columns - 0.5], "anchor": f"y{axis}"}
        axes[f"yaxis{axis}"] = {**HIDDEN, **square, "range": [rows - 0.5, -0.5], "anchor": f"x{axis}"}
        titles.append({"text": _two_lines(layer.title), "x": sum(domain) / 2, **ABOVE})
    for index, scale in enumerate(scales):
        bar = _bar((index + 0.5) / len(scales), 0.7 / len(scales), scale.unit)
        ends = scale.ticks if len(scales) > FEW else {}
        axes[_name_of_axis(index)] = {**scale.axis, "colorbar": bar | ends}
    margin = {"l": 0, "r": 0, "t": 36, "b": 40}
    layout = {"annotations": titles, "margin": margin, "height": height, "dragmode": False, **CLEAR}
    return go.Figure(traces, layout | axes)


def picture(image: np.ndarray, largest: int = LARGEST) -> go.Image:
    """An image (H, W, 3) whose pixels are counted by the axes, in at most `largest` of its own a side."""
    step = max(1.0, max(image.shape[:2]) / largest)
    source, start = data_uri(image, largest), (step - 1) / 2
    return go.Image(source=source, dx=step, dy=step, x0=start, y0=start, zsmooth="fast", hoverinfo="skip")


def heat(
    layer: Layer, size: tuple[int, int], opacity: float = 1.0, threshold: float = 0.0, place: bool = True
) -> go.Heatmap:
    """A map (h, w) spread over `size`, the height and width in the axes' units; `place` is said at pointing at it."""
    down, across = (whole / cells for whole, cells in zip(size, layer.values.shape, strict=True))
    values, errors = _drawn(layer.values), layer.errors
    if threshold:
        values[np.abs(values) < threshold * layer.scale.limit] = np.nan
    where = "<br>at pixel (%{x:.0f}, %{y:.0f})" if place else ""
    return go.Heatmap(
        z=values,
        customdata=None if errors is None else _drawn(errors),
        x0=(across - 1) / 2,
        dx=across,
        y0=(down - 1) / 2,
        dy=down,
        opacity=opacity,
        coloraxis="coloraxis",
        hoverongaps=False,
        hovertemplate=f"{layer.hover}{where}<extra></extra>",
    )


def values(layers: Sequence[Layer]) -> pd.DataFrame:
    """The maps that a figure draws, a row for each latent pixel."""
    rows, columns = np.indices(layers[0].values.shape).reshape(2, -1)
    titles = [f"{layer.title} ({layer.scale.unit})" for layer in layers]
    maps = {title: layer.values.ravel() for title, layer in zip(titles, layers, strict=True)}
    return pd.DataFrame({"row": rows, "column": columns, **maps})


def curve(
    log_snr: np.ndarray,
    values: np.ndarray,
    words: tuple[str, str],
    unit: str,
    band: tuple[float, float] | None = None,
) -> go.Figure:
    """Information per unit of log SNR (T, 3): first word, second, both; bands without a value are left out.

    `band` is the range of log SNR that other figures beside it show.
    """
    figure = go.Figure()
    if band:
        figure.add_vrect(*band, fillcolor=COLOURS[2], opacity=0.25, line_width=0, layer="below")
    names = (f"'{words[0]}'", f"'{words[1]}'", "both")
    for column, (name, colour, dash) in enumerate(zip(names, COLOURS, DASHES, strict=True)):
        known = np.isfinite(values[:, column])
        figure.add_trace(
            go.Scatter(
                x=log_snr[known].astype(np.float32),
                y=values[known, column].astype(np.float32),
                name=plain_markup(name),
                mode="lines+markers",
                line={"color": colour, "dash": dash, "width": 2},
                marker={"size": 4},
                hovertemplate=f"%{{y:.3g}} {unit} per unit<extra>{plain_markup(name)}</extra>",
            )
        )
    figure.update_layout(
        xaxis={"title": {"text": "log SNR  (left: almost only noise, right: almost clean)"}, "zeroline": False},
        yaxis={"title": {"text": f"{unit} per unit of log SNR"}, "rangemode": "tozero"},
        legend={"orientation": "h", "x": 0, "y": 1.02, "yanchor": "bottom"},
        margin={"l": 0, "r": 8, "t": 28, "b": 0},
        height=330,
        hovermode="x unified",
        **CLEAR,
    )
    return figure


def _drawn(values: np.ndarray) -> np.ndarray:
    """In single precision, which travels compactly; what is not finite becomes a gap."""
    return np.where(np.isfinite(values), values, np.nan).astype(np.float32)


def _name_of_axis(index: int) -> str:
    return f"coloraxis{index + 1}" if index else "coloraxis"


def _domains(count: int, groups: Sequence[int]) -> list[list[float]]:
    """Where panels lie from 0 to 1: in the first of `groups` that they fill, else evenly."""
    groups = next((groups[:end] for end in range(len(groups) + 1) if sum(groups[:end]) == count), (count,))
    between, inside = 0.028, 0.008
    width = (1 - between * (len(groups) - 1) - inside * (count - len(groups))) / count
    domains, start = [], 0.0
    for group in groups:
        for _ in range(group):
            domains.append([start, min(1.0, start + width)])
            start += width + inside
        start += between - inside
    return domains


def _two_lines(title: str) -> str:
    """A title on two short lines: broken at the space nearest the end of the first, cut where too long."""
    if len(title) <= TITLE:
        lines = [title]
    else:
        cut = title.rfind(" ", 0, TITLE + 1)
        lines = [title[:cut], title[cut + 1 :]] if cut > 0 else [title]
    short = [line if len(line) <= TITLE else line[: TITLE - 1] + "\u2026" for line in lines]
    return "<br>".join(plain_markup(line) for line in short)


def _bar(centre: float, length: float, unit: str) -> dict:
    """A colour bar below, its unit at the last tick."""
    return {
        "orientation": "h",
        "x": centre,
        "xanchor": "center",
        "y": 0,
        "yref": "paper",
        "yanchor": "top",
        "ypad": 8,
        "len": length,
        "thickness": 9,
        "outlinewidth": 0,
        "nticks": 6 if length > 0.5 else 4,
        "tickangle": 0,
        "ticksuffix": f" {unit}",
        "showticksuffix": "last",
    }
