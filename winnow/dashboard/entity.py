"""What the pages of users and of items share."""

from __future__ import annotations

from typing import Any

import pandas as pd
import streamlit as st

from winnow.dashboard import charts, data, frame
from winnow.dashboard.data import Generation

_EVENTS = {
    "view_count": "view",
    "click_count": "click",
    "like_count": "like",
    "add_to_cart_count": "add to cart",
    "purchase_count": "purchase",
    "rating_event_count": "rating",
    "other_count": "other",
}


def choose(
    generation: Generation, tenant: str | None, kind: str, ranking: str
) -> tuple[str, str] | None:
    """The tenant and the user or item that are chosen; None, with a sentence, where
    there is none. ``ranking`` lists some to choose from; any other can be typed.
    """
    names = data.tenants(generation)
    if not names:
        frame.nothing(
            f"There are no {kind}s yet: `winnow load` some data, then `winnow build`."
        )
        return None
    of = frame.one_tenant(generation, names, tenant)
    first = [str(name) for name in data.read(generation, ranking, [of])[f"{kind}_id"]]
    if not first:
        frame.nothing(
            f"Tenant {of} has no {kind}s yet: `winnow load` some data for it, then "
            "`winnow build`."
        )
        return None
    chosen = st.selectbox(
        f"{kind.capitalize()} (the {len(first)} with the most interactions; or type "
        "any id)",
        first,
        key=f"{kind} of {of}",
        accept_new_options=True,
    )
    return of, str(chosen if chosen is not None else first[0])


def number(value: Any, form: str) -> str:
    """A number that may be missing."""
    return "-" if pd.isna(value) else format(float(value), form)


def headline(catalogue: pd.DataFrame) -> None:
    """An item's title and categories, where the catalogue has them."""
    if catalogue.empty:
        return
    item = catalogue.iloc[0]
    said = [
        str(item[name])
        for name in ("title", "category", "brand")
        if not pd.isna(item[name])
    ]
    if not pd.isna(item["price"]):
        said.append(f"price {item['price']:,.2f}")
    if said:
        st.text(" · ".join(said))


def events_chart(features: pd.Series) -> Any:
    """Interactions by event type, most first, without those that never occurred."""
    rows = pd.DataFrame(
        [(name, int(features[column])) for column, name in _EVENTS.items()],
        columns=["event", "interactions"],
    )
    rows = rows[rows["interactions"] > 0].sort_values(
        ["interactions", "event"], ascending=[False, True]
    )
    return charts.labelled_bars(
        rows, value="interactions", label="event", value_title="interactions"
    )


def all_columns(generation: Generation, rows: dict[str, pd.DataFrame]) -> None:
    """Every column of the rows, with what it means."""
    described = data.tables(generation)
    for table, frame_of in rows.items():
        with st.expander(f"All columns of {table}"):
            if frame_of.empty:
                st.caption(f"{table} has no such row.")
                continue
            row = frame_of.iloc[0]
            st.dataframe(
                pd.DataFrame(
                    [
                        (column.name, _shown(row[column.name]), column.description)
                        for column in described[table].columns
                    ],
                    columns=["column", "value", "meaning"],
                ),
                hide_index=True,
                placeholder="",
                column_config={
                    "meaning": st.column_config.TextColumn(width="large"),
                },
            )


def _shown(value: Any) -> str:
    if isinstance(value, (list, tuple)) or hasattr(value, "tolist"):
        listed = value if isinstance(value, (list, tuple)) else value.tolist()
        if isinstance(listed, (list, tuple)):
            return ", ".join(str(member) for member in listed)
    return "null" if pd.isna(value) else str(value)
