"""Downloads of what is on screen: tables as CSV and LaTeX, figures as PNG, SVG and HTML, and their data as CSV."""

import re
from dataclasses import dataclass

import pandas as pd
import plotly.graph_objects as go
import streamlit as st

from pages.figures import report
from pages.widgets import notices
from store import export

# Pictures are made by the reader's browser, with the camera that Plotly gives each figure: nothing to install.
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
        export default function ({ data, parentElement }) {
            for (const button of parentElement.querySelectorAll("button")) {
                button.setAttribute("aria-label", `${button.name.toUpperCase()} of ${data.title}`)
                button.onclick = () => {
                    const figure = document.querySelector(`.st-key-${data.key} .js-plotly-plot`)
                    const camera = figure?.querySelector(".modebar-btn")
                    const status = parentElement.querySelector("[role=status]")
                    status.textContent = camera ? "" : "The figure is not on the page."
                    if (!camera) return
                    figure._context.toImageButtonOptions = { format: button.name, filename: data.filename, scale: 2 }
                    camera.click()
                }
            }
        }
    """,
)


@dataclass(frozen=True)
class ExportFigure:
    """A figure on the page: the `key` of the container that it alone is in, and the data that it draws."""

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


def figure(place: str, drawn: go.Figure, /, **about) -> None:
    """Draw a figure in a container with the key `place`, for `ExportFigure`; `about` goes to `st.plotly_chart`."""
    with st.container(key=place):
        st.plotly_chart(drawn, config=CONFIG, **about)


def frame(rows: pd.DataFrame, /, **about) -> None:
    """Draw `rows` as `st.dataframe` does; the reader may save them as CSV there, so no text in them is a formula."""
    safe = rows.map(lambda cell: export.guarded(cell) if isinstance(cell, str) else cell)
    st.dataframe(safe, hide_index=True, **about)


def menu(name: str, about: str, tables: list[ExportTable], figures: list[ExportFigure]) -> None:
    """The menu of all downloads. `name` says in a few words what they are of, `about` under what they hold."""
    with st.popover("Export", icon=":material/download:", help="Tables and figures as files"):
        for table in tables:
            _table(name, table)
        for shown in figures:
            _figure(name, about, shown)


def _table(name: str, table: ExportTable) -> None:
    st.text(table.title)
    file = _slug(f"{name} {table.title}")
    with st.container(horizontal=True):
        _download("CSV", f"{file}.csv", table.title, lambda: export.encoded(table.full, "csv"), "text/csv")
        _download(
            "LaTeX",
            f"{file}.tex",
            table.title,
            lambda: export.latex(table.printed, bold=table.bold).encode(),
            "application/x-tex",
        )


def _figure(name: str, about: str, shown: ExportFigure) -> None:
    st.text(shown.title)
    file = _slug(f"{name} {shown.title}")
    with st.container(horizontal=True, vertical_alignment="center"):
        PICTURE(
            key=f"picture of {shown.key}",
            data={"key": shown.key, "title": shown.title, "filename": file},
            width="content",
            height="content",
        )
        sheet = report.Sheet(name, about, {shown.title: shown.figure})
        _download("HTML", f"{file}.html", shown.title, lambda: report.page(name, [sheet]).encode(), "text/html")
        data = f"{shown.title}, data"
        _download("CSV", f"{file}-data.csv", data, lambda: export.encoded(shown.data, "csv"), "text/csv")


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


def _slug(text: str) -> str:
    return re.sub(r"[^\w.]+", "-", text.casefold()).strip("-")
