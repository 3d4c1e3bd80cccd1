"""Parquet, every column cast to text."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ingest.errors import InputError
from ingest.file_names import plain_path
from ingest.readers.batches import FAULT_SCHEMA, POSITION_COLUMNS, Batch

BATCH_ROWS = 1 << 18
_NESTED = ("struct", "list", "map", "array", "union")


def read_parquet(path: str | Path) -> Iterator[Batch]:
    """Yield the rows of a Parquet file in batches, in the file's order.

    Every value is text: times in ISO form and UTC, lists and structs as JSON, null as
    null. There are no faults, and ``line_number`` is null. Raises InputError when the
    file cannot be read or is not Parquet.
    """
    path = Path(path)
    size = _size(path)
    with plain_path(path) as plain, duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        try:
            rows = connection.sql(
                "from read_parquet(?, hive_partitioning = false)", params=[str(plain)]
            )
            casts = [
                _as_text(name, str(kind))
                for name, kind in zip(rows.columns, rows.types, strict=True)
            ]
            total = max(1, rows.count("*").fetchall()[0][0])
            reader = rows.project(", ".join(casts)).to_arrow_reader(BATCH_ROWS)
            done = 0
            for batch in reader:
                table = pa.Table.from_batches([batch])
                numbers = pa.array(np.arange(done + 1, done + batch.num_rows + 1))
                table = table.append_column("row_number", numbers)
                table = table.append_column(
                    "line_number", pa.nulls(batch.num_rows, pa.int64())
                )
                done += batch.num_rows
                yield Batch(table, FAULT_SCHEMA.empty_table(), size * done // total)
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{path} cannot be read as Parquet: {reason}") from error


def parquet_columns(path: str | Path) -> tuple[str, ...]:
    """The columns that ``read_parquet`` gives of a file, without reading its rows."""
    path = Path(path)
    _size(path)
    try:
        with path.open("rb") as file:
            names = pq.read_schema(file).names
    except (pa.ArrowException, OSError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path} cannot be read as Parquet: {reason}") from error
    return tuple(name + "_" if name in POSITION_COLUMNS else name for name in names)


def _as_text(name: str, kind: str) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    own = quoted if name not in POSITION_COLUMNS else quoted[:-1] + '_"'
    is_nested = kind.lower().startswith(_NESTED) or kind.endswith("]")
    value = (
        f"cast(to_json({quoted}) as varchar)"
        if is_nested
        else f"cast({quoted} as varchar)"
    )
    return f"{value} as {own}"


def _size(path: Path) -> int:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if size == 0:
        raise InputError(f"{path} is empty.")
    return size
