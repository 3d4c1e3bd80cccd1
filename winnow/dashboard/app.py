"""The dashboard's main script: the list of pages, and what stands beside them."""

from __future__ import annotations

import streamlit as st

from winnow.dashboard.frame import sidebar

# A picture of our own: the named icons of tabs come from the internet.
_ICON = """
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 16 16" fill="#3182bd">
<path d="M1 5h14l-5 6H6z"/><circle cx="5" cy="2.5" r="1.3"/>
<circle cx="8.5" cy="2" r="1.3"/><circle cx="11.5" cy="3" r="1.3"/>
<circle cx="8" cy="13.8" r="1.5" fill="#e08214"/></svg>
"""

st.set_page_config(page_title="Winnow", page_icon=_ICON.strip(), layout="wide")

# The folder is not called pages: Streamlit runs the files of such a one by themselves,
# until a session has come by the front door.
_page = st.navigation(
    [
        st.Page(
            "views/overview.py",
            title="Overview",
            icon=":material/dashboard:",
            default=True,
        ),
        st.Page("views/pipeline.py", title="Pipeline", icon=":material/input:"),
        st.Page("views/quality.py", title="Quality", icon=":material/verified:"),
        st.Page("views/batches.py", title="Batches", icon=":material/date_range:"),
        st.Page("views/models.py", title="Models", icon=":material/leaderboard:"),
        st.Page("views/comparison.py", title="A/B results", icon=":material/balance:"),
        st.Page("views/users.py", title="Users", icon=":material/person:"),
        st.Page("views/items.py", title="Items", icon=":material/sell:"),
        st.Page("views/explorer.py", title="Tables", icon=":material/table:"),
    ]
)
sidebar()
_page.run()
