"""JSON objects, however they stand in a file, every value as text and numbers exactly
as written.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Iterator, Set
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from winnow.core.errors import InputError
from winnow.readers.batches import (
    Batch,
    Fault,
    column_name,
    cut_detail,
    fault_table,
    normalise_name,
    raw_text,
    with_positions,
)
from winnow.readers.text import (
    LINE_BYTES,
    decode_sample,
    find_encoding,
    read_sample,
    text_chunks,
    utf8_blocks,
)

BLOCK_BYTES = 4 << 20
ELEMENT_CHARACTERS = 16 << 20
"""The longest element of an array that is waited for before it counts as broken."""

_BEGINS_AS_JSON = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?:\[\s*)?\{\s*[\"'][^\"']*[\"']\s*:"
)


class _Number(str):
    """The text of a number, told from a string where values are written as JSON
    again.
    """

    __slots__ = ()


class _Repeated(dict[str, Any]):
    """An object in which a key stands more than once."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    return members if len(members) == len(pairs) else _Repeated(members)


_DECODER = json.JSONDecoder(
    parse_float=_Number,
    parse_int=_Number,
    parse_constant=_Number,
    object_pairs_hook=_object,
)
_NEXT_OBJECT = re.compile(r"[\n,]\s*(?=\{)")
_STRUCTURE = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_HALF_CHARACTER = re.compile(r"\\u[dD][89a-fA-F]")
_BETWEEN = re.compile(r"[\s,]*")
_SPACE = re.compile(r"\s*")
_PYTHON_OBJECT = re.compile(r"\{\s*[uU]?'")
_NEAR_CHARACTERS = 4096
_MOST_TRIED = 64
"""How far, and at how many objects, the end of a broken element is looked for first."""

_ROWS_OF_COLUMNS = 3
"""Values that lists must have to be taken for columns."""

_MANY_COLUMNS = 256
_MANY_CELLS = 1 << 20
"""A batch with more columns than that ends at so many cells, so that records with keys
that are always new do not take memory for each pair of them.
"""


def is_json(path: str | Path) -> bool:
    """Whether a file begins as a JSON object with a key, or an array of such objects,
    does. Whatever else is no text says False.
    """
    try:
        return _BEGINS_AS_JSON.match(read_sample(Path(path))) is not None
    except InputError:
        return False


def read_json(
    path: str | Path,
    encoding: str | None = None,
    block_bytes: int = BLOCK_BYTES,
    known: Set[str] = frozenset(),
    notes: list[str] | None = None,
) -> Iterator[Batch]:
    """Yield the objects of a file in batches, in the file's order.

    The objects are lines, stand one after the other with or without commas and line
    ends, are the elements of arrays, or those of a list in one object
    (``{"rows": [...]}``, which is told in ``notes``). Lines may be Python's dicts
    instead. ``known`` are names, normalised, by which a record is known from an object
    around records.

    The columns of a batch are the keys of its objects, in the order in which they
    appear. Text stays as it is, numbers are their own text, booleans ``true`` and
    ``false``, null is null, objects and lists are JSON. Faults: invalid_json,
    truncated_json (the file breaks off), not_an_object, invalid_encoding,
    record_too_long (lines). Raises InputError when the file cannot be read or holds
    something else than objects.
    """
    path = Path(path)
    sample = read_sample(path)
    encoding = encoding or find_encoding(path, sample)
    start = decode_sample(path, sample, encoding).lstrip("\0 \t\r\n")
    if not start.startswith(("[", "{")):
        raise InputError(
            f"{path}, line 1: JSON data begins with '[' (an array of objects) or '{{' "
            "(an object)."
        )
    if re.match(r"\[\s*\[", start):
        raise InputError(
            f"{path}, line 1: an array of arrays has no names of columns; write an "
            "array of objects, or CSV."
        )
    key = _key_of_records(path, start, known)
    if key is not None and notes is not None:
        notes.append(f"The records are the objects of the list {key!r}.")
    if key is None and start[0] == "{" and _has_lines(start):
        yield from _read_lines(path, encoding, block_bytes)
    else:
        yield from _read_stream(path, encoding, block_bytes, key)


def _has_lines(start: str) -> bool:
    """Whether the first line is meant to be whole, rather than a part of an object."""
    line, end, _ = start.partition("\n")
    return bool(end or len(line) < LINE_BYTES) and (
        line.rstrip().rstrip(",").endswith("}")
        or _PYTHON_OBJECT.match(line) is not None
        or not end
    )


