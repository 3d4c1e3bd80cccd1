"""One count outside dbt: every landed record is somewhere, once."""

from __future__ import annotations

import duckdb

from winnow.warehouse.builds import Build
from winnow.warehouse.reading import has_table
from winnow.warehouse.sql import identifier

_HOLDERS = {
    "accepted_count": (
        "prepared.interactions",
        "prepared.items",
        "prepared.users",
        "prepared.item_tags",
    ),
    "rejected_count": ("validated.rejected_records",),
    "duplicate_count": ("prepared.duplicate_records",),
}
"""The tables whose rows a column of ``quality.reconciliation`` counts. Predictions are
left out: `winnow evaluate` takes newer ones in without the rest.
"""

_KEY = "tenant_id, source, entity, load_id"
_COUNTED = "entity <> 'predictions'"


def imbalance(connection: duckdb.DuckDBPyConnection, build: Build) -> str | None:
    """What does not add up in what a build made of the landed records, in a sentence
    with the numbers; None where all does. Counts the rows of the loaders' log and of
    the tables themselves, by tenant and load.
    """
    if not has_table(connection, "quality", "reconciliation"):
        return None
    return (
        _unreconciled(connection)
        or _miscounted(connection)
        or _unlike_the_log(connection, build)
    )


def _unreconciled(connection: duckdb.DuckDBPyConnection) -> str | None:
    """A load whose landed records are not all accounted for."""
    outcomes = _outcomes(connection)
    total = " + ".join(map(identifier, outcomes))
    row = connection.execute(
        f"select {_KEY}, landed_count, {', '.join(map(identifier, outcomes))} "
        f"from quality.reconciliation where landed_count is distinct from {total} "
        "order by all limit 1"
    ).fetchone()
    if row is None:
        return None
    parts = [
        f"{count:,} {name.removesuffix('_count')}"
        for name, count in zip(outcomes, row[5:], strict=True)
    ]
    return f"{_load(row)}: {row[4]:,} records landed, but {' + '.join(parts)} came out."


def _miscounted(connection: duckdb.DuckDBPyConnection) -> str | None:
    """A tenant of which a table has other rows than the reconciliation says."""
    for column, tables in _HOLDERS.items():
        held = " union all ".join(
            f"select tenant_id from {table} where {_COUNTED} and load_id is not null"
            for table in tables
            if has_table(connection, *table.split("."))
        )
        row = connection.execute(
            "select tenant_id, coalesce(said.records, 0), coalesce(found.records, 0) "
            f"from (select tenant_id, sum({column}) as records "
            f"from quality.reconciliation where {_COUNTED} group by all) as said "
            "full join (select tenant_id, count(*) as records "
            f"from ({held}) group by all) as found using (tenant_id) "
            "where said.records is distinct from coalesce(found.records, 0) "
            "order by all limit 1"
        ).fetchone()
        if row is not None:
            verdict = column.removesuffix("_count")
            return (
                f"Tenant {row[0]}: {row[1]:,} records are {verdict} by "
                f"quality.reconciliation, but {', '.join(tables)} have {row[2]:,}."
            )
    return None


def _unlike_the_log(connection: duckdb.DuckDBPyConnection, build: Build) -> str | None:
    """A load of which the loaders landed other records than the build says it has, or
    that it passed over. What came or went since the build is the next one's.
    """
    if not has_table(connection, "raw", "winnow_loaded_files"):
        return None
    was_there = "logged.loaded_at < $began"
    if build.ledger_number is not None and has_table(connection, "raw", "winnow_loads"):
        was_there = (
            "exists (from raw.winnow_loads as loads "
            "where loads.load_id = logged.load_id and loads.tenant_id = "
            "logged.tenant_id and loads.ledger_number <= $mark)"
        )
    is_whole = "true"
    if has_table(connection, "raw", "winnow_replaced"):
        # The rows of such files have left, after the build that found it out.
        is_whole = "load_id not in (select load_id from raw.winnow_replaced)"
    row = connection.execute(
        f"with logged as (select {_KEY}, sum(record_count + unreadable_count) as "
        "records, min(loaded_at) as loaded_at from raw.winnow_loaded_files "
        f"where {_COUNTED} and {is_whole} group by {_KEY}) "
        f"select {_KEY}, logged.records, said.landed_count from logged "
        f"left join quality.reconciliation as said using ({_KEY}) "
        "where logged.records <> said.landed_count "
        f"or said.landed_count is null and logged.records > 0 and {was_there} "
        "order by all limit 1",
        {
            name: value
            for name, value in (
                ("began", build.started_at),
                ("mark", build.ledger_number),
            )
            if f"${name}" in was_there
        },
    ).fetchone()
    if row is None:
        return None
    said = "does not know the load" if row[5] is None else f"says {row[5]:,}"
    return (
        f"{_load(row)}: the loaders landed {row[4]:,} records, and "
        f"quality.reconciliation {said}."
    )


def _outcomes(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """The columns of the reconciliation that say what became of records."""
    columns = connection.execute("describe quality.reconciliation").fetchall()
    return [
        name
        for name, *_ in columns
        if name.endswith("_count") and name != "landed_count"
    ]


def _load(row: tuple[object, ...]) -> str:
    tenant, source, entity, load_id = row[:4]
    return f"Load {load_id} of {source}.{entity}, tenant {tenant}"
