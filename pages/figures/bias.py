"""The table of the bias pages: its cells can be clicked, its chart is drawn row by row. Nothing of Streamlit in here.

The table is made of cells, not of Plotly's table trace: that one reports no click.
"""

from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go

from pages.figures.escape import plain_markup

ROW, HEAD = 25, 64  # pixels
WIDTH, CHART = 1000, 240  # pixels of a table with its chart, about, and of the chart at least
SIZE = "#788290"  # the neutral shade of a size: colours belong to attributes, everywhere
STRONGEST = 0.55  # opacity under text, legible in either theme
FAINT = 0.3  # of what is not significant
SERIES = (("#2f8fd0", "circle", "\u25cf"), ("#e07b39", "diamond", "\u25c6"), ("#2a9d77", "square", "\u25a0"))
SERIES += (("#c77cb4", "triangle-up", "\u25b2"), ("#8a94a0", "cross", "\u271a"))
HEAD_ROW = "head"  # what a click on a head says first; on a row: ROW_OF
ROW_OF = "row"
FONT, SMALL = 12, 10  # pixels
LETTER = 6.4  # pixels of one in a head


@dataclass(frozen=True)
class Column:
    """One column. Texts are plain but for the markup of `bold` and `beside`; `shades` lie between -1 and 1."""

    key: str  # what a click on its head names
    title: str
    width: float  # pixels
    texts: tuple[str, ...]
    hovers: tuple[str, ...]
    shades: np.ndarray | None = None  # (R,)
    tints: tuple[str, str] = (SIZE, SIZE)  # of shades below zero, and above
    group: str = ""  # what it has in common with its neighbours
    series: int | None = None  # of the chart, whose symbol stands before the title
    meaning: str = ""  # said where somebody points at the head


@dataclass(frozen=True)
class Series:
    """Values with their intervals, (R,) each, for the chart."""

    name: str
    values: np.ndarray
    low: np.ndarray
    high: np.ndarray


@dataclass(frozen=True, kw_only=True)
class Bars:
    """Signed values with their intervals, (R,) each: bars from the middle, in the colour of the attribute that leads.

    Values up to `limit` either way are what the control shows; NaN where there is none.
    """

    values: np.ndarray
    low: np.ndarray
    high: np.ndarray
    leads: tuple[int | None, ...]  # the place of the attribute in the study
    clear: np.ndarray  # whether it is significant
    hovers: tuple[str, ...]
    limit: float = np.nan


@dataclass(frozen=True, kw_only=True)
class Grid:
    """R rows, known by their keys; `pinned` of them, the first ones, are no row that could be opened.

    A line stands above each row of `parts`. The chart has `series`, or `bars`.
    """

    keys: tuple[str, ...]
    columns: tuple[Column, ...]
    series: tuple[Series, ...] = ()
    bars: Bars | None = None
    axis: str = ""  # title of the chart
    pinned: int = 0
    parts: tuple[int, ...] = ()

    @property
    def has_chart(self) -> bool:
        """Whether a chart stands beside the table."""
        return bool(self.series) or self.bars is not None

    @property
    def width(self) -> float:
        """Pixels of all columns."""
        return sum(column.width for column in self.columns)


def colour_of(place: int) -> str:
    """The colour of the attribute at this place of its study, on all pages."""
    return SERIES[place % len(SERIES)][0]


def symbol_of(place: int, clear: bool = True) -> str:
    """The symbol of an attribute in its colour, pale where it is not `clear`."""
    colour, _, symbol = SERIES[place % len(SERIES)]
    paler = "" if clear else f"; opacity: {FAINT}"
    return f'<span style="color:{colour}{paler}">{symbol}</span>'


def bold(text: str) -> str:
    """Marked as the largest of its row."""
    return f"<b>{text}</b>"


def beside(text: str, small: str) -> str:
    """A value with what stands behind it in small letters."""
    return f'{text} <span style="font-size:{SMALL}px">{small}</span>'


