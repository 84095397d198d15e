"""The dashboard. Start it with: streamlit run dashboard.py"""

import streamlit as st

app = st.App("pages/shell.py")
