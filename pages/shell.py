"""The main script: navigation and sidebar, around the page that the address names."""

import streamlit as st

from pages.common import sidebar

# Streamlit's own margins leave 900 of 1366 pixels to the page.
STYLE = "<style>.stMainBlockContainer {padding: 3.25rem 2.25rem 3rem 2.25rem}</style>"

st.set_page_config(layout="wide", initial_sidebar_state="expanded")
st.html(STYLE)
page = st.navigation(
    [
        st.Page("overview.py", title="Overview", default=True),
        st.Page("explorer.py", title="Explorer", url_path="explorer"),
        st.Page("method.py", title="Method", url_path="method"),
    ]
)
sidebar.draw(page.url_path)
page.run()