def table(grid: Grid, opened: str = "", sort: str = "") -> go.Figure:
    """`grid`, ordered by `sort` (descending with a dash before it), the row with the key `opened` marked.

    A click on a cell selects a point whose `customdata` is (HEAD_ROW, key of the column) or (ROW_OF, key of the row).
    """
    figure = go.Figure()
    count, chart = len(grid.keys), grid.has_chart
    share = grid.width / (grid.width + max(CHART, WIDTH - grid.width)) if chart else 1.0
    edges = np.cumsum([0, *(column.width for column in grid.columns)])
    _shade(figure, grid, edges)
    _write(figure, grid, edges, sort)
    if chart:
        _chart(figure, grid, share)
    _clickable(figure, grid, edges)
    height = HEAD + count * ROW + 8
    top = 1 - HEAD / (HEAD + count * ROW)
    rows = {"range": [count - 0.5, -0.5], "domain": [0, top], "visible": False, "fixedrange": True}
    whole = {"range": [count - 0.5, -0.5 - HEAD / ROW], "visible": False, "fixedrange": True}
    across = {"range": [0, grid.width], "domain": [0, share], "visible": False, "fixedrange": True}
    figure.update_layout(
        xaxis={**across, "anchor": "y"},
        yaxis={**whole, "anchor": "x"},
        xaxis3={**across, "anchor": "y3"},
        yaxis3={**whole, "anchor": "x3"},
        height=height,
        margin={"l": 0, "r": 4, "t": 0, "b": 8},
        showlegend=False,
        hovermode="closest",
        hoverdistance=60,
        clickmode="event+select",
        dragmode=False,
        paper_bgcolor="rgba(0,0,0,0)",
        plot_bgcolor="rgba(0,0,0,0)",
    )
    if chart:
        figure.update_layout(yaxis2={**rows, "anchor": "x2"})
    strong = {grid.pinned, *grid.parts}
    lines = [_rule(place - 0.5, strong=place in strong) for place in range(grid.pinned, count + 1)]
    if grid.bars is not None and np.isfinite(grid.bars.limit):
        reach = {
            "x0": -grid.bars.limit,
            "x1": grid.bars.limit,
            "xref": "x2",
            "y0": grid.pinned - 0.5,
            "y1": count - 0.5,
        }
        grey = "rgba(128, 128, 128, 0.22)"
        lines.append({"type": "rect", "yref": "y2", "layer": "below", "line": {"width": 0}, "fillcolor": grey} | reach)
    if opened in grid.keys[grid.pinned :]:
        place = grid.keys.index(opened, grid.pinned)
        box = {"y0": place - 0.5, "y1": place + 0.5, "x0": 0, "x1": 1, "xref": "x domain", "yref": "y"}
        lines.append({"type": "rect", "line": {"color": SIZE, "width": 2}, **box})
    figure.layout.shapes = lines
    return figure


def _rule(place: float, strong: bool) -> dict:
    line = {"color": f"rgba(128, 128, 128, {0.6 if strong else 0.2})", "width": 1}
    across = {"x0": 0, "x1": 1, "xref": "paper"}
    return {"type": "line", "line": line, "layer": "below", "y0": place, "y1": place, "yref": "y", **across}


def _shade(figure: go.Figure, grid: Grid, edges: np.ndarray) -> None:
    """Colours behind the cells, transparent where the value is zero."""
    for place, column in enumerate(grid.columns):
        if column.shades is None:
            continue
        below, above = column.tints
        figure.add_trace(
            go.Heatmap(
                z=np.asarray(column.shades, np.float32)[:, None],
                x=edges[[place, place + 1]].tolist(),
                y=[row - 0.5 for row in range(len(grid.keys) + 1)],
                colorscale=[
                    [0, translucent(below, STRONGEST)],
                    [0.5, translucent(below, 0)],
                    [0.5, translucent(above, 0)],
                    [1, translucent(above, STRONGEST)],
                ],
                zmin=-1,
                zmax=1,
                xgap=2,
                ygap=2,
                showscale=False,
                hoverinfo="skip",
            )
        )


