"""Parquet, every column cast to text."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from winnow.core.errors import InputError
from winnow.core.file_names import plain_path
from winnow.readers.batches import (
    Batch,
    Fault,
    column_name,
    cut_detail,
    fault_table,
    own_name,
    raw_text,
)

BATCH_ROWS = 1 << 18
_MAGIC = b"PAR1"
_NESTED = ("struct", "list", "map", "array", "union")


def read_parquet(path: str | Path) -> Iterator[Batch]:
    """Yield the rows of a Parquet file in batches, in the file's order.

    Every value is text: times in ISO form and UTC, lists and structs as JSON, null as
    null, binary as the UTF-8 that it is; a row where it is not is a fault
    (invalid_encoding). ``line_number`` is null. Raises InputError when the
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
            names = parquet_columns(path)
            kinds = list(zip(rows.columns, map(str, rows.types), strict=True))
            # Numbered, because SQL cannot tell apart names that differ in case only.
            casts = [
                f"{_as_text(name, kind)} as c{n}"
                for n, (name, kind) in enumerate(kinds)
            ]
            total = rows.count("*").fetchall()[0][0]
            reader = rows.project(
                ", ".join([*casts, f"{_is_broken(kinds)} as is_broken"])
            ).to_arrow_reader(BATCH_ROWS)
            done = 0
            for batch in reader:
                table = pa.Table.from_batches([batch])
                numbers = np.arange(done + 1, done + batch.num_rows + 1)
                done += batch.num_rows
                yield _batch(table, names, numbers, size * done // total)
            if not total:
                empty = pa.table({name: pa.array([], pa.string()) for name in names})
                yield _with_faults(empty, np.arange(0), np.zeros(0, np.bool_), size)
        except duckdb.Error as error:
            reason = str(error).splitlines()[0]
            raise InputError(f"{path} cannot be read as Parquet: {reason}") from error


def is_parquet(path: Path) -> bool:
    """Whether a file is Parquet: by its first bytes, or by its name where it has none
    or cannot be read.
    """
    try:
        with path.open("rb") as file:
            if file.read(len(_MAGIC)) == _MAGIC:
                return True
    except OSError:
        pass
    return path.name.lower().endswith(".parquet")


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
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise InputError(
            f"{path}: the column {repeated[0]!r} stands there more than once; names "
            "must differ."
        )
    return tuple(map(column_name, names))


def _batch(
    table: pa.Table, names: tuple[str, ...], numbers: np.ndarray[Any, Any], size: int
) -> Batch:
    is_broken = table["is_broken"].to_numpy().astype(np.bool_)
    records = table.drop_columns("is_broken").rename_columns(names)
    return _with_faults(records, numbers, is_broken, size)


def _with_faults(
    records: pa.Table,
    numbers: np.ndarray[Any, Any],
    is_broken: np.ndarray[Any, Any],
    size: int,
) -> Batch:
    """The records of a batch; those that are broken are faults."""
    faults = []
    if is_broken.any():
        broken = records.filter(pa.array(is_broken))
        for row, values in zip(numbers[is_broken], broken.to_pylist(), strict=True):
            text = json.dumps(
                {own_name(name): value for name, value in values.items()},
                ensure_ascii=False,
                separators=(",", ":"),
            ).encode()
            detail = cut_detail(len(text), "binary that is not UTF-8")
            faults.append(
                Fault(int(row), None, "invalid_encoding", raw_text(text), detail)
            )
        records, numbers = records.filter(pa.array(~is_broken)), numbers[~is_broken]
    records = records.append_column("row_number", pa.array(numbers, pa.int64()))
    records = records.append_column("line_number", pa.nulls(len(numbers), pa.int64()))
    return Batch(records, fault_table(faults), size)


def _as_text(name: str, kind: str) -> str:
    """SQL for a column's text."""
    value = _quoted(name)
    if kind.lower().startswith(_NESTED) or kind.endswith("]"):
        return f"cast(to_json({value}) as varchar)"
    if kind == "BLOB":
        return f"coalesce(try(decode({value})), cast({value} as varchar))"
    if kind in ("FLOAT", "DOUBLE"):
        # From 1e16 on DuckDB writes an exponent, and an id would lose its digits.
        return (
            f"case when abs({value}) >= 1e16 and abs({value}) < 1e38"
            f" then cast(cast({value} as hugeint) as varchar) || '.0'"
            f" else cast({value} as varchar) end"
        )
    return f"cast({value} as varchar)"


def _is_broken(kinds: Sequence[tuple[str, str]]) -> str:
    """SQL that is true of rows with binary values that are no text."""
    broken = [
        f"({_quoted(name)} is not null and try(decode({_quoted(name)})) is null)"
        for name, kind in kinds
        if kind == "BLOB"
    ]
    return " or ".join(broken) or "false"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _size(path: Path) -> int:
    try:
        size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if size == 0:
        raise InputError(f"{path} is empty.")
    return size