def _key_of_records(  # noqa: PLR0911, PLR0912
    path: Path, start: str, known: Set[str]
) -> str | None:
    """The key of the list that holds the records, where an object is around them.

    Raises InputError where there are several such lists, or columns instead.
    """
    if not start.startswith("{") or re.match(r"\{\s*\}", start):
        return None
    lists: dict[str, Any] = {}
    others: dict[str, Any] = {}
    position, is_cut = 1, False
    while True:
        position = _after(_BETWEEN, start, position)
        try:
            name, position = _DECODER.raw_decode(start, position)
            if not isinstance(name, str) or isinstance(name, _Number):
                return None
            position = _after(_SPACE, start, position)
            if start[position : position + 1] != ":":
                return None
            position = _after(_SPACE, start, position + 1)
        except (json.JSONDecodeError, RecursionError):
            break
        is_record = normalise_name(name) in known
        if is_list := not is_record and re.compile(r"\[\s*(?=[{\]])").match(
            start, position
        ):
            try:
                first, _ = _DECODER.raw_decode(start, is_list.end())
            except (json.JSONDecodeError, RecursionError):
                first = {}
            lists[name] = first
        try:
            value, position = _DECODER.raw_decode(start, position)
        except (json.JSONDecodeError, RecursionError):
            is_cut = True
            break
        if name not in lists:
            others[name] = value
    rest = start[position:].strip()
    if not is_cut and (not rest.startswith("}") or rest[1:].strip(" \t\r\n,")):
        return None
    if not lists:
        _refuse_columns(path, others)
        return None
    fits = {name: _known_count(first, known) for name, first in lists.items()}
    best = [name for name, count in fits.items() if count == max(fits.values())]
    if _known_count(others, known) > max(fits.values()):
        return None
    if len(best) > 1:
        raise InputError(
            f"{path}, line 1: an object has several lists of records, "
            f"{', '.join(map(repr, best))}; write one of them to a file of its own."
        )
    return best[0]


def _known_count(value: Any, known: Set[str]) -> int:
    return len({normalise_name(name) for name in value} & known) if value else 0


def _refuse_columns(path: Path, value: dict[str, Any]) -> None:
    """Say how to write records for one object that holds whole columns."""
    split = {"columns", "data"} <= value.keys() and isinstance(value["data"], list)
    columns = list(value.values())
    of_lists = len(columns) > 1 and all(
        isinstance(column, list) and len(column) == len(columns[0]) >= _ROWS_OF_COLUMNS
        for column in columns
    )
    of_objects = len(columns) > 1 and all(
        isinstance(column, dict) and column.keys() == columns[0].keys() >= {"0", "1"}
        for column in columns
    )
    if split or of_lists or of_objects:
        raise InputError(
            f"{path}, line 1: one object with columns ({', '.join(value)}), not with "
            "records; write objects, as pandas does with orient='records'."
        )


class _Collector:
    """Objects and faults of one batch, numbered as they come."""

    def __init__(self) -> None:
        self.rows_before = 0
        self.broke_off = False
        self.last_keys: Set[str] = frozenset()
        self._names: dict[str, None] = {}
        self._objects: list[dict[str, str | None]] = []
        self._rows: list[int] = []
        self._lines: list[int] = []
        self._faults: list[Fault] = []

    def add(self, value: Any, line: int, text: str) -> None:
        """Take one value; ``text`` is what it was read from."""
        if not isinstance(value, dict):
            self.refuse("not_an_object", line, text)
            return
        if isinstance(value, _Repeated):
            self.refuse("invalid_json", line, text, "a key stands more than once")
            return
        try:
            if _HALF_CHARACTER.search(text) and not _is_utf8(_as_json(value)):
                self.refuse("invalid_encoding", line, text)
                return
            row = {column_name(key): _as_text(member) for key, member in value.items()}
        except RecursionError:
            self.refuse("invalid_json", line, text, "nested too deeply")
            return
        self.rows_before += 1
        self.broke_off = False
        self.last_keys = value.keys()
        self._names.update(dict.fromkeys(row))
        self._objects.append(row)
        self._rows.append(self.rows_before)
        self._lines.append(line)

    def refuse(
        self, reason: str, line: int, text: str, detail: str | None = None
    ) -> None:
        """Take one record that cannot be read."""
        self.rows_before += 1
        self.broke_off = reason == "truncated_json"
        data = text.encode("utf-8", "surrogateescape")
        detail = cut_detail(len(data), detail)
        self._faults.append(
            Fault(self.rows_before, line, reason, raw_text(data), detail)
        )

    @property
    def is_full(self) -> bool:
        """Whether more records would take more memory than they are worth."""
        columns = len(self._names)
        return columns > _MANY_COLUMNS and columns * len(self._rows) > _MANY_CELLS

    def batch(self, bytes_read: int) -> Batch:
        """What was taken since the last batch."""
        columns = {
            name: pa.array([row.get(name) for row in self._objects], pa.string())
            for name in self._names
        }
        records = with_positions(
            columns,
            np.array(self._rows, dtype=np.int64),
            np.array(self._lines, dtype=np.int64),
        )
        batch = Batch(records, fault_table(self._faults), bytes_read)
        self._objects, self._rows, self._lines, self._faults = [], [], [], []
        self._names = {}
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
            elif not _is_utf8(text):
                collector.refuse("invalid_encoding", line_number, text)
            else:
                is_end = block.is_last and index == len(lines) - 1
                _read_line(collector, text, line_number, is_end)
            if collector.is_full:
                yield collector.batch(block.bytes_read)
        yield collector.batch(block.bytes_read)


