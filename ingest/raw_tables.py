"""The raw tables of the warehouse, and the loads that they hold.

A load counts when dlt's record of it (``raw._dlt_loads``, status 0) is committed. Rows
of any other load are what a killed process left behind, and are removed before anything
reads or writes the tables.
"""

from __future__ import annotations

import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from ingest.contracts import RAW_SCHEMA, Entity, load_contracts
from ingest.errors import InputError
from ingest.file_names import is_plain, plain_temporary_folder
from ingest.landing import discard, publish, unfinished_loads
from ingest.settings import Settings

_DLT = "dlt"
_ELSEWHERE = "elsewhere"
_MOST_LOAD_MEMORY = 1 << 30
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}
_COMMITTED = f"select load_id from {RAW_SCHEMA}._dlt_loads where status = 0"


def dlt_folder(settings: Settings) -> Path:
    """dlt's working folder. It is empty between loads: the warehouse has all state."""
    return settings.state / _DLT


def begin_dlt_folder(settings: Settings) -> Path:
    """Make the folder in which dlt works: ``dlt_folder``, or one that it links to.

    dlt writes its folder's real name into SQL and into format strings, so where that
    has a quote or a percent sign the folder is made among the temporary files.
    """
    folder = dlt_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    if is_plain(folder.resolve()):
        return folder
    elsewhere = plain_temporary_folder(folder).resolve() / f"winnow-{uuid.uuid4().hex}"
    # The link first, so that what a killed load leaves is always found.
    (folder / _ELSEWHERE).symlink_to(elsewhere)
    elsewhere.mkdir(mode=0o700)
    return elsewhere


def remove_dlt_folder(state: Path) -> None:
    """Remove what dlt has left of the loads of a state folder, wherever it worked."""
    folder = state / _DLT
    link = folder / _ELSEWHERE
    if link.is_symlink():
        shutil.rmtree(link.readlink(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def open_warehouse(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A writing connection, set up for loads.

    Raises InputError when the warehouse is open in another process, or no warehouse.
    A load streams, so it gets at most 1 GiB of memory, less where the settings say so.
    """
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    settings.temp_directory.mkdir(parents=True, exist_ok=True)
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": settings.duckdb_threads,
        "memory_limit": _load_memory(settings.memory_limit),
        "temp_directory": str(settings.temp_directory),
        "max_temp_directory_size": settings.max_temp_directory_size,
        "preserve_insertion_order": False,
        "enable_external_file_cache": False,
        # Of a new warehouse, as in profiles.yml.
        "storage_compatibility_version": "v1.5.0",
    }
    try:
        connection = duckdb.connect(str(settings.warehouse), config=config)
    except duckdb.IOException as error:
        holder = re.search(r"PID (\d+)", str(error))
        if "lock" not in str(error) or holder is None:
            raise InputError(
                f"The warehouse {settings.warehouse} cannot be opened: {error}"
            ) from error
        raise InputError(
            f"The warehouse {settings.warehouse} is open in process {holder[1]}; "
            f"try again when it is done."
        ) from error
    try:
        connection.execute("set TimeZone = 'UTC'")
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
    present = _columns_by_table(connection)
    for entity in load_contracts().values():
        columns = entity.raw_columns
        if entity.table not in present:
            defined = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
            connection.execute(f"create table {_name(entity)} ({defined})")
            continue
        for name, kind in columns.items():
            if name not in present[entity.table]:
                connection.execute(
                    f'alter table {_name(entity)} add column "{name}" {kind}'
                )


def needs_recovery(settings: Settings) -> bool:
    """Whether files of a load that was cut short lie about. Opens no warehouse."""
    return dlt_folder(settings).exists() or bool(unfinished_loads(settings.lake))


def recover_tables(connection: duckdb.DuckDBPyConnection, settings: Settings) -> int:
    """Undo loads that were cut short and finish those that were committed.

    Returns how many rows were removed. May itself be cut short and run again.
    """
    present = _columns_by_table(connection)
    committed = set()
    if "_dlt_loads" in present:
        committed = {one for (one,) in connection.execute(_COMMITTED).fetchall()}
    removed = 0
    for entity in load_contracts().values():
        if entity.table in present:
            rule = f"load_id not in ({_COMMITTED})" if committed else "true"
            deleted = connection.execute(
                f"delete from {_name(entity)} where {rule}"
            ).fetchone()
            removed += deleted[0] if deleted else 0
    for load_id in unfinished_loads(settings.lake):
        if load_id in committed:
            publish(settings.lake, load_id)
        else:
            discard(settings.lake, load_id)
    remove_dlt_folder(settings.state)
    return removed


def _columns_by_table(connection: duckdb.DuckDBPyConnection) -> dict[str, set[str]]:
    columns: dict[str, set[str]] = {}
    for table, column in connection.execute(
        "select table_name, column_name from duckdb_columns() "
        "where schema_name = ? and database_name = current_database()",
        [RAW_SCHEMA],
    ).fetchall():
        columns.setdefault(table, set()).add(column)
    return columns


def _name(entity: Entity) -> str:
    return f'{RAW_SCHEMA}."{entity.table}"'
