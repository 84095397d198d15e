"""Downloads of what is on screen: tables as CSV and LaTeX, figures as PNG, SVG and HTML, and their data as CSV.

Each file is named after what it shows and under which settings, and says so inside: in columns of CSV, in the caption
of LaTeX, above a picture. The settings are the `attrs` of the frames, as `store.tables` gives them.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.figures import report
from pages.figures.escape import plain_markup
from pages.widgets import notices
from store import export

# Pictures are made by the reader's browser, with the camera that Plotly gives each figure: nothing to install. While it
# copies the figure, that has its caption above it and the colours of the page.
CONFIG = {"displayModeBar": True, "modeBarButtons": [["toImage"]], "displaylogo": False}
PICTURE = st.components.v2.component(
    "picture",
    html='<button name="png">PNG</button><button name="svg">SVG</button><span role="status"></span>',
    css="""
        :host, div {font-family: var(--st-font)}
        button {
            font: inherit; font-size: 0.95rem; color: var(--st-text-color); background: var(--st-background-color);
            border: 1px solid var(--st-border-color); border-radius: var(--st-button-radius, 0.25rem);
            padding: 0.35rem 0.8rem; margin-right: 0.5rem; cursor: pointer;
        }
        button:hover, button:focus-visible {border-color: var(--st-primary-color); color: var(--st-primary-color)}
    """,
    js="""
        const LETTER = 7, LINE = 16, NARROW = 480, FONT = "Arial, Helvetica, sans-serif"
        function lines(text, width) {
            const found = [""]
            for (const word of text.split(" ")) {
                const longer = `${found.at(-1)} ${word}`.trim()
                if (longer.length * LETTER <= width) found[found.length - 1] = longer
                else found.push(word)
            }
            return found
        }
        function captioned(figure, caption, style) {
            const { height, margin } = figure._fullLayout, width = Math.max(NARROW, figure._fullLayout.width)
            const above = lines(caption, width - 16), more = LINE * above.length + 18
            const font = { family: FONT, color: style.getPropertyValue("--st-text-color") }
            const place = { x: 0, y: 1 - 15 / (height + more), yref: "container", xanchor: "left", yanchor: "top" }
            const layout = {
                ...figure.layout, height: height + more, margin: { ...margin, t: margin.t + more },
                font: { ...figure.layout.font, ...font },
                paper_bgcolor: style.getPropertyValue("--st-background-color"),
                title: { text: above.join("<br>"), font: { ...font, size: 12 }, pad: { l: 8 }, ...place },
            }
            return [layout, { width, height: height + more }]
        }
        // Plotly saves by the click of a link, which would close the menu as any click outside of it does.
        function unheard(event) {
            if (!event.target.download) return
            event.stopPropagation()
            window.removeEventListener("click", unheard, true)
        }
        export default function ({ data, parentElement }) {
            for (const button of parentElement.querySelectorAll("button")) {
                button.setAttribute("aria-label", `${button.name.toUpperCase()} of ${data.title}`)
                button.onclick = () => {
                    const figure = document.querySelector(`.st-key-${data.key} .js-plotly-plot`)
                    const camera = figure?.querySelector(".modebar-btn")
                    const status = parentElement.querySelector("[role=status]")
                    status.textContent = camera ? "" : "The figure is not on the page."
                    if (!camera) return
                    const shown = figure.layout
                    const [layout, size] = captioned(figure, data.caption, getComputedStyle(button))
                    const asked = { format: button.name, filename: data.filename, scale: 2, ...size }
                    figure._context.toImageButtonOptions = asked
                    figure.layout = layout
                    window.addEventListener("click", unheard, true)
                    camera.dispatchEvent(new MouseEvent("click"))
                    figure.layout = shown
                }
            }
        }
    """,
)


@dataclass(frozen=True)
class ExportFigure:
    """A figure on the page: the `key` of the container that it alone is in, and the data that it draws.

    What the data's `attrs` do not say of their settings is as in the first table of the same menu.
    """

    key: str
    title: str
    figure: go.Figure
    data: pd.DataFrame


@dataclass(frozen=True)
class ExportTable:
    """A table: `full` for programs, `printed` for a paper, where the largest of each group of columns `bold` is so."""

    title: str
    full: pd.DataFrame
    printed: pd.DataFrame
    bold: list[list[object]]


def under(frame: pd.DataFrame, **settings: object) -> pd.DataFrame:
    """Return `frame` with `settings` in its `attrs`, where those do not name others."""
    found = frame.copy(deep=False)
    found.attrs = {**settings, **frame.attrs}
    return found


def figure(place: str, drawn: go.Figure, /, **about) -> None:
    """Draw a figure in a container with the key `place`, for `ExportFigure`; `about` goes to `st.plotly_chart`."""
    with st.container(key=place):
        st.plotly_chart(drawn, config=CONFIG, **about)


def points(place: str, drawn: go.Figure, /, key: str, clicked: Callable[[list], None], **about) -> None:
    """Draw as `figure` does; a click on a point calls `clicked` with its custom data, if it has any."""

    def selected() -> None:
        found = st.session_state[key]["selection"]["points"]
        if found and found[0].get("customdata"):
            clicked(found[0]["customdata"])

    figure(place, drawn, key=key, on_select=selected, selection_mode="points", **about)


def frame(rows: pd.DataFrame, /, **about) -> None:
    """Draw `rows` as `st.dataframe` does; the reader may save them as CSV there, so no text in them is a formula."""
    safe = rows.map(lambda cell: export.guarded(cell) if isinstance(cell, str) else cell)
    st.dataframe(safe, hide_index=True, **about)


def menu(name: str, about: str, tables: list[ExportTable], figures: list[ExportFigure]) -> None:
    """Draw the menu of all downloads. `name` says in a few words what they are of, `about` under what they hold."""
    stated = tables[0].full.attrs if tables else {}
    common = {name: stated[name] for name in export.PROVENANCE if name in stated and name != "quantity"}
    with st.popover("Export", icon=":material/download:", help="Tables and figures as files"):
        for table in tables:
            _table(name, table)
        for shown in figures:
            _figure(name, about, shown, common)


def _table(name: str, table: ExportTable) -> None:
    st.text(table.title)
    printed, title = under(table.printed, **table.full.attrs), f"{table.title}: {name}"
    file = export.file_stem(table.full, f"{table.title} {name}")
    with st.container(horizontal=True):
        _download("CSV", f"{file}.csv", table.title, lambda: export.encoded(table.full, "csv"), "text/csv")
        _download(
            "LaTeX",
            f"{file}.tex",
            table.title,
            lambda: export.latex(printed, bold=table.bold, title=title).encode(),
            "application/x-tex",
        )


def _figure(name: str, about: str, shown: ExportFigure, common: Mapping[str, object]) -> None:
    st.text(shown.title)
    data = under(shown.data, **common)
    file = export.file_stem(data, f"{shown.title} {name}")
    said = export.caption(data, f"{shown.title}: {name}")
    with st.container(horizontal=True, vertical_alignment="center"):
        PICTURE(
            key=f"picture of {shown.key}",
            data={"key": shown.key, "title": shown.title, "filename": file, "caption": plain_markup(said)},
            width="content",
            height="content",
        )
        sheet = report.Sheet(name, f"{about} {export.caption(data)}", {shown.title: shown.figure})
        _download("HTML", f"{file}.html", shown.title, lambda: report.page(name, [sheet]).encode(), "text/html")
        what = f"{shown.title}, data"
        _download("CSV", f"{file}-data.csv", what, lambda: export.encoded(data, "csv"), "text/csv")


def _download(label: str, file: str, what: str, content, kind: str) -> None:
    st.download_button(
        label,
        content,
        file,
        kind,
        key=f"{label} of {what}",
        on_click="ignore",
        help=notices.plain(f"{label} of {what}"),
    )
