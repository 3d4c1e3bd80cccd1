"""Delimited text, read fast where it is well-formed and with care where it is not.

Each block of lines is looked over with numpy. Lines whose structure cannot be in doubt
go to Arrow's CSV parser in bulk. A line is suspect when it holds a NUL, is not UTF-8,
is too long, has a carriage return inside, or has quotes that do not plainly open and
close fields; suspect lines go one record at a time to Python's ``csv`` in strict mode.
A broken record costs one line and never those behind it.
"""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.csv as pa_csv

from ingest.readers.batches import (
    FAULT_SCHEMA,
    Batch,
    Fault,
    fault_table,
    raw_text,
    with_positions,
)
from ingest.readers.layout import TextLayout
from ingest.readers.text import LINE_BYTES, utf8_blocks

BLOCK_BYTES = 16 << 20
RECORD_LINES = 1_000
"""The most lines that one record with quoted line ends may span."""

_LF, _CR, _NUL, _QUOTE = 10, 13, 0, 34
_STAND_INS = (b"\x1f", b"\x1e", b"\x1d", b"\x1c")
"""Characters of which one that a block lacks stands in for a delimiter of two
characters.
"""

Indexes = np.ndarray[Any, np.dtype[np.int64]]


def read_delimited(
    path: str | Path, layout: TextLayout, block_bytes: int = BLOCK_BYTES
) -> Iterator[Batch]:
    """Yield the records of a delimited file in batches, in the file's order.

    Every non-blank record is in ``records`` or in ``faults``. Reasons: too_few_fields,
    too_many_fields, broken_quoting, invalid_encoding, nul_byte, record_too_long. Raises
    InputError when the file cannot be read or unpacked.
    """
    csv.field_size_limit(2 * LINE_BYTES)
    lines_before, rows_before = 0, 0
    pending = b""
    header_pending = layout.header
    for block in utf8_blocks(Path(path), layout.encoding, block_bytes):
        data = pending + block.data
        pending = b""
        if header_pending:
            skipped, lines = _header_end(data)
            header_pending = skipped == 0 and not block.is_last
            if header_pending:
                pending = data
                continue
            data = data[skipped:]
            lines_before += lines
        if not data:
            yield Batch(
                _no_records(layout), FAULT_SCHEMA.empty_table(), block.bytes_read
            )
            continue
        parsed = _parse(data, layout, lines_before, rows_before, block.is_last)
        yield Batch(parsed.records, fault_table(parsed.faults), block.bytes_read)
        pending = data[parsed.consumed_bytes :]
        lines_before += parsed.consumed_lines
        rows_before += parsed.consumed_rows


@dataclass
class _Parsed:
    records: pa.Table
    faults: list[Fault]
    consumed_bytes: int
    consumed_lines: int
    consumed_rows: int


@dataclass
class _Lines:
    """The lines of a block: where each begins and ends (without its line feed), and
    which are blank or suspect.
    """

    data: bytes
    starts: Indexes
    ends: Indexes
    is_blank: np.ndarray[Any, np.dtype[np.bool_]]
    suspects: Indexes

    def __len__(self) -> int:
        return len(self.starts)

    def raw(self, line: int) -> bytes:
        return self.data[self.starts[line] : self.ends[line]].removesuffix(b"\r")


@dataclass
class _Careful:
    """What the careful reader made of the suspect lines of a block."""

    taken: np.ndarray[Any, np.dtype[np.bool_]]
    records: list[list[str]] = field(default_factory=list)
    record_lines: list[int] = field(default_factory=list)
    faults: list[tuple[int, str]] = field(default_factory=list)
    end: int = 0


def _parse(
    data: bytes, layout: TextLayout, lines_before: int, rows_before: int, is_last: bool
) -> _Parsed:
    data, delimiter = _with_one_character(data, layout.delimiter)
    lines = _look_over(data, delimiter, layout.quoting)
    careful = _read_suspects(lines, layout, delimiter, is_last)
    clean = np.flatnonzero(~(lines.is_blank | careful.taken))
    clean = clean[clean < careful.end]
    bulk, miscounted = _read_clean(lines, clean, layout, delimiter)
    record_lines = np.delete(clean, list(miscounted)) if miscounted else clean
    faults = careful.faults + [
        (int(clean[index]), reason) for index, reason in miscounted.items()
    ]
    if careful.records:
        columns = zip(*careful.records, strict=True)
        arrays = [pa.array(values, pa.string()) for values in columns]
        names = bulk.column_names
        bulk = pa.concat_tables([bulk, pa.Table.from_arrays(arrays, names=names)])
        record_lines = np.concatenate([record_lines, careful.record_lines])
        order = np.argsort(record_lines, kind="stable")
        bulk, record_lines = bulk.take(order), record_lines[order]
    faults.sort()
    fault_lines = np.array([line for line, _ in faults], dtype=np.int64)
    rows = rows_before + 1 + np.arange(len(record_lines))
    rows += np.searchsorted(fault_lines, record_lines)
    fault_rows = rows_before + 1 + np.arange(len(fault_lines))
    fault_rows += np.searchsorted(record_lines, fault_lines)
    return _Parsed(
        with_positions(
            dict(zip(layout.columns, bulk.columns, strict=True)),
            rows,
            record_lines + lines_before + 1,
        ),
        [
            Fault(
                int(row),
                lines_before + line + 1,
                reason,
                raw_text(lines.raw(line).replace(delimiter, layout.delimiter.encode())),
            )
            for row, (line, reason) in zip(fault_rows, faults, strict=True)
        ],
        _original_length(data, lines, careful.end, delimiter, layout.delimiter),
        careful.end,
        len(record_lines) + len(faults),
    )


