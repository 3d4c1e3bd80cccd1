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
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv

from winnow.readers.batches import (
    FAULT_SCHEMA,
    Batch,
    Fault,
    cut_detail,
    fault_table,
    raw_text,
    with_positions,
)
from winnow.readers.layout import BLANKS, TextLayout
from winnow.readers.text import LINE_BYTES, utf8_blocks

BLOCK_BYTES = 16 << 20
RECORD_LINES = 1_000
"""The most lines that one record with quoted line ends may span."""

_LF, _CR, _NUL, _QUOTE = 10, 13, 0, 34
_BOM = "\ufeff"
_STAND_INS = (b"\x1f", b"\x1e", b"\x1d", b"\x1c")
"""Characters of which one that a block lacks stands in for a delimiter of several
characters.
"""

Indexes = np.ndarray[Any, np.dtype[np.int64]]


def read_delimited(
    path: str | Path, layout: TextLayout, block_bytes: int = BLOCK_BYTES
) -> Iterator[Batch]:
    """Yield the records of a delimited file in batches, in the file's order.

    Every non-blank record is in ``records`` or in ``faults``. Reasons: too_few_fields,
    too_many_fields, broken_quoting, invalid_encoding, nul_byte, record_too_long,
    repeated_header. Raises InputError when the file cannot be read or unpacked.
    """
    csv.field_size_limit(2 * LINE_BYTES)
    lines_before, rows_before = 0, 0
    pending = b""
    begin_pending = layout.header or layout.skip_lines > 0
    for block in utf8_blocks(Path(path), layout.encoding, block_bytes):
        data = pending + block.data
        pending = b""
        if begin_pending:
            skipped, lines = _begin_end(data, layout)
            begin_pending = skipped is None and not block.is_last
            if begin_pending:
                pending = data
                continue
            data = data[len(data) if skipped is None else skipped :]
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


class _Broken(NamedTuple):
    """A record that cannot be read, on a line of its block."""

    line: int
    reason: str
    detail: str | None = None


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
    faults: list[_Broken] = field(default_factory=list)
    end: int = 0


def _parse(
    data: bytes, layout: TextLayout, lines_before: int, rows_before: int, is_last: bool
) -> _Parsed:
    original = data
    data, delimiter = _with_one_character(data, layout.delimiter)
    lines = _look_over(data, delimiter, layout.quoting)
    careful = _read_suspects(lines, layout, delimiter, is_last)
    clean = np.flatnonzero(~(lines.is_blank | careful.taken))
    clean = clean[clean < careful.end]
    bulk, miscounted = _read_clean(lines, clean, layout, delimiter)
    record_lines = np.delete(clean, list(miscounted)) if miscounted else clean
    faults = careful.faults + [
        _Broken(int(clean[index]), *broken) for index, broken in miscounted.items()
    ]
    if careful.records:
        columns = zip(*careful.records, strict=True)
        arrays = [pa.array(values, pa.string()) for values in columns]
        names = bulk.column_names
        bulk = pa.concat_tables([bulk, pa.Table.from_arrays(arrays, names=names)])
        record_lines = np.concatenate([record_lines, careful.record_lines])
        order = np.argsort(record_lines, kind="stable")
        bulk, record_lines = bulk.take(order), record_lines[order]
    if repeated := _repeated_headers(bulk, layout, data):
        faults += [
            _Broken(int(record_lines[row]), "repeated_header") for row in repeated
        ]
        kept = np.delete(np.arange(len(record_lines)), repeated)
        bulk, record_lines = bulk.take(kept), record_lines[kept]
    faults.sort()
    fault_lines = np.array([broken.line for broken in faults], dtype=np.int64)
    rows = rows_before + 1 + np.arange(len(record_lines))
    rows += np.searchsorted(fault_lines, record_lines)
    fault_rows = rows_before + 1 + np.arange(len(fault_lines))
    fault_rows += np.searchsorted(record_lines, fault_lines)
    return _Parsed(
        with_positions(
            _named(bulk, layout, delimiter.decode(), has_quotes=b'"' in data),
            rows,
            record_lines + lines_before + 1,
        ),
        [
            _fault(int(row), lines_before, broken, lines, delimiter, layout)
            for row, broken in zip(fault_rows, faults, strict=True)
        ],
        _lines_length(original, careful.end, len(lines)),
        careful.end,
        len(record_lines) + len(faults),
    )


def _fault(
    row: int,
    lines_before: int,
    broken: _Broken,
    lines: _Lines,
    delimiter: bytes,
    layout: TextLayout,
) -> Fault:
    raw = lines.raw(broken.line).replace(delimiter, layout.delimiter.encode())
    detail = cut_detail(len(raw), broken.detail)
    line = lines_before + broken.line + 1
    return Fault(row, line, broken.reason, raw_text(raw), detail)


def _named(
    bulk: pa.Table, layout: TextLayout, delimiter: str, has_quotes: bool
) -> dict[str, pa.ChunkedArray]:
    """The columns by the file's names, as they were before the delimiter was replaced;
    those without a name of their own null where they are empty.
    """
    columns = dict(zip(layout.columns, bulk.columns, strict=True))
    for name, column in columns.items():
        if delimiter != layout.delimiter and layout.quoting and has_quotes:
            columns[name] = pc.replace_substring(column, delimiter, layout.delimiter)
        if name in layout.unnamed:
            columns[name] = pc.if_else(pc.equal(column, ""), None, columns[name])
    return columns


