"""Two results beside each other: models, revisions, guidances, measures or modes, of a study or of one prompt."""

import streamlit as st

from pages import address
from pages.address import COMPARED, CompareView
from pages.data import results
from pages.sections.comparison import prompt, study
from pages.widgets import notices

NAMES = dict(zip(COMPARED, ("A study", "One prompt"), strict=True))


def main() -> None:
    """The page."""
    view = address.current(CompareView)
    listing = results.Listing(results.folder(view))
    st.title("Compare", anchor=False)
    st.text("What stays the same under another model, revision, guidance, measure or mode?")
    choice, place = st.columns([2, 8], vertical_alignment="bottom")
    choice.segmented_control(
        "Of",
        COMPARED,
        format_func=NAMES.get,
        required=True,
        **address.bind_field("about", view.about, ["one", "other", "seed", "quantity"], among=COMPARED),
    )
    notices.broken(listing.broken(), listing.root)
    (prompt if view.about == COMPARED[1] else study).draw(view, listing, place)


main()
