"""What is on screen as a file of its own, to be read anywhere and without a network. Nothing of Streamlit in here.

Texts, notes and words of prompts come in as plain text and stay that.
"""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from html import escape

import pandas as pd
import plotly.graph_objects as go
import plotly.io
from plotly.offline import get_plotlyjs

from store import export
from store.errors import InputError
from store.notes import Note, Pin

FONT, INK = "system-ui, sans-serif", "#1d2730"
STYLE = """
body {font: 15px/1.45 system-ui, sans-serif; color: #1d2730; max-width: 1040px; margin: 2rem auto; padding: 0 1rem}
h1 {font-size: 1.5rem} h2 {font-size: 1.2rem; margin: 0} section {border-top: 1px solid #d9dee3; padding: 1.2rem 0}
.about {color: #5a6670; font-size: .9rem; overflow-wrap: anywhere} .table {overflow-x: auto}
.note {white-space: pre-wrap; border-left: 3px solid #1f5f8b; padding-left: .8rem; overflow-wrap: anywhere}
table {border-collapse: collapse; font-size: .85rem} th, td {padding: .2rem .6rem; text-align: right}
th {border-bottom: 1px solid #d9dee3} th:first-child, td:first-child {text-align: left}
@media print {section {break-inside: avoid}}
"""


@dataclass(frozen=True)
class Sheet:
    """Figures and tables that belong together, each under its heading; `about` says under what they hold."""

    title: str
    about: str
    figures: Mapping[str, go.Figure] = field(default_factory=dict)
    tables: Mapping[str, pd.DataFrame] = field(default_factory=dict)

    def packed(self) -> str:
        """As a text that `unpacked` reads: tables as they are shown, figures as Plotly writes them."""
        tables = {heading: export.texts(table) for heading, table in self.tables.items()}
        figures = {heading: _on_paper(figure).to_json() for heading, figure in self.figures.items()}
        return json.dumps({"about": self.about, "figures": figures, "tables": tables})


def unpacked(title: str, packed: str) -> Sheet:
    """What `Sheet.packed` gave.

    Raises
    ------
    InputError: it is something else.
    """
    try:
        content = json.loads(packed)
        figures = {heading: plotly.io.from_json(text) for heading, text in content["figures"].items()}
        tables = {heading: pd.DataFrame(rows, columns=names) for heading, (names, rows) in content["tables"].items()}
        return Sheet(title, content["about"], figures, tables)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise InputError(f"pinned view {title!r}", f"cannot be read ({error})", "pin it again") from error


def page(title: str, sheets: Iterable[Sheet]) -> str:
    """An HTML page of `sheets`, with all that it needs in it."""
    return _page(title, (_section(sheet) for sheet in sheets))


def of_pins(title: str, pinned: Iterable[tuple[Note, Pin]], root: str) -> str:
    """An HTML page of notes, each with what it was pinned to; one that cannot be read says so. `root` ends in no /."""
    return _page(title, (_pinned(note, pin, root) for note, pin in pinned))


def _pinned(note: Note, pin: Pin, root: str) -> str:
    written = f"{note.author}, {note.written[:16].replace('T', ' ')} UTC, version {note.version}"
    said = f'<p class="note">{escape(note.text)}</p><p class="about">{escape(written)}</p>'
    link = f'<p class="about"><a href="{escape(root + pin.address)}">{escape(root + pin.address)}</a></p>'
    try:
        return _section(unpacked(pin.title, pin.content), said, link)
    except InputError as error:
        return _section(Sheet(pin.title, str(error)), said, link)


def _page(title: str, sections: Iterable[str]) -> str:
    head = (
        f'<meta charset="utf-8"><title>{escape(title)}</title><style>{STYLE}</style><script>{get_plotlyjs()}</script>'
    )
    body = f"<h1>{escape(title)}</h1>{''.join(sections)}"
    return f'<!DOCTYPE html><html lang="en"><head>{head}</head><body>{body}</body></html>'


def _section(sheet: Sheet, before: str = "", after: str = "") -> str:
    parts = [f"<h2>{escape(sheet.title)}</h2>", f'<p class="about">{escape(sheet.about)}</p>', before]
    for heading, figure in sheet.figures.items():
        drawn = plotly.io.to_html(
            _on_paper(figure), full_html=False, include_plotlyjs=False, config={"displaylogo": False}
        )
        parts.append(f"<h3>{escape(heading)}</h3>{drawn}")
    for heading, table in sheet.tables.items():
        names, rows = export.texts(table)
        head = "".join(f"<th>{escape(name)}</th>" for name in names)
        body = "".join(f"<tr>{''.join(f'<td>{escape(cell)}</td>' for cell in row)}</tr>" for row in rows)
        parts.append(f'<h3>{escape(heading)}</h3><div class="table"><table><tr>{head}</tr>{body}</table></div>')
    return f"<section>{''.join(parts)}{after}</section>"


def _on_paper(figure: go.Figure) -> go.Figure:
    """`figure` without the theme of the page that it was drawn for."""
    return go.Figure(figure).update_layout(template="none", font={"family": FONT, "color": INK})
