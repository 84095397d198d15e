"""The main script: navigation and sidebar, around the page that the address names."""

import gc
import sys

import plotly.graph_objects as go
import streamlit as st

from pages.registry import PAGES
from pages.widgets import sidebar

# Streamlit's own margins leave 900 of 1366 pixels to the page. Texts that a figure consists of have the theme's colour,
# not the paler one of its axes. What pointing at a figure says may reach beyond its edge. Plotly's camera is worked by
# the menu of exports. Streamlit keeps widgets and figures that gave way to others until the page is drawn: seen, they
# would move what is below them there and back. Those in which somebody writes stay. A figure that nobody sees has
# browsers load Plotly before one is wanted.
STYLE = """<style>
.stMainBlockContainer {padding: 3.25rem 2.25rem 3rem 2.25rem}
.js-plotly-plot .textpoint text {fill: currentColor !important}
.js-plotly-plot .main-svg {overflow: visible !important}
.js-plotly-plot .modebar-container {display: none}
[data-retained=true]:not(:has(:focus:is(textarea, [type=text]))) {display: none}
.st-key-ahead {display: none}
</style>"""
NOTHING = go.Figure(layout={"template": "none"})


@st.cache_resource(max_entries=1, show_spinner=False)
def set_imports_aside(modules: int) -> None:
    """Leave what is there, whenever there are more modules, out of the search for garbage that ends each run."""
    gc.freeze()


st.set_page_config(layout="wide", initial_sidebar_state="expanded")
st.html(STYLE)
st.plotly_chart(NOTHING, height=16, key="ahead")
chosen = st.navigation(
    [
        st.Page(page.script, title=page.title, url_path=page.address or None, default=not page.address)
        for page in PAGES.values()
    ]
)
sidebar.draw(PAGES[chosen.url_path])
chosen.run()
set_imports_aside(len(sys.modules))
