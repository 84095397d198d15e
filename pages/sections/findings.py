"""What the studies of a model find: a card for each, with question, answer, a small figure, and the way there."""

from collections.abc import Callable
from functools import partial

import streamlit as st
from streamlit.delta_generator import DeltaGenerator

from pages.address import View
from pages.data import results
from pages.registry import PAGES
from pages.sections import summaries
from pages.sections.summaries import StudySummary
from pages.widgets import notices
from store.errors import DiffusionPIDError
from store.studies import Interventions, Study

ACROSS = 2


def draw(view: View, listing: results.Listing) -> Callable[[], None]:
    """Draw a card for each study of which the store holds something of the model; nothing where there is none.

    Returns what draws the cards that may take seconds, to be called when the rest of the page is there.
    """
    found, slow = summaries.of_model(listing, view), []
    if found:
        st.subheader("What the studies find", anchor=False)
    for start in range(0, len(found), ACROSS):
        for column, (study, page) in zip(st.columns(ACROSS), found[start : start + ACROSS], strict=False):
            place = column.container(border=True, height="stretch", gap="xsmall")
            drawing = partial(_study, place, view, listing, study, page)
            if isinstance(study.content, Interventions):  # whose table reads images
                slow.append(drawing)
            else:
                drawing()

    def finish() -> None:
        for drawing in slow:
            drawing()

    return finish


def _study(place: DeltaGenerator, view: View, listing: results.Listing, study: Study, page: str) -> None:
    with place:
        try:
            _card(summaries.summary(listing, view, study, page))
        except DiffusionPIDError as error:
            st.markdown(f"**{notices.plain(study.title)}**")
            st.caption(notices.plain(str(error)))


def _card(of: StudySummary) -> None:
    st.page_link(
        PAGES[of.page].script,
        label=f"**{notices.plain(of.study.title)}**",
        icon=":material/arrow_forward:",
        icon_position="right",
        query_params=of.link.parameters,
    )
    text, picture = st.columns([5, 4], gap="small")
    with text:
        st.caption(notices.plain(of.study.question))
        st.markdown(notices.plain(of.answer))
    with picture:
        if of.figure is not None:
            alt = f"{of.study.title}: {of.answer}"
            st.plotly_chart(of.figure, config={"displayModeBar": False}, key=f"thumbnail {of.study.name}", alt=alt)
        share = "complete" if of.done >= of.wanted else f"{of.done:,} of {of.wanted:,} computed"
        st.caption(notices.plain(" ".join(filter(None, (of.doubt, f"{share[0].upper()}{share[1:]}.")))))
