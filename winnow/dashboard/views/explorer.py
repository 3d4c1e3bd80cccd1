"""Tables: any public table, its columns' meaning, and some of its rows."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from winnow.dashboard import charts, data, frame
from winnow.dashboard.data import Generation, TableInfo
from winnow.dashboard.text import prose
from winnow.warehouse.sql import identifier

_ROWS = (100, 1_000, 10_000)
_FIRST = "training.dataset_statistics"
_NUMBERS = ("INT", "DOUBLE", "FLOAT", "DECIMAL")
_MOST_VALUES = 20


def explorer(generation: Generation, tenant: str | None) -> None:
    """Draw the page."""
    tables = data.tables(generation)
    if not tables:
        frame.nothing(
            "The generation has no public tables: run `winnow build`, which makes and "
            "publishes them."
        )
        return
    rows_of = data.publication(generation).rows
    names = list(tables)
    wide, narrow = st.columns([4, 1])
    name = wide.selectbox(
        "Table",
        names,
        index=names.index(_FIRST) if _FIRST in names else 0,
        format_func=lambda table_name: (
            f"{table_name}  ({rows_of[table_name]:,} rows)"
            if table_name in rows_of
            else f"{table_name}  (view)"
        ),
        key="table",
    )
    table = tables[name]
    limit = narrow.selectbox(
        "Rows at most", _ROWS, format_func="{:,}".format, key="limit"
    )
    st.text(table.description or "It has no description.")
    value, column = _filter(table)
    sql, parameters = _query(table, tenant, column, value, limit)
    rows = data.read_rows(generation, sql, parameters)
    if rows.empty:
        of = f" of tenant {tenant}" if tenant else ""
        frame.nothing(
            f"{name} has no such rows{of}. Where it should have some, `winnow build` "
            "makes them."
        )
    else:
        _picture(table, rows)
        st.subheader("Rows", anchor=False)
        st.caption(
            f"{len(rows):,} rows"
            + (" (there may be more)" if len(rows) == limit else "")
            + ". `winnow export` and the lake have whole tables."
        )
        st.dataframe(
            rows,
            hide_index=True,
            placeholder="",
            column_config={
                described.name: st.column_config.Column(
                    help=prose(described.description) or None
                )
                for described in table.columns
            },
        )
        st.download_button(
            "Download these rows (CSV)",
            rows.to_csv(index=False).encode(),
            file_name=f"{name}.csv",
            mime="text/csv",
            icon=":material/download:",
            on_click="ignore",
        )
    st.subheader("Columns", anchor=False)
    st.dataframe(
        pd.DataFrame(
            [
                (described.name, described.data_type.lower(), described.description)
                for described in table.columns
            ],
            columns=["column", "type", "meaning"],
        ),
        hide_index=True,
        placeholder="",
        column_config={"meaning": st.column_config.TextColumn(width="large")},
    )


def _filter(table: TableInfo) -> tuple[str, str | None]:
    """The value that a column must have; no column where all rows are wanted."""
    keys = [
        key.name
        for key in table.columns
        if key.data_type == "VARCHAR" and key.name != "tenant_id"
    ]
    if not keys:
        return "", None
    left, right = st.columns(2)
    column = left.selectbox(
        "Rows",
        ["all", *keys],
        format_func=lambda key: "all" if key == "all" else f"where {key} is",
        key=f"filter of {table.full_name}",
    )
    if column == "all":
        return "", None
    return right.text_input("this value"), column


def _query(
    table: TableInfo, tenant: str | None, column: str | None, value: str, limit: int
) -> tuple[str, list[Any]]:
    conditions, parameters = [], []
    if tenant is not None and table.has("tenant_id"):
        conditions.append("tenant_id = ?")
        parameters.append(tenant)
    if column is not None and value:
        conditions.append(f"{identifier(column)} = ?")
        parameters.append(value)
    where = f" where {' and '.join(conditions)}" if conditions else ""
    name = f"{identifier(table.schema)}.{identifier(table.name)}"
    return f"select * from {name}{where} limit {int(limit)}", parameters


def _picture(table: TableInfo, rows: pd.DataFrame) -> None:
    """How the values of a column are distributed among the rows that are shown."""
    simple = [known for known in table.columns if "[" not in known.data_type]
    kinds = {known.name: known.data_type for known in simple}
    drawable = [name for name in kinds if rows[name].notna().any()]
    if not drawable:
        st.caption("There is nothing to draw: all values are null.")
        return
    numbers = [
        name
        for name in drawable
        if kinds[name].startswith(_NUMBERS) or "INT" in kinds[name]
    ]
    column = st.selectbox(
        "Draw",
        drawable,
        index=drawable.index(numbers[0]) if numbers else 0,
        key=f"drawn of {table.full_name}",
    )
    title = f"{column}, among the rows below"
    if column in numbers and rows[column].nunique() > _MOST_VALUES:
        frame.picture(_histogram(rows, column), title)
        return
    counts = rows[column].astype("string").fillna("null").value_counts()
    most = counts.head(_MOST_VALUES).rename_axis("value").reset_index(name="rows")
    most["value"] = [
        value if len(value) <= 60 else value[:59] + "…" for value in most["value"]
    ]
    most = most.groupby("value", as_index=False, sort=False).sum()
    frame.picture(
        charts.labelled_bars(
            most,
            value="rows",
            label="value",
            value_title="rows",
            label_title=column,
            # The title `image` would be taken for a picture's.
            tooltip=[alt.Tooltip("value:N"), alt.Tooltip("rows:Q", format=",")],
        ),
        title,
        None
        if len(counts) <= _MOST_VALUES
        else f"The {_MOST_VALUES} most frequent of {len(counts):,} values.",
    )


def _histogram(rows: pd.DataFrame, column: str) -> Any:
    values = pd.DataFrame({"value": rows[column].dropna().astype(float)})
    chart = (
        alt.Chart(values)
        .mark_bar(color=charts.BLUE)
        .encode(
            x=alt.X("value:Q", bin=alt.Bin(maxbins=40), title=column),
            y=alt.Y("count()", title="rows"),
            tooltip=[
                alt.Tooltip("value:Q", bin=alt.Bin(maxbins=40), title="value"),
                alt.Tooltip("count()", title="rows", format=","),
            ],
        )
        .properties(height=240)
    )
    return charts.finish(chart)


if __name__ == "__main__":
    frame.show("Tables", explorer)
