"""Reading the warehouse for reports. Whoever writes it holds the lock."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import duckdb

from winnow.warehouse.database import connect


@contextmanager
def read_only(
    warehouse: Path, options: Mapping[str, str] | None = None
) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection that cannot write, in UTC, closed at the end so that it blocks no
    writer. ``options`` are DuckDB's own, such as ``memory_limit``. Raises BusyError
    when another process is writing, and InputError when it cannot be opened.
    """
    connection = connect(warehouse, read_only=True, config=options)
    try:
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


def columns_of(
    connection: duckdb.DuckDBPyConnection, schema: str, table: str
) -> set[str]:
    """The names of its columns; none where there is no such table or view."""
    rows = connection.execute(
        "select column_name from information_schema.columns "
        "where table_schema = ? and table_name = ?",
        [schema, table],
    ).fetchall()
    return {name for (name,) in rows}