def _read_line(collector: _Collector, text: str, line: int, is_end: bool) -> None:
    """Take the objects of one line; what follows the last whole one is one fault."""
    if _PYTHON_OBJECT.match(text):
        try:
            value = _python_value(text)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            is_cut = is_end and not text.endswith("}")
            reason = "truncated_json" if is_cut else "invalid_json"
            collector.refuse(reason, line, text, "no Python dict either")
        else:
            collector.add(value, line, text)
        return
    position = 0
    while position < len(text):
        try:
            value, end = _DECODER.raw_decode(text, position)
        except (json.JSONDecodeError, RecursionError) as error:
            rest = text[position:]
            is_cut = is_end and not text.endswith("}")
            reason = "truncated_json" if is_cut else "invalid_json"
            collector.refuse(reason, line, rest, _what_is_broken(error, text))
            return
        collector.add(value, line, text[position:end])
        position = _after(_BETWEEN, text, end)


def _read_stream(  # noqa: PLR0912, PLR0915
    path: Path, encoding: str, block_bytes: int, key: str | None
) -> Iterator[Batch]:
    """Read objects that stand in arrays or one after the other, or in the list of
    ``key``.
    """
    collector = _Collector()
    text, position, line = "", 0, 1
    is_array = False
    is_first = True
    is_ended = False
    for block in text_chunks(path, encoding, block_bytes):
        text = text[position:] + block.text
        position = 0
        while not is_ended:
            if key is not None and is_first:
                opening = _opening(text, key)
                if opening is None:
                    break
                line += text.count("\n", 0, opening)
                position, is_array, is_first = opening, True, False
            begin = _after(_BETWEEN, text, position)
            line += text.count("\n", position, begin)
            position = begin
            if position >= len(text):
                break
            if not is_array and text[position] == "[":
                position, is_array, is_first = position + 1, True, False
                continue
            if is_array and text[position] == "]":
                position, is_array = position + 1, False
                is_ended = key is not None
                continue
            is_first = False
            try:
                value, end = _DECODER.raw_decode(text, position)
            except (json.JSONDecodeError, RecursionError) as error:
                waits = len(text) - position < ELEMENT_CHARACTERS and not block.is_last
                following = _resynchronised(text, position, collector.last_keys)
                if waits and (_is_cut(error, text) or following is None):
                    break
                reason = "truncated_json" if following is None else "invalid_json"
                end = len(text) if following is None else following
                element = text[position:end].strip().rstrip(", \t\r\n")
                detail = _what_is_broken(error, text)
                collector.refuse(reason, line, element, detail)
            else:
                if (
                    isinstance(value, _Number)
                    and end == len(text)
                    and not block.is_last
                ):
                    break
                element = text[position:end]
                if _is_utf8(element):
                    collector.add(value, line, element)
                else:
                    collector.refuse("invalid_encoding", line, element)
            line += text.count("\n", position, end)
            position = end
            if collector.is_full:
                yield collector.batch(block.bytes_read)
        if block.is_last and not collector.broke_off:
            if is_array:
                collector.refuse("truncated_json", line, "the array has no end")
            elif is_ended and not _is_rest_of_object(text[position:]):
                rest = text[position:].strip()
                collector.refuse("invalid_json", line, rest or "the object has no end")
        yield collector.batch(block.bytes_read)


