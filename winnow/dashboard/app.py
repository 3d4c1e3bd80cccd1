"""The dashboard's main script: the list of pages, and what stands beside them."""

from __future__ import annotations

import streamlit as st

from winnow.dashboard.frame import sidebar

st.set_page_config(page_title="Winnow", page_icon=":material/grain:", layout="wide")

_page = st.navigation(
    [
        st.Page(
            "pages/overview.py",
            title="Overview",
            icon=":material/dashboard:",
            default=True,
        ),
        st.Page("pages/pipeline.py", title="Pipeline", icon=":material/input:"),
        st.Page("pages/quality.py", title="Quality", icon=":material/verified:"),
        st.Page("pages/batches.py", title="Batches", icon=":material/date_range:"),
        st.Page("pages/models.py", title="Models", icon=":material/leaderboard:"),
        st.Page("pages/comparison.py", title="A/B results", icon=":material/balance:"),
        st.Page("pages/users.py", title="Users", icon=":material/person:"),
        st.Page("pages/items.py", title="Items", icon=":material/sell:"),
        st.Page("pages/explorer.py", title="Tables", icon=":material/table:"),
    ]
)
sidebar()
_page.run()
