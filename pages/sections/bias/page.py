"""The bias pages: the tables of a study of attributes and subjects, their charts, and the images behind a row."""

from dataclasses import replace

import plotly.graph_objects as go
import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages import address
from pages.address import FAILED, SCALES, TABLES, View
from pages.data import bias_tables, glossary, recognised, results
from pages.data.selection import guidance_of
from pages.figures import bias as bias_figures
from pages.figures.quantities import MODES_MEANING, factor
from pages.figures.report import Sheet
from pages.sections.bias import answer, images, robustness, texts
from pages.sections.bias.attributes import Q
from pages.sections.bias.grid import AVERAGE, SUBJECT, TableFormat, parted
from pages.sections.bias.screen import BiasScreen
from pages.widgets import exports, notes, notices, paging, totals
from store.errors import DiffusionPIDError, InputError
from store.notes import key_of_view
from store.pid.information import LEVELS
from store.records import MODES
from store.studies import Published, Study, studies_of_page

ROWS = 25
PLACE = "bias-table"
TABLE_OF_PAPER = TABLES[0], SCALES[0]
NAMES = dict(zip(TABLES, ("With the attribute", "Neutral probe", "Over guidances", "Sensitivity"), strict=True))


def draw(page: str) -> None:
    """Draw the bias page at the address `page`: the first of its studies that was made for the model, else the last."""
    names = studies_of_page(page)
    view = address.current(address.BiasTableView)
    if view.seed and not view.subject:  # it is one of the row that is open
        view = replace(view, seed="")
        address.show(view)
    listing = results.Listing(results.folder(view))
    try:
        asked = bias_tables.meant(names, listing.root, view.model)
        printed = bias_tables.published(asked, names, listing.root)
        levels = bias_tables.guidances(listing, asked.name, view.model, view.revision)
    except DiffusionPIDError as error:
        st.error(notices.plain(str(error)))
        return
    texts.heading(asked)
    notices.broken(listing.broken(), listing.root)
    if not levels:
        said = f"The store {listing.root.absolute()} holds nothing of this study. This command computes it:"
        notices.nothing(view, said, bias_tables.command(asked, view, listing.root))
        return
    shown = _shown(page, view, listing, asked, levels, printed)
    above = st.container()
    _choices(shown)
    try:
        with above:
            drawn = answer.draw(shown)
        _progress(shown)
        if shown.view.table == "robustness":
            robustness.draw(shown)
        else:
            _body(shown, drawn)
    except InputError as error:
        st.error(notices.plain(str(error)))


def _shown(
    page: str, view: View, listing: results.Listing, asked: Study, levels: list[float], printed: Published | None
) -> BiasScreen:
    usual = asked.guidance if asked.guidance in levels else levels[0]
    shown = BiasScreen(
        page=page,
        view=view,
        listing=listing,
        asked=asked,
        guidance=guidance_of(view, usual),
        guidances=levels,
        printed=printed,
    )
    table = view.table if view.table in shown.tables else TABLES[0]
    mode = view.mode if view.mode in MODES and table != "neutral" else MODES[0]
    return replace(shown, view=replace(view, table=table, mode=mode))


def _choices(shown: BiasScreen) -> None:
    """The rows of controls."""
    view = shown.view
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.segmented_control(
            "Images",
            shown.tables,
            format_func=NAMES.get,
            required=True,
            help=glossary.explained(texts.TABLES_MEANING, "neutral-probe"),
            **address.bind_field("table", view.table, ["subject", "seed", "sort", "page"], among=shown.tables),
        )
        if view.table == "attributes":
            st.segmented_control(
                "Values",
                SCALES,
                format_func={SCALES[0]: "0 to 1", SCALES[1]: view.unit}.get,
                required=True,
                help=glossary.explained(texts.SCALES_MEANING, "normalised"),
                **address.bind_field("scale", view.scale, among=SCALES),
            )
        if view.table != "neutral":
            st.segmented_control(
                "Mode",
                MODES,
                format_func=str.upper,
                required=True,
                help=glossary.explained(MODES_MEANING, "mode"),
                **address.bind_field("mode", view.mode, among=MODES),
            )
            st.segmented_control(
                "Level",
                list(LEVELS),
                required=True,
                help=glossary.explained(totals.LEVELS_MEANING, "level"),
                **address.bind_field("level", view.level, among=list(LEVELS)),
            )
        if len(shown.guidances) > 1 and view.table != "guidance":
            offered = [f"{level:g}" for level in shown.guidances]
            st.segmented_control(
                "Guidance",
                offered,
                required=True,
                help=glossary.explained("Of image generation. More of it exaggerates bias.", "guidance"),
                **address.bind_field("guidance", f"{shown.guidance:g}", among=offered),
            )


def _progress(shown: BiasScreen) -> None:
    """How much of the study is there, and how to get the rest."""
    if shown.view.table != "attributes":
        return
    view = shown.view
    share = bias_tables.share(shown.listing, shown.asked, view.model, shown.guidance, view.revision)
    if share.complete:
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        part = share.done / share.wanted
        st.progress(part, f"Partly computed: {share.done:,} of {share.wanted:,} images ({part:.0%})", width="stretch")
        with st.popover("Compute the rest"):
            st.text("This command computes what is missing and keeps what is there:")
            st.code(shown.command, language="bash", wrap_lines=True)
            notices.launching(shown.listing.root, notices.STUDY_ASKED)


