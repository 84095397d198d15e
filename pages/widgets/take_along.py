"""What people take along from a page: exports of all that is on it, and notes pinned to it."""

from collections.abc import Sequence
from pathlib import Path

import pandas as pd
import streamlit as st

from pages.address import View
from pages.data.sentence_study import SentenceStudy
from pages.figures.quantities import MODE_NAMES
from pages.figures.report import Sheet
from pages.widgets import exports, notes
from pages.widgets.exports import ExportFigure, ExportTable
from store.notes import key_of_view


def draw(
    page: str,
    view: View,
    root: Path,
    key: str,
    name: str,
    about: str,
    table: ExportTable,
    drawn: Sequence[ExportFigure],
) -> None:
    """Draw both. `name` says what is shown but not the model, `about` under what it holds; notes hang on `key`."""
    about = " ".join([about, *table.full.attrs.get("notes", [])])
    with st.container(horizontal=True):
        exports.menu(name, about, [table], list(drawn))
    sheet = Sheet(
        f"{name}, {view.model}", about, {each.title: each.figure for each in drawn}, {table.title: table.printed}
    )
    notes.draw(page, view, root, key, sheet)


def of_study(
    page: str,
    view: View,
    found: SentenceStudy,
    table: pd.DataFrame,
    drawn: Sequence[ExportFigure],
    printed: pd.DataFrame,
) -> None:
    """The same of a page about a study: its `table`, of which `printed` is what a reader needs."""
    name = ", ".join(filter(None, (found.study.title, view.prompt)))
    about = f"{MODE_NAMES[view.mode]}, {view.measure}, guidance {found.guidance:g}, seed {view.seed}."
    content = {"study": found.study.name, "model": view.model, "guidance": f"{found.guidance:g}"}
    key = key_of_view(page, **content, prompt=view.prompt, pair=view.pair, word=view.word)
    draw(page, view, found.root, key, name, about, ExportTable("All of the study", table, printed, []), drawn)
