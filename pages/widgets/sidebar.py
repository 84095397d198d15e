"""The sidebar of every page: the store in use, the model, the redundancy measure, the unit."""

from collections.abc import Sequence
from dataclasses import replace

import streamlit as st

from pages import address
from pages.address import (
    DEMO,
    SELECTION,
    BiasTableView,
    ExplorerView,
    HomonymsView,
    InterventionView,
    SynonymsView,
    View,
)
from pages.data import glossary, results
from pages.data.selection import Missing, resolve
from pages.figures.quantities import UNITS
from pages.registry import Page
from pages.widgets import job_form, job_progress, notices
from store import settings
from store.catalogue import Filter
from store.errors import DiffusionPIDError, StoreError
from store.pid import measures

WITHOUT_NUMBERS = ("jobs", "method")  # pages on which neither measure nor unit changes anything
UNUSED = "Nothing that is shown here depends on it.\n\n"
SHORT = 12  # characters of a revision


def draw(page: Page) -> None:
    """Draw the sidebar of `page`; where settings or store cannot be read, say why and end the page there."""
    view = address.current(page.view)
    for problem in settings.problems():
        st.warning(notices.plain(str(problem)))
    try:
        wanted, root = settings.load().model, results.folder(view)
        results.prepare(root)
        listing = results.Listing(root)
        models = sorted(listing.values("model"))
    except DiffusionPIDError as error:
        st.error(notices.plain(str(error)))
        st.stop()
    model = view.model or (wanted if wanted in models or not models else models[0])
    view = replace(view, model=model)
    revisions = _revisions(view, listing)
    if len(revisions) > 1 and not view.revision:
        view = replace(view, revision=revisions[0])
    address.show(view)
    idle = page.address in WITHOUT_NUMBERS or (isinstance(view, BiasTableView) and view.table == "neutral")
    offered = measures.offered(_surprisals(view, listing))
    shown = [name for name in measures.MEASURES if name in (*offered, view.measure)]
    with st.sidebar:
        with st.container(gap="xxsmall"):
            st.caption("Store")
            st.text("Demo store" if view.store == DEMO else str(root), help=notices.plain(str(root.absolute())))
        if view.store == DEMO:
            emptied = dict.fromkeys(SELECTION, "")
            st.button("Leave the demo store", on_click=address.change, kwargs={"store": "", "model": "", **emptied})
        offered_models = sorted({*models, model})
        st.selectbox(
            "Model",
            offered_models,
            help="Models with results in this store",
            **address.bind_field("model", model, (*SELECTION, "page", "revision"), start="index", among=offered_models),
        )
        if len(revisions) > 1:
            st.selectbox(
                "Revision",
                revisions,
                format_func=lambda revision: notices.plain(revision[:SHORT]),
                help="Of the model's weights: the store has results of several. The newest comes first.",
                **address.bind_field("revision", view.revision, start="index", among=revisions),
            )
        st.pills(
            "Redundancy measure",
            shown,
            required=True,
            disabled=idle,
            help=UNUSED * idle + _measures_meaning(offered),
            **address.bind_field("measure", view.measure, among=shown),
        )
        st.segmented_control(
            "Unit",
            UNITS,
            required=True,
            disabled=page.address in WITHOUT_NUMBERS,
            help=glossary.explained("1 bit is 0.693 nats.", "unit"),
            **address.bind_field("unit", view.unit, among=UNITS),
        )
        job_form.draw(view, page.address, root, listing)
        if page.address != "jobs":  # which shows all of them
            job_progress.draw(view, root)


def _measures_meaning(offered: Sequence[str]) -> str:
    """Return what each measure is, for pointing at them."""
    meanings = [f"{glossary.link(name, name)}: {measures.MEASURES[name].brief}." for name in offered]
    return "\n\n".join([*meanings, glossary.link("measure", "What is a measure of redundancy?")])


def _revisions(view: View, listing: results.Listing) -> list[str]:
    """Return the revisions of the model among which a page of a study chooses: those there, and the one in `view`."""
    if not isinstance(view, (BiasTableView, HomonymsView, SynonymsView, InterventionView)):
        return []
    there = listing.values("revision", Filter(model=view.model))
    return [*there, view.revision] if view.revision not in ("", *there) else there


def _surprisals(view: View, listing: results.Listing) -> measures.Surprisals | None:
    """Those of the pair that the page is about, if it has any: some measures are offered only with them."""
    entry = resolve(view, listing, address.last_mode_and_seed()[0]) if isinstance(view, ExplorerView) else None
    if entry is None or isinstance(entry, Missing):
        return None
    try:
        return results.record(entry.path, entry.pair).pairs[0].surprisals
    except StoreError:  # the page says so
        return None
