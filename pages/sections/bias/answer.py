"""What a bias table finds, in sentences and one figure above it, and how far to believe it."""

import streamlit as st

from pages import address
from pages.data import glossary, results
from pages.figures import points
from pages.figures.quantities import factor
from pages.sections.bias.attributes import PLANTED
from pages.sections.bias.screen import BiasScreen
from pages.widgets import exports, notices
from store.pid.measures import DEFAULT, MEASURES

PLACE, OTHERS = "truth", ("neutral", "guidance")  # tables that have a sentence alone


def draw(shown: BiasScreen) -> list[exports.ExportFigure]:
    """Draw the answer of a table of attributes, and what was planted beside what was measured; gives back the figure.

    Raises InputError where nothing of the table is there.
    """
    if shown.view.table != "attributes":
        if shown.view.table in OTHERS:
            st.markdown(f"**{notices.plain(_answer(shown))}**")
        return []
    _banner(shown)
    if shown.view.subject:
        return []
    if PLANTED not in shown.table.frame:
        st.markdown(f"**{notices.plain(_answer(shown))}**")
        st.caption(notices.plain(doubt(shown)))
        return []
    left, right = st.columns([5, 6], gap="medium")
    with left:
        st.markdown(f"**{notices.plain(_answer(shown))}**")
        st.markdown(notices.plain(_truth(shown)))
        st.caption(notices.plain(doubt(shown)))
    with right:
        return [_scatter(shown)]


def of_row(shown: BiasScreen) -> None:
    """Say the numbers of the row that is open aloud."""
    if shown.view.table == "attributes" and shown.view.subject in shown.table.frame.index:
        from store.tables.findings import sentences  # scipy takes a second to import

        view = shown.view
        st.markdown(notices.plain(sentences.row(shown.table.frame, view.subject, view.unit, factor(view.unit))))


def said(shown: BiasScreen) -> str:
    """The same in one paragraph, for a report; empty for tables without an answer."""
    if shown.view.table != "attributes":
        return _answer(shown) if shown.view.table in OTHERS else ""
    return " ".join(filter(None, (_answer(shown), _truth(shown), doubt(shown), _of_measure(shown))))


def _answer(shown: BiasScreen) -> str:
    from store.tables.findings import sentences

    say = {"neutral": sentences.probe, "guidance": sentences.guidances}.get(shown.view.table, sentences.answer)
    return say(shown.table.frame, shown.view.unit, factor(shown.view.unit))


def doubt(shown: BiasScreen) -> str:
    """How many significant rows keep their direction elsewhere, and how many are larger than the control."""
    from store.tables.findings import sentences

    frame, view = shown.table.frame, shown.view
    parts = (sentences.doubt(frame), sentences.size(frame, view.unit, factor(view.unit)), sentences.counted(frame))
    return " ".join(filter(None, parts))


def _truth(shown: BiasScreen) -> str:
    from store.tables.findings import recovery, sentences

    return sentences.truth(recovery(shown.table.frame)) if PLANTED in shown.table.frame else ""


def _of_measure(shown: BiasScreen) -> str:
    from store.tables.findings import sentences

    try:
        checks = (results.validation() or {}).get("recovered", [])
    except ValueError:
        checks = []
    return sentences.of_measure(shown.view.measure, checks)


def _banner(shown: BiasScreen) -> None:
    """Whose measure this is, what speaks for it, and where the other measures are."""
    measure = shown.view.measure
    own = "is this project's proposal, not established" if measure == DEFAULT else f"is {MEASURES[measure].source}"
    known = _of_measure(shown)
    told = f"Redundancy under {measure}, which {own}. {known} A column of the table says who leads under the others."
    with st.container(horizontal=True, wrap=False, vertical_alignment="center", key="measure-banner"):
        text = notices.plain(told) + f" {glossary.link('sensitivity', 'Why measures differ')}"
        (st.caption if measure == DEFAULT else st.warning)(text, width="stretch")
        st.button(
            "Sensitivity",
            icon=":material/rule:",
            help="Correlation of the table with those under other measures and levels, and stability under other seeds",
            on_click=address.change,
            kwargs={"table": "robustness", "subject": "", "seed": "", "sort": "", "page": ""},
        )


def _scatter(shown: BiasScreen) -> exports.ExportFigure:
    from store.tables.findings import recovery

    view, found = shown.view, recovery(shown.table.frame)
    figure = points.planted(found, list(shown.table.frame["mean"]), view.unit, factor(view.unit))
    key = f"{PLACE} {view.measure} {view.mode} {view.level} {shown.guidance:g}"
    exports.points(
        PLACE,
        figure,
        key,
        lambda point: address.change(subject=point[1], seed=""),
        alt=f"Measured against planted associations. {_truth(shown)}",
    )
    return exports.ExportFigure(PLACE, "Measured against planted", figure, found)