def _body(shown: BiasScreen, above: list[exports.ExportFigure]) -> None:
    """The table and, beside it, its chart or the images of the row that is open; then what is noted about it.

    `above` are the figures that are drawn above it.
    """
    view, frame = shown.view, shown.table.frame
    notices.of_model(frame.attrs.get("notes", []))
    if wrong := recognised.problem(shown.listing.root, view.model):
        st.warning(notices.plain(wrong))
    menu = _rows(shown)
    subjects = shown.table.arranged(view.filter, shown.order)
    if view.subject and view.subject not in frame.index:
        said = f"This table has no row {view.subject}. If the study has one, this computes it: {shown.command}"
        st.warning(notices.plain(said))
        view = replace(view, subject="")
    if not subjects:
        st.text(f"No occupation of the table has {view.filter} in its name.")
        return
    part = paging.part(view, len(subjects), ROWS)
    manner = TableFormat(view.scale, view.unit, factor(view.unit), compact=bool(view.subject))
    grid = shown.table.grid(subjects[part.first : part.stop], manner, shown.order)
    figure, drawn = bias_figures.table(grid, view.subject, shown.order), {}
    if view.subject:
        left, right = st.columns([5, 8], gap="medium")
        with left:
            _table(shown, figure, part)
        with right:
            drawn = _images(shown)
    else:
        _table(shown, figure, part)
    listed = frame.loc[[*subjects, AVERAGE]]
    printed, bold = shown.table.printed(listed, manner)
    name = f"{shown.asked.title}, {NAMES[view.table].casefold()}"
    facts = " ".join([texts.facts(shown) + texts.source(shown), *frame.attrs.get("notes", [])])
    with menu:
        values = "0 to 1" if (view.table, view.scale) == TABLE_OF_PAPER else view.unit
        table = exports.ExportTable(f"Table, {values}", listed, printed, bold)
        exports.menu(name, facts, [table], [*above, exports.ExportFigure(PLACE, "Table as drawn", figure, printed)])
    title = ": ".join(filter(None, (f"{name}, {view.model}", view.subject)))
    figures = {each.title: each.figure for each in above}
    said = " ".join(filter(None, (answer.said(shown), facts)))
    sheet = Sheet(title, said, {**figures, "Table": figure, **drawn}, {"Values": printed})
    content = {"study": shown.filed, "model": view.model, "guidance": f"{shown.guidance:g}", "table": view.table}
    key = key_of_view(shown.page, **content, subject=view.subject)
    notes.draw(shown.page, view, shown.listing.root, key, sheet)


def _rows(shown: BiasScreen) -> DeltaGenerator:
    """Which rows, in which order, and which of them is open; gives back the place of the menu of exports."""
    view, orders = shown.view, shown.table.orders
    known = recognised.is_known(shown.listing.root, view.model)
    find, sort, opened, menu, *failed = st.columns([4, 4, 4, 2] + [3] * known, vertical_alignment="bottom")
    for place in failed:
        place.selectbox(
            "Failed images",
            FAILED,
            format_func={FAILED[0]: "keep", FAILED[1]: "leave out"}.get,
            help=glossary.explained(texts.FAILED_MEANING, "failed-image"),
            **address.bind_field("failed", view.failed, start="index", among=FAILED),
        )
    text = address.bind_field("filter", view.filter, ["page"], start="value")
    find.text_input("Find occupations", placeholder="doctor", **text)
    offered = [sign + key for key in orders for sign in ("-", "")]
    sort.selectbox(
        "Sort by",
        offered,
        format_func=lambda order: f"{orders[parted(order)[0]]}, {texts.direction(order)}",
        **address.bind_field("sort", shown.order, ["page"], start="index", among=offered),
    )
    subjects = list(shown.table.arranged("", SUBJECT))
    subject = view.subject if view.subject in subjects else None
    opened.selectbox(
        "Open the images of",
        subjects,
        placeholder="or click on a row",
        **address.bind_field("subject", subject, ["seed"], start="index", among=subjects),
    )
    return menu


def _table(shown: BiasScreen, figure: go.Figure, part: paging.PageOfRows) -> None:
    key = f"{PLACE} {shown.view.table} {shown.order} {shown.view.subject} {part.page}"  # a new one forgets the click
    exports.points(
        PLACE,
        figure,
        key,
        lambda point: _clicked(shown, *point[:2]),
        alt=f"{shown.asked.title}: {part.number} rows by {shown.table.orders[parted(shown.order)[0]]}",
    )
    paging.buttons(part)
    st.caption(notices.plain(texts.facts(shown) + texts.source(shown) * (not shown.view.subject)))


def _clicked(shown: BiasScreen, kind: str, name: str) -> None:
    """A click on a head sorts by its column, a second one the other way; one on a row opens it, or closes it again."""
    if kind == bias_figures.ROW_OF and name != AVERAGE:
        address.change(subject="" if name == shown.view.subject else name, seed="")
    elif kind == bias_figures.HEAD_ROW and name in shown.table.orders:
        first = name if name in (SUBJECT, Q) else f"-{name}"
        other = name if first.startswith("-") else f"-{name}"
        address.change(sort=other if shown.order == first else first, page="")


def _images(shown: BiasScreen) -> dict[str, go.Figure]:
    """The images of the row that is open; gives back what is drawn, by heading."""
    view = shown.view
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(notices.plain(view.subject), anchor=False, width="stretch")
        st.button("Close", icon=":material/close:", on_click=address.change, kwargs={"subject": "", "seed": ""})
    answer.of_row(shown)
    entries = bias_tables.entries(shown.listing, shown.filed, view, shown.guidance)
    order = [name for name in shown.asked.content.attributes if name in entries]
    return images.draw(view, shown.filed, {name: entries[name] for name in order})