def _repeated_headers(bulk: pa.Table, layout: TextLayout, data: bytes) -> list[int]:
    """The rows that say the header again, as files do that were put together from
    several. ``data`` is what the rows were read from.
    """
    if not layout.header or not bulk.num_rows:
        return []
    named = [n for n, name in enumerate(layout.columns) if name not in layout.unnamed]
    if not named or any(layout.columns[n].encode() not in data for n in named):
        return []
    alike = pc.match_substring(bulk.column(named[0]), layout.columns[named[0]])
    if not pc.any(alike).as_py():
        return []
    rows = np.flatnonzero(alike.to_numpy())
    columns = bulk.take(rows).to_pydict()
    cells = [columns[bulk.column_names[number]] for number in named]
    return [
        int(row)
        for row, *values in zip(rows, *cells, strict=True)
        if [value.strip().strip(_BOM + '"').strip() for value in values]
        == [layout.columns[number] for number in named]
    ]


def _with_one_character(data: bytes, delimiter: str) -> tuple[bytes, bytes]:
    """The data with a delimiter of one character, and that delimiter."""
    if delimiter == BLANKS:
        return _with_single_blanks(data), BLANKS.encode()
    if len(delimiter.encode()) == 1:
        return data, delimiter.encode()
    stand_in = next((byte for byte in _STAND_INS if byte not in data), None)
    if stand_in is None:
        # All four control characters in one block: what has them is no text.
        data, stand_in = data.replace(_STAND_INS[0], b"\0"), _STAND_INS[0]
    return data.replace(delimiter.encode(), stand_in), stand_in


def _with_single_blanks(data: bytes) -> bytes:
    """The data with one blank for each run of blanks and tabs, and none at the begin
    and end of a line.
    """
    data = data.replace(b"\t", b" ")
    while b"  " in data:
        data = data.replace(b"  ", b" ")
    for around, alone in ((b"\n ", b"\n"), (b" \n", b"\n"), (b" \r\n", b"\r\n")):
        data = data.replace(around, alone)
    return data.removeprefix(b" ")


def _lines_length(data: bytes, end: int, count: int) -> int:
    """Bytes of the first ``end`` of the data's ``count`` lines."""
    if end == count:
        return len(data)
    ends = np.flatnonzero(np.frombuffer(data, np.uint8) == _LF)
    return int(ends[end - 1]) + 1 if end else 0


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
    number = np.arange(len(quotes)) - np.repeat(first, counts)
    before = characters[np.maximum(quotes - 1, 0)]
    after = characters[quotes + 1]
    opens = (quotes == starts[line]) | (before == ord(delimiter))
    closes = (after == ord(delimiter)) | (after == _LF) | (after == _CR)
    is_plain = np.where(number % 2 == 0, opens, closes)
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
        broken, fields, count = outcome
        careful.taken[suspect : suspect + count] = True
        free = suspect + count
        if broken is not None:
            careful.faults.append(_Broken(suspect, *broken))
        else:
            careful.records.append(fields)
            careful.record_lines.append(suspect)
    return careful


def _read_suspect(
    lines: _Lines, first: int, layout: TextLayout, delimiter: bytes, is_last: bool
) -> tuple[tuple[str, str | None] | None, list[str], int] | None:
    """One suspect record: a reason with its detail or its fields, and its lines. None
    when the block may hold only its beginning.
    """
    raw = lines.raw(first)
    text = _text(raw)
    if len(raw) > LINE_BYTES or b"\0" in raw or text is None:
        is_long = len(raw) > LINE_BYTES
        bad_bytes = "nul_byte" if b"\0" in raw else "invalid_encoding"
        return ("record_too_long" if is_long else bad_bytes, None), [], 1
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
        return None if ran_out and not is_last else (("broken_quoting", None), [], 1)
    broken = _miscount(len(fields), len(layout.columns))
    if broken is not None and reader.line_num > 1:
        return ("broken_quoting", None), [], 1
    return broken, fields, reader.line_num


def _read_clean(
    lines: _Lines, clean: Indexes, layout: TextLayout, delimiter: bytes
) -> tuple[pa.Table, dict[int, tuple[str, str | None]]]:
    """Parse the clean lines in bulk; also tell which of them (by place among the clean)
    have too few or too many fields, with the detail of that.
    """
    names = [str(number) for number in range(len(layout.columns))]
    data = _joined(lines, clean)
    if not data:
        return pa.table({name: pa.array([], pa.string()) for name in names}), {}
    miscounted: dict[int, tuple[str, str | None]] = {}

    def skip(row: Any) -> str:
        broken = _miscount(row.actual_columns, row.expected_columns)
        miscounted[row.number - 1] = broken or ("too_many_fields", None)
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


def _miscount(count: int, expected: int) -> tuple[str, str | None] | None:
    if count == expected:
        return None
    reason = "too_few_fields" if count < expected else "too_many_fields"
    return reason, f"{count} field{'s' if count != 1 else ''}, {expected} expected"


def _text(data: bytes) -> str | None:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return None


def _begin_end(data: bytes, layout: TextLayout) -> tuple[int | None, int]:
    """Bytes and lines that are skipped, up to the end of the header where there is one,
    blank lines before it included; None for the bytes when they are not all here.
    """
    end, lines = 0, 0
    while end < len(data):
        if lines >= layout.skip_lines and not layout.header:
            return end, lines
        line_end = data.index(b"\n", end) + 1
        line = data[end:line_end]
        end, lines = line_end, lines + 1
        if lines > layout.skip_lines and line.strip(b"\r\n"):
            return end, lines
    is_done = lines >= layout.skip_lines and not layout.header
    return (end if is_done else None), lines


def _no_records(layout: TextLayout) -> pa.Table:
    none = np.array([], dtype=np.int64)
    columns = {name: pa.array([], pa.string()) for name in layout.columns}
    return with_positions(columns, none, none)