def _with_one_character(data: bytes, delimiter: str) -> tuple[bytes, bytes]:
    """The data with a delimiter of one character, and that delimiter."""
    if len(delimiter) == 1:
        return data, delimiter.encode()
    stand_in = next((byte for byte in _STAND_INS if byte not in data), None)
    if stand_in is None:
        # All four control characters in one block: what has them is no text.
        data, stand_in = data.replace(_STAND_INS[0], b"\0"), _STAND_INS[0]
    return data.replace(delimiter.encode(), stand_in), stand_in


def _original_length(
    data: bytes, lines: _Lines, end: int, delimiter: bytes, original: str
) -> int:
    """How long the lines before ``end`` were before the delimiter was replaced."""
    length = int(lines.starts[end]) if end < len(lines) else len(data)
    return length + (len(original) - 1) * data.count(delimiter, 0, length)


def _look_over(data: bytes, delimiter: bytes, quoting: bool) -> _Lines:
    """Find the lines of a block (which ends with a line feed), the blank ones and the
    suspect ones.
    """
    characters = np.frombuffer(data, np.uint8)
    ends = np.flatnonzero(characters == _LF)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts
    has_returns = b"\r" in data
    is_blank = lengths == 0
    suspects = [np.flatnonzero(lengths > LINE_BYTES)]
    if has_returns:
        returns = np.flatnonzero(characters == _CR)
        is_blank |= (lengths == 1) & (characters[starts] == _CR)
        inside = returns[characters[returns + 1] != _LF]
        suspects.append(np.searchsorted(ends, inside))
    if b"\0" in data:
        suspects.append(np.searchsorted(ends, np.flatnonzero(characters == _NUL)))
    suspects.append(_not_utf8(data, characters, starts, ends))
    if quoting and b'"' in data:
        suspects.append(_doubtful_quotes(characters, starts, ends, delimiter))
    return _Lines(data, starts, ends, is_blank, np.unique(np.concatenate(suspects)))


def _not_utf8(
    data: bytes, characters: np.ndarray[Any, Any], starts: Indexes, ends: Indexes
) -> Indexes:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        beyond = np.unique(np.searchsorted(ends, np.flatnonzero(characters > 127)))
        broken = [
            line for line in beyond if _text(data[starts[line] : ends[line]]) is None
        ]
        return np.array(broken, dtype=np.int64)
    return np.array([], dtype=np.int64)


def _doubtful_quotes(
    characters: np.ndarray[Any, Any], starts: Indexes, ends: Indexes, delimiter: bytes
) -> Indexes:
    """Lines whose quotes do not open at a field's begin and close at its end, one after
    the other.
    """
    quotes = np.flatnonzero(characters == _QUOTE)
    line = np.searchsorted(ends, quotes)
    with_quotes, first, counts = np.unique(line, return_index=True, return_counts=True)
    place = np.arange(len(quotes)) - np.repeat(first, counts)
    before = characters[np.maximum(quotes - 1, 0)]
    after = characters[quotes + 1]
    opens = (quotes == starts[line]) | (before == ord(delimiter))
    closes = (after == ord(delimiter)) | (after == _LF) | (after == _CR)
    is_plain = np.where(place % 2 == 0, opens, closes)
    plain_counts = np.add.reduceat(is_plain.astype(np.int64), first)
    doubtful: Indexes = with_quotes[(counts % 2 == 1) | (plain_counts != counts)]
    return doubtful


