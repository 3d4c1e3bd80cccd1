"""What all pages have in common: the sidebar, and what stands in place of a page that
cannot be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import Any

import duckdb
import pandas as pd
import streamlit as st

from winnow.core.errors import InputError
from winnow.core.settings import settings
from winnow.dashboard import data
from winnow.dashboard.data import Generation, MissingTable
from winnow.dashboard.text import code, prose

ALL_TENANTS = "All tenants"
TENANT = "tenant"
"""The session's key of the tenant that is chosen."""

_SECONDS_BETWEEN_LOOKS = 5

Page = Callable[[Generation, str | None], None]
"""Draws a page of a generation; the tenant is None where all are chosen."""


def show(title: str, page: Page) -> None:
    """Draw a page, or the one sentence that says why there is none."""
    st.title(title, anchor=False)
    number = None
    try:
        generation = data.current(settings())
        number = generation.number
        page(generation, chosen_tenant())
    except InputError as error:
        failed(str(error))
    except MissingTable as error:
        st.warning(prose(error), icon=":material/history:")
    except duckdb.BinderException as error:
        st.warning(
            prose(
                f"Generation {number} was published by another version, whose tables "
                f"have other columns ({_first_line(error)}). `winnow build` publishes "
                "anew."
            ),
            icon=":material/history:",
        )
    except duckdb.Error as error:
        failed(
            f"Generation {number} cannot be read ({_first_line(error)}). "
            "`winnow publish` makes a new one."
        )


def sidebar() -> None:
    """Draw what stands beside every page: the tenant and the generation."""
    with st.sidebar:
        try:
            generation = data.current(settings())
            names = data.tenants(generation)
        except (InputError, MissingTable, duckdb.Error):
            st.caption("Nothing that can be read is published.")
            _watch(None)
            return
        options = [ALL_TENANTS, *names]
        if st.session_state.get(TENANT) not in options:
            st.session_state.pop(TENANT, None)
        st.selectbox("Tenant", options, key=TENANT)
        noted = data.publication(generation)
        when = f"{noted.created_at:%Y-%m-%d %H:%M} UTC" if noted.created_at else ""
        st.caption(f"Generation {generation.number}  \n{when}")
        _watch(generation)


def chosen_tenant() -> str | None:
    """The tenant that is chosen; None for all."""
    tenant = st.session_state.get(TENANT, ALL_TENANTS)
    return None if tenant == ALL_TENANTS else str(tenant)


def one_tenant(
    generation: Generation, names: Collection[str], tenant: str | None
) -> str:
    """The tenant of a page that shows one at a time: the chosen one, or the largest of
    ``names``, which may not be empty, with a line that says so.
    """
    if tenant is not None:
        return tenant
    largest = [name for name in data.largest_tenants(generation) if name in names]
    first = [*largest, *sorted(names)][0]
    if len(names) > 1:
        st.caption(f"Tenant {code(first)}; another can be chosen in the sidebar.")
    return first


def nothing(sentence: str) -> None:
    """Say why there is nothing to show, and what to run; data in it stays text."""
    st.info(prose(sentence), icon=":material/info:")


def older(generation: Generation, missing: Collection[str]) -> None:
    """Say what the generation does not know of yet; nothing where it knows all."""
    if missing:
        st.warning(
            prose(
                f"Generation {generation.number} was published by an earlier version, "
                f"which counted no records as {' or '.join(missing)}. `winnow build` "
                "publishes anew."
            ),
            icon=":material/history:",
        )


def failed(sentence: str) -> None:
    """Say what is wrong; data in the sentence stays text."""
    st.error(prose(sentence), icon=":material/error:")


def tiles(values: dict[str, str]) -> None:
    """A row of numbers, each as wide as it has to be."""
    with st.container(horizontal=True):
        for label, value in values.items():
            st.metric(
                label,
                value if value == "-" else prose(value),
                border=True,
                width="content",
            )


def table(rows: pd.DataFrame, columns: Mapping[str, Any] | None = None) -> None:
    """Draw rows: thousands with commas, times in UTC, nothing for null. ``columns`` has
    names, or more, of some of the columns.
    """
    config: dict[str, Any] = {}
    for name, kind in rows.dtypes.items():
        if pd.api.types.is_datetime64_any_dtype(kind):
            config[name] = st.column_config.DatetimeColumn(
                f"{name} (UTC)", format="YYYY-MM-DD HH:mm:ss"
            )
        elif pd.api.types.is_integer_dtype(kind):
            config[name] = st.column_config.NumberColumn(format="localized")
    config["tenant_id"] = "tenant"
    for name, said in (columns or {}).items():
        if isinstance(said, str) and name in config and name != "tenant_id":
            config[name]["label"] = said
        else:
            config[name] = said
    st.dataframe(rows, hide_index=True, column_config=config, placeholder="")


def picture(chart: Any, title: str, note: str | None = None) -> None:
    """Draw a chart under a title; data in the title and the note stays text."""
    st.subheader(prose(title), anchor=False)
    if note:
        st.caption(prose(note))
    st.altair_chart(chart, width="stretch", alt=title)


def _watch(generation: Generation | None) -> None:
    """Draw everything anew once another generation is published."""

    @st.fragment(run_every=_SECONDS_BETWEEN_LOOKS)
    def look() -> None:
        here = settings()
        try:
            if generation is None:
                data.tenants(data.current(here))
            elif data.is_current(here, generation):
                return
        except (InputError, MissingTable, duckdb.Error):
            if generation is None:
                return
        st.rerun(scope="app")

    look()


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or ["no reason given"])[0].rstrip(".")
