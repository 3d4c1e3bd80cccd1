"""What every reader yields: records as text, and what could not be read."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from winnow.core.errors import InputError

FAULT_SCHEMA = pa.schema(
    [
        ("row_number", pa.int64()),
        ("line_number", pa.int64()),
        ("reason", pa.string()),
        ("raw_record", pa.string()),
        ("detail", pa.string()),
    ]
)

POSITION_COLUMNS = ("row_number", "line_number")
"""The columns of a batch that are not the file's own."""

_POSITION_NAME = re.compile(f"(?:{'|'.join(POSITION_COLUMNS)})_*")

RAW_RECORD_LENGTH = 65_536
"""Characters of an unreadable record that are kept."""

_HASH_BLOCK = 4 << 20


class Fault(NamedTuple):
    """A record that could not be read: its ordinal, the line it begins on, what is
    broken, its text, and what else there is to say (such as fields found and expected;
    None where there is nothing).
    """

    row_number: int
    line_number: int | None
    reason: str
    raw_record: str
    detail: str | None = None


class Batch(NamedTuple):
    """Some records of a file, in the file's order.

    ``records`` has the file's own columns as strings, then ``row_number`` (ordinal in
    the file, 1 for the first, faults counted) and ``line_number`` (line on which the
    record begins, 1 for the first; null for Parquet). ``faults`` has FAULT_SCHEMA.
    ``bytes_read`` counts the file's bytes on disk that are behind this batch.
    """

    records: pa.Table
    faults: pa.Table
    bytes_read: int


def with_positions(
    columns: dict[str, Any], rows: np.ndarray[Any, Any], lines: np.ndarray[Any, Any]
) -> pa.Table:
    """A table of text columns and the two position columns."""
    positions = {
        "row_number": pa.array(rows, pa.int64()),
        "line_number": pa.array(lines, pa.int64()),
    }
    return pa.table(columns | positions)


def fault_table(faults: list[Fault]) -> pa.Table:
    """Faults as a table of FAULT_SCHEMA, in the file's order."""
    columns = (
        zip(*sorted(faults, key=_ordinal), strict=True)
        if faults
        else [[]] * len(FAULT_SCHEMA)
    )
    arrays = [
        pa.array(values, field.type)
        for values, field in zip(columns, FAULT_SCHEMA, strict=True)
    ]
    return pa.Table.from_arrays(arrays, schema=FAULT_SCHEMA)


def _ordinal(fault: Fault) -> int:
    return fault.row_number


def cut_detail(length: int, detail: str | None = None) -> str | None:
    """``detail``, and how many bytes a record of that ``length`` has where ``raw_text``
    cuts it.
    """
    if length <= RAW_RECORD_LENGTH:
        return detail
    said = f"cut: the whole record has {length:,} bytes"
    return said if detail is None else f"{detail}; {said}"


def raw_text(data: bytes) -> str:
    """Bytes as text for a fault: what is not UTF-8, and NUL, is written ``\\xNN``, and
    the length is limited.
    """
    text = data[: 4 * RAW_RECORD_LENGTH].decode("utf-8", "backslashreplace")
    return text[:RAW_RECORD_LENGTH].replace("\0", "\\x00")


def column_name(own: str) -> str:
    """The name in a batch of a file's own column: with one more ``_`` where it could be
    taken for a position.
    """
    return f"{own}_" if _POSITION_NAME.fullmatch(own) else own


def own_name(column: str) -> str:
    """The name in the file of a column of a batch: undoes ``column_name``."""
    return column[:-1] if _POSITION_NAME.fullmatch(column) else column


def normalise_name(name: str) -> str:
    """A column name for comparison: lower case, letters and digits only, so that
    ``userId`` is ``user_id``.
    """
    return "".join(char for char in name.casefold() if char.isalnum())


def sha256_of(path: str | Path, progress: Callable[[int], None] | None = None) -> str:
    """SHA-256 of a file's bytes as they lie on disk. Raises InputError when it cannot
    be read.
    """
    digest = hashlib.sha256()
    try:
        with Path(path).open("rb") as file:
            while block := file.read(_HASH_BLOCK):
                digest.update(block)
                if progress is not None:
                    progress(len(block))
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    return digest.hexdigest()