def _opening(text: str, key: str) -> int | None:
    """Where the list of ``key`` in the object at the text's begin has its elements."""
    position = text.find("{") + 1
    while position:
        position = _after(_BETWEEN, text, position)
        try:
            name, position = _DECODER.raw_decode(text, position)
            position = _after(_SPACE, text, position)
            position = _after(_SPACE, text, position + 1)
            if name == key and text[position : position + 1] == "[":
                return position + 1
            _, position = _DECODER.raw_decode(text, position)
        except json.JSONDecodeError:
            return None
    return None


def _is_rest_of_object(rest: str) -> bool:
    """Whether the text ends the object around a list: ``, "count": 3}``."""
    try:
        _DECODER.decode("{" + rest.lstrip(", \t\r\n"))
    except (json.JSONDecodeError, RecursionError):
        return False
    return True


def _resynchronised(text: str, position: int, keys: Set[str]) -> int | None:
    """Where to go on behind a broken element: at the next object that has keys of the
    one before, else where its brackets close, else at the next object at all.
    """
    closed = _closed(text, position, position + _NEAR_CHARACTERS)
    first: int | None = None
    for match in islice(_NEXT_OBJECT.finditer(text, position + 1), _MOST_TRIED):
        if closed is not None and match.end() > closed:
            break
        try:
            value, _ = _DECODER.raw_decode(text, match.end())
        except (json.JSONDecodeError, RecursionError):
            continue
        if not keys or value.keys() & keys:
            return match.end()
        first = match.end() if first is None else first
    if closed is not None:
        return closed
    following = _NEXT_OBJECT.search(text, position + 1)
    if first is None and following is None:
        return _closed(text, position, len(text))
    return first or (following.end() if following else None)


def _closed(text: str, position: int, end: int) -> int | None:
    """Where the brackets that open at ``place`` are closed again before ``end``."""
    depth = 0
    if text[position] not in "{[":
        plain = re.compile(r"[^,\]\}\{\[]+(?=[,\]\}])").match(text, position)
        return plain.end() if plain else None
    for match in _STRUCTURE.finditer(text, position, end):
        depth += {"{": 1, "[": 1, "}": -1, "]": -1}.get(match.group(), 0)
        if depth == 0:
            return match.end()
    return None


def _is_cut(error: Exception, text: str) -> bool:
    """Whether the error may only mean that the text ends too early."""
    if not isinstance(error, json.JSONDecodeError):
        return False
    return "Unterminated" in error.msg or error.pos >= len(text) - 16


def _what_is_broken(error: Exception, text: str) -> str:
    if not isinstance(error, json.JSONDecodeError):
        return "nested too deeply"
    before = text[max(0, error.pos - 64) : error.pos].rstrip()
    if before.endswith(",") and text[error.pos : error.pos + 1] in ("}", "]"):
        return "a comma before the end"
    return error.msg


def _python_value(text: str) -> Any:
    """The value of a Python literal, numbers as written. Raises SyntaxError or
    ValueError.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        tree = ast.parse(text, mode="eval")
    data = text.encode()

    def value_of(node: ast.AST) -> Any:
        match node:
            case ast.Dict(keys=keys, values=values):
                pairs = zip(keys, values, strict=True)
                return _object(
                    [
                        (_key(value_of(k)), value_of(v))
                        for k, v in pairs
                        if k is not None
                    ]
                )
            case ast.List(elts=elements) | ast.Tuple(elts=elements):
                return [value_of(element) for element in elements]
            case ast.Constant(value=None | bool() | str() as value):
                return value
            case (
                ast.Constant(value=int() | float())
                | ast.UnaryOp(
                    op=ast.USub(), operand=ast.Constant(value=int() | float())
                )
            ):
                return _Number(data[node.col_offset : node.end_col_offset].decode())
            case ast.Name(id="nan" | "inf" as name):
                return _Number({"nan": "NaN", "inf": "Infinity"}[name])
        raise ValueError("no plain value")

    return value_of(tree.body)


def _key(value: Any) -> str:
    return value if isinstance(value, str) else _as_json(value)


def _after(pattern: re.Pattern[str], text: str, position: int) -> int:
    match = pattern.match(text, position)
    return match.end() if match else position


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
            f"{json.dumps(key, ensure_ascii=False)}:{_as_json(member)}"
            for key, member in value.items()
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
