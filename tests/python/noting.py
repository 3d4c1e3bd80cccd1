"""Notes of builds as dbt's hooks write them, for warehouses that tests make by hand."""

from __future__ import annotations

import itertools

import duckdb

from winnow.core.settings import Settings

_NUMBERS = itertools.count(1)


def note_build(
    warehouse: Settings | duckdb.DuckDBPyConnection,
    verdict: str = "passed",
    *,
    message: str | None = None,
    seconds: float = 1.0,
) -> str:
    """Note that everything was built just now, later than any build before; the id."""
    if isinstance(warehouse, Settings):
        with duckdb.connect(str(warehouse.warehouse)) as connection:
            return note_build(connection, verdict, message=message, seconds=seconds)
    build_id = f"noted-{next(_NUMBERS):06}"
    warehouse.execute(
        "create schema if not exists quality; "
        "create table if not exists quality.builds (build_id varchar, "
        "command varchar, verdict varchar, message varchar, ledger_number bigint, "
        "is_whole boolean, started_at timestamp, ended_at timestamp); "
        "create table if not exists quality.build_tables "
        "(layer varchar, table_name varchar, build_id varchar)"
    )
    warehouse.execute("delete from quality.build_tables")
    warehouse.execute(
        "insert into quality.builds select $id, 'build', $verdict, $message, null, "
        "true, now_utc - to_microseconds(cast(1e6 * $seconds as bigint)), "
        "case when $verdict <> 'running' then now_utc end "
        "from (select (now() at time zone 'UTC') as now_utc)",
        {
            "id": build_id,
            "verdict": verdict,
            "message": message,
            "seconds": seconds,
        },
    )
    return build_id