def _read_suspects(
    lines: _Lines, layout: TextLayout, delimiter: bytes, is_last: bool
) -> _Careful:
    """Read the suspect lines one record at a time; ``end`` is the first line that must
    wait for the next block.
    """
    careful = _Careful(np.zeros(len(lines), dtype=np.bool_), end=len(lines))
    free = 0
    for suspect in lines.suspects.tolist():
        if suspect < free:
            continue
        outcome = _read_suspect(lines, suspect, layout, delimiter, is_last)
        if outcome is None:
            careful.end = suspect
            break
        reason, fields, count = outcome
        careful.taken[suspect : suspect + count] = True
        free = suspect + count
        if reason is not None:
            careful.faults.append((suspect, reason))
        else:
            careful.records.append(fields)
            careful.record_lines.append(suspect)
    return careful


def _read_suspect(
    lines: _Lines, first: int, layout: TextLayout, delimiter: bytes, is_last: bool
) -> tuple[str | None, list[str], int] | None:
    """One suspect record: a reason or its fields, and its lines. None when the block
    may hold only its beginning.
    """
    raw = lines.raw(first)
    text = _text(raw)
    if len(raw) > LINE_BYTES or b"\0" in raw or text is None:
        is_long = len(raw) > LINE_BYTES
        bad_bytes = "nul_byte" if b"\0" in raw else "invalid_encoding"
        return "record_too_long" if is_long else bad_bytes, [], 1
    if not layout.quoting or b'"' not in raw:
        fields = text.split(delimiter.decode())
        return _miscount(len(fields), len(layout.columns)), fields, 1
    ran_out = False

    def following() -> Iterator[str]:
        nonlocal ran_out
        size = 0
        for line in range(first, min(first + RECORD_LINES, len(lines))):
            data = lines.data[lines.starts[line] : lines.ends[line] + 1]
            size += len(data)
            text = _text(data)
            if size > LINE_BYTES or text is None or "\0" in text:
                return
            yield text
        ran_out = first + RECORD_LINES > len(lines)

    reader = csv.reader(following(), delimiter=delimiter.decode(), strict=True)
    try:
        fields = next(reader)
    except csv.Error:
        return None if ran_out and not is_last else ("broken_quoting", [], 1)
    reason = _miscount(len(fields), len(layout.columns))
    if reason is not None and reader.line_num > 1:
        return "broken_quoting", [], 1
    return reason, fields, reader.line_num


def _read_clean(
    lines: _Lines, clean: Indexes, layout: TextLayout, delimiter: bytes
) -> tuple[pa.Table, dict[int, str]]:
    """Parse the clean lines in bulk; also tell which of them (by place among the clean)
    have too few or too many fields.
    """
    names = [str(place) for place in range(len(layout.columns))]
    data = _joined(lines, clean)
    if not data:
        return pa.table({name: pa.array([], pa.string()) for name in names}), {}
    miscounted: dict[int, str] = {}

    def skip(row: Any) -> str:
        reason = _miscount(row.actual_columns, row.expected_columns)
        miscounted[row.number - 1] = str(reason)
        return "skip"

    table = pa_csv.read_csv(
        pa.BufferReader(data),
        read_options=pa_csv.ReadOptions(
            use_threads=False, column_names=names, block_size=len(data) + 1
        ),
        parse_options=pa_csv.ParseOptions(
            delimiter=delimiter.decode(),
            quote_char='"' if layout.quoting else False,
            ignore_empty_lines=False,
            invalid_row_handler=skip,
        ),
        convert_options=pa_csv.ConvertOptions(
            check_utf8=False,
            column_types={name: pa.string() for name in names},
            strings_can_be_null=False,
        ),
    )
    return table, miscounted


def _joined(lines: _Lines, clean: Indexes) -> bytes:
    """The clean lines as one piece of data, without a copy where all lines are
    clean.
    """
    if len(clean) == len(lines):
        return lines.data
    if not len(clean):
        return b""
    breaks = np.flatnonzero(np.diff(clean) != 1)
    first = clean[np.concatenate([[0], breaks + 1])]
    last = clean[np.concatenate([breaks, [len(clean) - 1]])]
    return b"".join(
        lines.data[lines.starts[begin] : lines.ends[end] + 1]
        for begin, end in zip(first, last, strict=True)
    )


def _miscount(found: int, expected: int) -> str | None:
    if found == expected:
        return None
    return "too_few_fields" if found < expected else "too_many_fields"


def _text(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _header_end(data: bytes) -> tuple[int, int]:
    """Bytes and lines up to the end of the header, blank lines before it included; (0,
    0) when it is not all here.
    """
    end, lines = 0, 0
    while end < len(data):
        line_end = data.index(b"\n", end) + 1
        line = data[end:line_end]
        end, lines = line_end, lines + 1
        if line.strip(b"\r\n"):
            return end, lines
    return 0, 0


def _no_records(layout: TextLayout) -> pa.Table:
    none = np.array([], dtype=np.int64)
    columns = {name: pa.array([], pa.string()) for name in layout.columns}
    return with_positions(columns, none, none)