def translucent(colour: str, opacity: float) -> str:
    """A colour, given as #rrggbb, of some opacity."""
    red, green, blue = (int(colour[place : place + 2], 16) for place in (1, 3, 5))
    return f"rgba({red}, {green}, {blue}, {opacity})"


def _write(figure: go.Figure, grid: Grid, edges: np.ndarray, sort: str) -> None:
    """The texts of heads and cells: the first column from its left, the others in the middle."""
    scale = min(1.0, WIDTH / (grid.width + CHART)) if grid.has_chart else 1.0
    middle, key = (edges[1:] + edges[:-1]) / 2, sort.removeprefix("-")
    heads, groups = -0.5 - 0.4 * HEAD / ROW, -0.5 - 0.86 * HEAD / ROW
    for place, column in enumerate(grid.columns):
        title = "<br>".join(plain_markup(_fitting(word, column.width * scale)) for word in column.title.split(" "))
        if column.series is not None:
            title = f"{symbol_of(column.series)} {title}"
        arrow = ("\u25bc" if sort.startswith("-") else "\u25b2") if key == column.key else ""
        texts = [bold(f"{title} {arrow}".strip()), *column.texts]
        figure.add_trace(
            go.Scatter(
                x=[4.0 if place == 0 else float(middle[place])] * len(texts),
                y=[heads, *range(len(grid.keys))],
                text=texts,
                mode="text",
                textposition="middle right" if place == 0 else "middle center",
                textfont={"size": FONT},
                hoverinfo="skip",
                cliponaxis=False,
            )
        )
    named = dict.fromkeys(column.group for column in grid.columns if column.group)
    for group in named:
        inside = [place for place, column in enumerate(grid.columns) if column.group == group]
        centre = float(edges[inside[0]] + edges[inside[-1] + 1]) / 2
        where = {"x": [centre], "y": [groups], "text": [plain_markup(group)]}
        style = {"mode": "text", "textfont": {"size": SMALL + 1}, "hoverinfo": "skip", "cliponaxis": False}
        figure.add_trace(go.Scatter(**style, **where))


def _fitting(word: str, width: float) -> str:
    """`word`, or its beginning, for the head of a column of so many pixels."""
    most = int((width - 8) / LETTER)
    return word if len(word) <= most else word[: most - 1] + "\u2026"


def _chart(figure: go.Figure, grid: Grid, share: float) -> None:
    """Each row's values with their intervals, in line with its cells."""
    if grid.bars is not None:
        _bars(figure, grid, grid.bars)
    else:
        _dots(figure, grid)
    figure.update_layout(
        xaxis2={
            "domain": [min(share + 0.02, 0.97), 1],
            "anchor": "y2",
            "side": "top",
            "title": {"text": plain_markup(grid.axis), "font": {"size": FONT}, "standoff": 6},
            "fixedrange": True,
            "nticks": 6,
            "gridcolor": "rgba(128, 128, 128, 0.25)",
            "zeroline": True,
            "zerolinecolor": "rgba(128, 128, 128, 0.7)",
        }
    )


def _bars(figure: go.Figure, grid: Grid, bars: Bars) -> None:
    """A bar of each row from the middle to its value, with its interval; pale where it is not significant."""
    colours = [SIZE if place is None else colour_of(place) for place in bars.leads]
    faint = np.where(bars.clear, 0.85, FAINT)
    bounds = np.stack([bars.high - bars.values, bars.values - bars.low])
    figure.add_trace(
        go.Bar(
            x=bars.values,
            y=np.arange(len(grid.keys)),
            orientation="h",
            width=0.62,
            marker={"color": colours, "opacity": faint, "line": {"width": 0}},
            error_x={
                "array": np.nan_to_num(bounds[0]),
                "arrayminus": np.nan_to_num(bounds[1]),
                "color": "rgba(128, 128, 128, 0.95)",
                "thickness": 1.5,
                "width": 0,
            },
            unselected={"marker": {"opacity": 0.85}},
            customdata=[(ROW_OF, key) for key in grid.keys],
            text=[""] * len(grid.keys),
            hovertext=list(bars.hovers),
            hovertemplate="%{hovertext}<extra></extra>",
            xaxis="x2",
            yaxis="y2",
        )
    )


