"""The sidebar of every page: the store in use, the model, the unit."""

from dataclasses import replace

import streamlit as st

from pages.common import notices, reading, state
from pages.common.quantities import UNITS
from pages.common.state import DEMO, SELECTION
from store import settings
from store.errors import DiffusionPIDError


def draw(page: str) -> None:
    """Draw the sidebar of `page`; where settings or store cannot be read, say why and end the page there."""
    view = state.current()
    try:
        wanted, root = settings.load().model, reading.folder(view)
        entries, _ = reading.contents(root)
    except DiffusionPIDError as error:
        st.error(notices.plain(str(error)))
        st.stop()
    models = sorted({entry.key.model for entry in entries})
    model = view.model or (wanted if wanted in models or not models else models[0])
    state.show(replace(view, model=model), page)
    with st.sidebar:
        with st.container(gap="xxsmall"):
            st.caption("Store")
            st.text("Demo store" if view.store == DEMO else str(root), help=notices.plain(str(root.absolute())))
        if view.store == DEMO:
            emptied = dict.fromkeys(SELECTION, "")
            st.button("Leave the demo store", on_click=state.change, kwargs={"store": "", "model": "", **emptied})
        st.selectbox(
            "Model",
            sorted({*models, model}),
            help="Models with results in this store",
            **state.bound("model", model, clear=SELECTION),
        )
        st.segmented_control("Unit", UNITS, required=True, help="1 bit is 0.693 nats", **state.bound("unit", view.unit))
