"""Reading the warehouse for reports. Writers go through dbt and dlt, under the lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ingest.errors import BusyError


@contextmanager
def read_only(
    warehouse: Path, options: Mapping[str, str] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that cannot write, in UTC, closed at the end so that it blocks no
    writer. ``options`` are DuckDB's own, such as ``memory_limit``. Raises BusyError
    when another process is writing.
    """
    try:
        connection = duckdb.connect(
            str(warehouse), read_only=True, config=dict(options or {})
        )
    except duckdb.IOException as error:
        if "lock" not in str(error):
            raise
        raise BusyError(
            f"The warehouse {warehouse} is being written; try again when that is done, "
            "or read what was published (winnow.connect)."
        ) from error
    try:
        connection.execute("set TimeZone = 'UTC'")
        yield connection
    finally:
        connection.close()


def has_table(connection: duckdb.DuckDBPyConnection, schema: str, table: str) -> bool:
    """Whether the table (or view) is there."""
    found = connection.execute(
        "select count(*) from information_schema.tables "
        "where table_schema = ? and table_name = ?",
        [schema, table],
    ).fetchone()
    return bool(found and found[0])
