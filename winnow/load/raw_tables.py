"""The raw tables of the warehouse: how they are opened, made and brought up to date."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from winnow.contracts.entities import RAW_SCHEMA, Entity, load_contracts
from winnow.core.errors import writing
from winnow.core.settings import Settings
from winnow.warehouse.database import connect
from winnow.warehouse.sql import column_definitions

_MOST_LOAD_MEMORY = 1 << 30
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_OWN_TABLES = {
    "winnow_mark": "lake_id varchar, ledger_number bigint, is_taking boolean",
    "winnow_replaced": "load_id varchar, file varchar, replaced_by varchar",
}
"""Tables of the loaders that no model reads, and their columns: which lake the raw
tables follow, how far, and whether rows are coming in that nobody has marked; and the
files whose rows have left because a later load replaced them.
"""


def check_is_database(warehouse: Path) -> None:
    """Raise InputError where there is something else than a DuckDB database."""
    try:
        with warehouse.open("rb") as file:
            head = file.read(12)
    except FileNotFoundError:
        return
    except OSError:
        head = b"?"
    if head and head[8:12] != b"DUCK":
        connect(warehouse, read_only=True).close()


@contextmanager
def open_warehouse(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A writing connection, set up for loads.

    Raises InputError when the warehouse is open in another process, or none.
    A load streams, so it gets at most 1 GiB of memory, less where the settings say so.
    """
    with writing(settings.warehouse, "WINNOW_WAREHOUSE"):
        settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with writing(settings.temp_directory, "WINNOW_TEMP_DIRECTORY"):
        settings.temp_directory.mkdir(parents=True, exist_ok=True)
    config = settings.duckdb_options | {
        "memory_limit": _load_memory(settings.memory_limit),
        "enable_external_file_cache": "false",
        # Of a new warehouse, as in profiles.yml.
        "storage_compatibility_version": "v1.5.0",
    }
    connection = connect(settings.warehouse, read_only=False, config=config)
    try:
        yield connection
    finally:
        connection.close()


def _load_memory(limit: str) -> str:
    parts = re.fullmatch(r"\s*([\d.]+)\s*([KMGT]?)i?B?\s*", limit, re.IGNORECASE)
    if parts and float(parts[1]) * _UNITS[parts[2].upper()] < _MOST_LOAD_MEMORY:
        return limit
    return f"{_MOST_LOAD_MEMORY // 2**20}MiB"


def ensure_raw_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Create the raw tables that are missing, and add the columns that they lack."""
    connection.execute(f"create schema if not exists {RAW_SCHEMA}")
    present = columns_by_table(connection)
    for table, columns in _OWN_TABLES.items():
        if table not in present:
            connection.execute(f"create table {RAW_SCHEMA}.{table} ({columns})")
    for entity in load_contracts().values():
        columns_of = entity.raw_columns
        if entity.table not in present:
            defined = column_definitions(columns_of)
            connection.execute(f"create table {name_of(entity)} ({defined})")
            continue
        for name, kind in columns_of.items():
            if name not in present[entity.table]:
                connection.execute(
                    f'alter table {name_of(entity)} add column "{name}" {kind}'
                )


def has_raw_table(
    connection: duckdb.DuckDBPyConnection, schema: str, table: str
) -> bool:
    """Whether the table (or view) is there."""
    found = connection.execute(
        "select count(*) from information_schema.tables "
        "where table_schema = ? and table_name = ?",
        [schema, table],
    ).fetchone()
    return bool(found and found[0])


def columns_by_table(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    """The columns of each table of the raw schema."""
    columns: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "select table_name, column_name from duckdb_columns() "
        "where schema_name = ? and database_name = current_database()",
        [RAW_SCHEMA],
    ).fetchall():
        columns.setdefault(table, set()).add(column)
    return columns


def name_of(entity: Entity) -> str:
    """The raw table's name in SQL."""
    return f'{RAW_SCHEMA}."{entity.table}"'
