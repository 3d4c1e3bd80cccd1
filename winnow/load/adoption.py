"""Warehouses from before the landing lake had a ledger: their loads enter it."""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.contracts.entities import LOG_SOURCE, RAW_SCHEMA, load_contracts
from winnow.core.errors import InputError
from winnow.core.file_names import path_text
from winnow.load.landing import lake_path
from winnow.load.ledger import Landed, LandedFile, ParquetFile
from winnow.load.raw_tables import columns_by_table


def earlier_loads(connection: duckdb.DuckDBPyConnection, lake: Path) -> list[Landed]:
    """The loads of a warehouse that counted by dlt's record of them, the oldest first.
    Raises InputError when the lake lacks a file of theirs.
    """
    if "_dlt_loads" not in columns_by_table(connection):
        return []
    counted = f"(select load_id from {RAW_SCHEMA}._dlt_loads where status = 0)"
    rows = connection.execute(
        "select load_id, tenant_id, source, loaded_at, lake_file, entity, file, file, "
        "file_sha256, read_options, row_limit, 'append', null, record_count, "
        f"unreadable_count, lake_file from {RAW_SCHEMA}.winnow_loaded_files "
        f"where load_id in {counted} order by loaded_at, load_id, file"
    ).fetchall()
    found: dict[str, Landed] = {}
    for load_id, tenant, source, loaded_at, place, entity, *about in rows:
        load = found.get(load_id)
        if load is None:
            log = _log_files(lake, tenant, load_id, loaded_at.date())
            load = Landed(load_id, tenant, source, loaded_at, (), log)
        parquet = _described(lake, load_contracts()[source, entity].table, place)
        found[load_id] = replace(
            load,
            files=(*load.files, LandedFile(entity, *about)),
            parquet=(*load.parquet, parquet),
        )
    # Replays of which every correction was in conflict have no file.
    rows = connection.execute(
        "select distinct load_id, tenant_id, source, replayed_at "
        f"from {RAW_SCHEMA}.winnow_replay_conflicts where load_id in {counted}"
    ).fetchall()
    for load_id, tenant, source, loaded_at in rows:
        if load_id not in found:
            log = _log_files(lake, tenant, load_id, loaded_at.date())
            found[load_id] = Landed(load_id, tenant, source, loaded_at, (), log)
    return sorted(found.values(), key=lambda one: (one.loaded_at, one.load_id))


def _log_files(
    lake: Path, tenant: str, load_id: str, day: dt.date
) -> tuple[ParquetFile, ...]:
    places = {
        entity.table: lake_path(source, name, tenant, day, f"load-{load_id}")
        for (source, name), entity in load_contracts().items()
        if source == LOG_SOURCE
    }
    return tuple(
        _described(lake, table, place.as_posix())
        for table, place in places.items()
        if (lake / place).exists()
    )


def _described(lake: Path, table: str, place: str) -> ParquetFile:
    try:
        rows = pq.read_metadata(lake / place).num_rows
    except (OSError, pa.ArrowException) as error:
        raise InputError(
            f"{path_text(lake / place)} cannot be read, and the warehouse has its "
            "rows: bring the landing lake back from a copy, or load the files anew "
            "into another warehouse and lake."
        ) from error
    return ParquetFile(table, place, rows)