def _dots(figure: go.Figure, grid: Grid) -> None:
    """A dot for each attribute with its interval, and a line between the outermost."""
    keys, rows = [(ROW_OF, key) for key in grid.keys], np.arange(len(grid.keys))
    values = np.stack([series.values for series in grid.series])  # (series, R)
    if len(grid.series) > 1:
        known = np.isfinite(values).any(0)
        ends = np.full((2, len(rows)), np.nan)
        ends[:, known] = np.nanmin(values[:, known], 0), np.nanmax(values[:, known], 0)
        where = {"x": np.insert(ends.T, 2, np.nan, 1).ravel(), "y": np.insert(np.stack([rows, rows], 1), 2, rows, 1)}
        where["y"] = where["y"].ravel()
        line = {"color": "rgba(128, 128, 128, 0.45)", "width": 5}
        figure.add_trace(go.Scatter(mode="lines", line=line, hoverinfo="skip", xaxis="x2", yaxis="y2", **where))
    offsets = np.linspace(-0.16, 0.16, len(grid.series)) if len(grid.series) > 1 else [0.0]
    for index, (series, offset) in enumerate(zip(grid.series, offsets, strict=True)):
        colour, symbol, _ = SERIES[index % len(SERIES)]
        bounds = np.stack([series.high - series.values, series.values - series.low])
        reach = [plain_markup(_range(*ends)) for ends in zip(series.low, series.high, strict=True)]
        figure.add_trace(
            go.Scatter(
                x=series.values,
                y=rows + offset,
                error_x={
                    "array": np.nan_to_num(bounds[0]),
                    "arrayminus": np.nan_to_num(bounds[1]),
                    "color": colour,
                    "thickness": 1.5,
                    "width": 0,
                },
                mode="markers",
                marker={"color": colour, "symbol": symbol, "size": 9},
                unselected={"marker": {"opacity": 1}},
                customdata=keys,
                text=reach,
                name=plain_markup(series.name),
                hovertemplate=f"%{{customdata[1]}}<br>{plain_markup(series.name)} %{{x:.3g}} %{{text}}<extra></extra>",
                xaxis="x2",
                yaxis="y2",
            )
        )


def _range(low: float, high: float) -> str:
    return f"({low:.3g} to {high:.3g})".replace("-", "\u2212") if np.isfinite([low, high]).all() else ""


def _clickable(figure: go.Figure, grid: Grid, edges: np.ndarray) -> None:
    """Unseen points over all cells; so that the nearest is that of the cell, wide ones have two."""
    x, y, said, keys = [], [], [], []
    for left, right, column in zip(edges, edges[1:], grid.columns, strict=False):
        parts = 2 if column.width > 75 else 1
        for part in range(parts):
            x += [left + (right - left) * (part + 0.5) / parts] * (len(grid.keys) + 1)
            y += [-0.5 - 0.4 * HEAD / ROW, *range(len(grid.keys))]
            about = f"<br>{plain_markup(column.meaning)}" if column.meaning else ""
            said += [f"Sort by {plain_markup(column.title)}{about}", *column.hovers]
            rows = [("", "") if place < grid.pinned else (ROW_OF, key) for place, key in enumerate(grid.keys)]
            keys += [(HEAD_ROW, column.key), *rows]
    unseen = {"marker": {"opacity": 0}}
    figure.add_trace(
        go.Scatter(
            x=x,
            y=y,
            text=said,
            customdata=keys,
            mode="markers",
            marker={"symbol": "square", "size": ROW, "opacity": 0},
            selected=unseen,
            unselected=unseen,
            hovertemplate="%{text}<extra></extra>",
            xaxis="x3",
            yaxis="y3",
        )
    )
