"""The numbers that a build stores beside its texts, added to tables made by hand."""

from __future__ import annotations

import duckdb

NUMBERED = {"user_id": "user_key", "item_id": "item_key", "split_name": "split_number"}
TABLES = [
    *("prepared.interactions", "prepared.items", "prepared.users", "prepared.splits"),
    *("training.positives", "training.split_assignments"),
    *("evaluation.seen_in_train", "evaluation.baseline_recommendations"),
    "evaluation.rating_predictions",
]


def add_keys(connection: duckdb.DuckDBPyConnection) -> None:
    """Give those of ``TABLES`` that are there the numbers that stand for their users,
    items and splits: the same ones in all of them, unique over tenants.
    """
    for name, number in NUMBERED.items():
        tables = connection.execute(
            "select schema_name || '.' || table_name from duckdb_columns() "
            "where schema_name || '.' || table_name in ? group by all "
            "having list_has_all(list(column_name), ['tenant_id', ?]) "
            "and not list_contains(list(column_name), ?)",
            [TABLES, name, number],
        ).fetchall()
        if not tables:
            continue
        named = " union ".join(
            f"select distinct tenant_id, {name} from {table}" for (table,) in tables
        )
        connection.execute(
            f"create or replace temp table numbers as select *, "
            f"row_number() over (order by tenant_id, {name}) as {number} from ({named})"
        )
        for (table,) in tables:
            connection.execute(
                f"create or replace table {table} as "
                f"from {table} left join numbers using (tenant_id, {name})"
            )
