"""JSON lines and JSON arrays of objects, every value as text and numbers exactly as
written.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ingest.errors import InputError
from ingest.readers.batches import (
    Batch,
    Fault,
    cut_detail,
    fault_table,
    raw_text,
    with_positions,
)
from ingest.readers.text import (
    LINE_BYTES,
    Chunk,
    find_encoding,
    read_sample,
    text_chunks,
    utf8_blocks,
)

BLOCK_BYTES = 4 << 20
ELEMENT_CHARACTERS = 16 << 20
"""The longest element of an array that is waited for before it counts as broken."""


class _Number(str):
    """The text of a number, told from a string where values are written as JSON
    again.
    """

    __slots__ = ()


_DECODER = json.JSONDecoder(
    parse_float=_Number, parse_int=_Number, parse_constant=_Number
)
_NEXT_OBJECT = re.compile(r"\n[ \t\r]*(?=\{)")
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")
_BETWEEN = re.compile(r"[\s,]*")


def read_json(
    path: str | Path, encoding: str | None = None, block_bytes: int = BLOCK_BYTES
) -> Iterator[Batch]:
    """Yield the objects of a JSON array or of JSON lines in batches, in the file's
    order.

    The columns of a batch are the keys of its objects, in the order in which they
    appear. Text stays as it is, numbers are their own text, booleans ``true`` and
    ``false``, null is null, objects and lists are JSON. Faults: invalid_json,
    truncated_json (the file breaks off), not_an_object, invalid_encoding,
    record_too_long (lines). Raises InputError when the file cannot be read or is
    neither form.
    """
    path = Path(path)
    sample = read_sample(path)
    encoding = encoding or find_encoding(path, sample)
    start = sample.lstrip(b"\xef\xbb\xbf\xfe\xff\0 \t\r\n")[:1]
    if start == b"[":
        yield from _read_array(path, encoding, block_bytes)
    elif start == b"{":
        yield from _read_lines(path, encoding, block_bytes)
    else:
        raise InputError(
            f"{path}, line 1: JSON data begins with '[' (an array of objects) or '{{' "
            "(one object per line)."
        )


class _Collector:
    """Objects and faults of one batch, numbered as they come."""

    def __init__(self) -> None:
        self.rows_before = 0
        self.broke_off = False
        self._objects: list[dict[str, Any]] = []
        self._rows: list[int] = []
        self._lines: list[int] = []
        self._faults: list[Fault] = []

    def add(self, value: Any, line: int, text: str) -> None:
        """Take one value; ``text`` is what it was read from."""
        if not isinstance(value, dict):
            self.refuse("not_an_object", line, text)
            return
        if _HALF_CHARACTER.search(text) and not _is_utf8(_as_json(value)):
            self.refuse("invalid_encoding", line, text)
            return
        self.rows_before += 1
        self._objects.append(value)
        self._rows.append(self.rows_before)
        self._lines.append(line)

    def refuse(self, reason: str, line: int, text: str) -> None:
        """Take one record that cannot be read."""
        self.rows_before += 1
        self.broke_off = reason == "truncated_json"
        data = text.encode("utf-8", "surrogateescape")
        self._faults.append(
            Fault(self.rows_before, line, reason, raw_text(data), cut_detail(len(data)))
        )

    def batch(self, bytes_read: int) -> Batch:
        """What was taken since the last batch."""
        names = dict.fromkeys(name for value in self._objects for name in value)
        columns = {
            name: pa.array(
                [_as_text(value.get(name)) for value in self._objects], pa.string()
            )
            for name in names
        }
        records = with_positions(
            columns,
            np.array(self._rows, dtype=np.int64),
            np.array(self._lines, dtype=np.int64),
        )
        batch = Batch(records, fault_table(self._faults), bytes_read)
        self._objects, self._rows, self._lines, self._faults = [], [], [], []
        return batch


def _read_lines(path: Path, encoding: str, block_bytes: int) -> Iterator[Batch]:
    collector = _Collector()
    line_number = 0
    for block in utf8_blocks(path, encoding, block_bytes):
        lines = block.data.split(b"\n")[:-1]
        for index, line in enumerate(lines):
            line_number += 1
            if not line.strip():
                continue
            text = line.decode("utf-8", "surrogateescape").strip()
            if len(line) > LINE_BYTES:
                collector.refuse("record_too_long", line_number, text)
                continue
            if not _is_utf8(text):
                collector.refuse("invalid_encoding", line_number, text)
                continue
            try:
                collector.add(_DECODER.decode(text), line_number, text)
            except (json.JSONDecodeError, RecursionError):
                breaks_off = block.is_last and index == len(lines) - 1
                ends_open = breaks_off and not text.endswith("}")
                reason = "truncated_json" if ends_open else "invalid_json"
                collector.refuse(reason, line_number, text)
        yield collector.batch(block.bytes_read)


def _read_array(path: Path, encoding: str, block_bytes: int) -> Iterator[Batch]:
    collector = _Collector()
    text, place, line = "", 0, 1
    is_open = False
    for block in text_chunks(path, encoding, block_bytes):
        text = text[place:] + block.text
        place = 0
        if not is_open:
            opening = text.find("[") + 1
            if not opening:
                continue
            line += text.count("\n", 0, opening)
            place, is_open = opening, True
        while True:
            between = _BETWEEN.match(text, place)
            begin = between.end() if between else place
            line += text.count("\n", place, begin)
            place = begin
            if place >= len(text):
                break
            if text[place] == "]":
                yield _ended(collector, text[place + 1 :].strip(), line, block)
                return
            try:
                value, end = _DECODER.raw_decode(text, place)
            except json.JSONDecodeError as error:
                following = _NEXT_OBJECT.search(text, place)
                waits = len(text) - place < ELEMENT_CHARACTERS and not block.is_last
                if waits and (_is_cut(error, text) or not following):
                    break
                end = following.end() if following else len(text)
                reason = "invalid_json" if following else "truncated_json"
                collector.refuse(reason, line, text[place:end].strip().rstrip(","))
            else:
                element = text[place:end]
                if _is_utf8(element):
                    collector.add(value, line, element)
                else:
                    collector.refuse("invalid_encoding", line, element)
            line += text.count("\n", place, end)
            place = end
        if block.is_last and not collector.broke_off:
            collector.refuse("truncated_json", line, "the array has no end")
        yield collector.batch(block.bytes_read)


def _ended(collector: _Collector, rest: str, line: int, block: Chunk) -> Batch:
    """The last batch of an array; what stands behind its end is a fault."""
    if rest:
        collector.refuse("invalid_json", line, rest)
    return collector.batch(block.bytes_read)


def _is_cut(error: json.JSONDecodeError, text: str) -> bool:
    """Whether the error may only mean that the text ends too early."""
    return "Unterminated" in error.msg or error.pos >= len(text) - 16


def _as_text(value: Any) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return _as_json(value)


def _as_json(value: Any) -> str:
    """A value as compact JSON, numbers as they were written."""
    if isinstance(value, _Number):
        return str(value)
    if isinstance(value, dict):
        pairs = (
            f"{json.dumps(key, ensure_ascii=False)}:{_as_json(one)}"
            for key, one in value.items()
        )
        return "{" + ",".join(pairs) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(_as_json, value)) + "]"
    return json.dumps(value, ensure_ascii=False)


def _is_utf8(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
