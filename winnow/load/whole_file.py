"""What a value means by the other values of its column in the file: ids that were
numbers with a fraction, and dates whose order of day and month has to be told.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.contracts.entities import Column, Entity
from winnow.contracts.macros import characters, missing_tokens
from winnow.contracts.whole_numbers import POINT, POWER, whole_of
from winnow.core.errors import InputError
from winnow.readers.source_files import FileFacts

Columns = Mapping[str, Any]
"""Contract columns of some records as text, with ``row_number`` and ``line_number``."""

_PLAIN = r"^\s*[+-]?\d+(\.0*)?\s*$"
_FLOAT = rf"{POINT}|{POWER}"

_DATE = (
    r"^\s*(?P<first>\d{1,2})[/.-](?P<second>\d{1,2})(?P<mark>[/.-])"
    r"(?P<year>\d{4}|\d{2})(?:\D|$)"
)
_NESTED = r"(?s)^\s*(\[.*\]|\{\s*\}|\{.*[:,\"'].*\})\s*$"


def _marked(marks: bytes) -> npt.NDArray[np.bool_]:
    table = np.zeros(256, dtype=np.bool_)
    table[list(marks)] = True
    return table


_DATE_MARKS = _marked(b"/.-")
_BRACKETS = _marked(b"[{" + bytes(range(33)))
_NO_DIGIT = _marked(bytes([*range(33), *range(128, 256)]))


class _Date(NamedTuple):
    """A date that does not begin with the year, and where it stands."""

    text: str
    place: str


class WholeFile:
    """The facts about one file that need all of its records, found when they matter.

    ``again`` reads the file's columns from the beginning. Ordinary files are read once:
    only a batch with a doubtful value in it makes for a second pass.
    """

    def __init__(
        self,
        entity: Entity,
        path: str,
        again: Callable[[], Iterator[Columns]],
        date_order: str | None,
    ) -> None:
        """``date_order`` is what the user says, None where the file has to tell."""
        self._entity = entity
        self._path = path
        self._again = again
        self._is_asked = date_order is None
        self._told_by: _Date | None = None
        self._is_whole: dict[str, bool] = {}
        self._odd_ids: dict[str, str] = {}
        self._changed: Counter[str] = Counter()
        self._unseen: Counter[str] = Counter()
        self._nested: Counter[str] = Counter()
        self._nested_example: dict[str, str] = {}
        self.date_order = date_order

    def understood(self, columns: Columns) -> Columns:
        """The columns with ids as they were before they became numbers with a fraction;
        ``date_order`` then holds for their dates.

        Raises InputError, naming a line, when nothing in the file tells the order of
        its dates, or when two dates tell different ones.
        """
        if self._is_asked:
            self._order(columns)
        changed = dict(columns)
        for column in self._entity.columns:
            if column.is_id:
                changed[column.name] = self._id(column, columns)
        return changed

    def tell(self, facts: FileFacts) -> None:
        """Add what was found out to the file's facts."""
        facts.notes += [
            f"{name}: {count:,} whole numbers with a decimal point, such as 3.0, are "
            "read as 3."
            for name, count in self._changed.items()
        ]
        facts.notes += [
            f"{name}: some values are written like 3.0, but not all are whole numbers "
            f"({odd}), so that all stay as they are."
            for name, odd in self._odd_ids.items()
        ]
        facts.notes += [
            f"{name}: {count:,} values with invisible characters or odd blanks, which "
            "are removed."
            for name, count in self._unseen.items()
        ]
        facts.notes += [
            f"{name}: {count:,} objects or lists, such as "
            f"{self._nested_example[name]}, are no ids and will be rejected; --map "
            f"{name}={facts.columns.get(name, name)}.KEY takes a member of an object."
            for name, count in self._nested.items()
        ]

    # Ids

    def _id(self, column: Column, columns: Columns) -> pa.Array | pa.ChunkedArray:
        name, values = column.name, columns[column.name]
        if not len(values) or values.null_count == len(values):
            return values
        chunks = _chunks(values)
        if any(_has_byte(chunk, 128, 255) for chunk in chunks):
            count = _count(values, _unseen_pattern())
            if count:
                self._unseen[name] += count
        if any(_first_bytes(chunk, _BRACKETS).any() for chunk in chunks):
            found = values.filter(pc.match_substring_regex(values, _NESTED))
            if len(found):
                self._nested[name] += len(found)
                example = str(found[0].as_py()).strip()
                self._nested_example.setdefault(name, _cut(example))
        if not any(_has_byte(chunk, 43, 46) for chunk in chunks):  # + , - .
            return values
        count = _count(values, _FLOAT)
        if not count or not self._all_whole(name):
            return values
        self._changed[name] += count
        values = pc.replace_substring_regex(values, POINT, r"\1\2")
        is_power = pc.fill_null(pc.match_substring_regex(values, POWER), False)
        if pc.any(is_power).as_py():
            whole = [
                whole_of(text) if power else text
                for text, power in zip(
                    values.to_pylist(), is_power.to_pylist(), strict=True
                )
            ]
            values = pa.array(whole, pa.string())
        return values

    def _all_whole(self, name: str) -> bool:
        """Whether all values of an id column that are not missing are whole numbers."""
        if name not in self._is_whole:
            odd = next(filter(None, map(_odd_one_of(name), self._again())), None)
            self._is_whole[name] = odd is None
            if odd is not None:
                self._odd_ids[name] = _cut(odd)
        return self._is_whole[name]

    # Dates

    def _order(self, columns: Columns) -> None:
        found = self._dates(columns)
        if not found:
            return
        if self.date_order is None:
            first = found.get("ymd") or next(iter(found.values()))
            for batch in self._again():
                if told := self._told(self._dates(batch)):
                    self.date_order, self._told_by = told
                    break
            else:
                raise self._undecided(first)
        other = found.get("mdy" if self.date_order == "dmy" else "dmy")
        if other and self._told_by:
            raise InputError(
                f"{self._path}: {self._told_by.text!r} ({self._told_by.place}) has the "
                f"parts of its date in the order {self.date_order}, {other.text!r} "
                f"({other.place}) in another; say which one is meant with --dates mdy "
                "or --dates dmy, and the other dates are rejected."
            )

    def _told(self, found: Mapping[str, _Date]) -> tuple[str, _Date] | None:
        both = [(order, date) for order, date in found.items() if order != "ymd"]
        return both[0] if both else None

    def _undecided(self, date: _Date) -> InputError:
        parts = re.match(_DATE, date.text)
        assert parts is not None
        first, second, year = (parts[name] for name in ("first", "second", "year"))
        return InputError(
            f"{self._path}, {date.place}: {date.text!r} may be month {int(first)}, day "
            f"{int(second)} or day {int(first)}, month {int(second)} of {year}, and no "
            "date of the file tells which; say it with --dates mdy or --dates dmy."
        )

    def _dates(self, columns: Columns) -> dict[str, _Date]:
        """The first date that has its day first (dmy), second (mdy), and that does not
        tell (ymd).
        """
        found: dict[str, _Date] = {}
        for column in self._entity.columns:
            if column.data_type not in ("date", "timestamp"):
                continue
            values = columns[column.name]
            if values.null_count == len(values):
                continue
            may_be = np.concatenate([_may_be_dates(one) for one in _chunks(values)])
            if not may_be.any():
                continue
            rows = np.flatnonzero(may_be)
            texts = values.take(pa.array(rows))
            parts = pc.extract_regex(texts, _DATE)
            if isinstance(parts, pa.ChunkedArray):
                parts = parts.combine_chunks()
            is_date = pc.is_valid(parts).to_numpy(zero_copy_only=False)
            if not is_date.any():
                continue
            rows, parts = rows[is_date], parts.filter(pa.array(is_date))
            first, second = (
                pc.cast(pc.struct_field(parts, n), pa.int32()).to_numpy()
                for n in (0, 1)
            )
            is_short = pc.equal(pc.binary_length(pc.struct_field(parts, 3)), 2)
            is_dash = pc.equal(pc.struct_field(parts, 2), "-")
            # 24-07-15 may well begin with its year.
            year_first = pc.and_(is_short, is_dash).to_numpy(zero_copy_only=False)
            tells = {
                "dmy": (first > 12) & (first <= 31) & ~year_first,
                "mdy": (second > 12) & (second <= 31) & (first <= 12),
            }
            tells["ymd"] = ~(tells["dmy"] | tells["mdy"])
            for order, is_one in tells.items():
                if is_one.any() and order not in found:
                    row = int(rows[np.flatnonzero(is_one)[0]])
                    text = str(values[row].as_py()).strip()
                    found[order] = _Date(_cut(text), _place(columns, row))
        return found


def _place(columns: Columns, row: int) -> str:
    line = columns["line_number"][row].as_py()
    if line is not None:
        return f"line {line}"
    return f"row {columns['row_number'][row].as_py()}"


def _odd_one_of(name: str) -> Callable[[Columns], str | None]:
    """Finds a value of an id column that is given and no whole number."""
    missing = frozenset(missing_tokens())

    def odd_one(columns: Columns) -> str | None:
        values = pc.drop_null(columns[name])
        is_other = pc.invert(pc.match_substring_regex(values, _PLAIN))
        for one in pc.unique(values.filter(is_other)).to_pylist():
            text = str(one).strip()
            if text.lower() not in missing and whole_of(text) is None:
                return text
        return None

    return odd_one


@lru_cache(maxsize=1)
def _unseen_pattern() -> str:
    """Invisible characters anywhere, and blanks beyond ASCII around a value."""

    def listed(some: str) -> str:
        return "".join(f"\\x{{{ord(one):X}}}" for one in some)

    blanks = characters("blank_characters")
    odd = listed("".join(one for one in blanks if ord(one) > 127))
    unseen, blank = listed(characters("invisible_characters")), listed(blanks)
    return f"[{unseen}]|^[{blank}]*[{odd}]|[{odd}][{blank}]*$"


def _chunks(values: pa.Array | pa.ChunkedArray) -> list[pa.Array]:
    chunks = values.chunks if isinstance(values, pa.ChunkedArray) else [values]
    return [
        one if one.type == pa.string() else pc.cast(one, pa.string()) for one in chunks
    ]


def _count(values: pa.Array | pa.ChunkedArray, pattern: str) -> int:
    is_match = pc.match_substring_regex(values, pattern)
    return int(pc.sum(pc.cast(is_match, pa.int64())).as_py() or 0)


def _bytes_of(
    chunk: pa.Array,
) -> tuple[
    npt.NDArray[np.uint8],
    npt.NDArray[np.int32],
]:
    """All bytes of a chunk's texts, and where each text begins; the last number is the
    end.
    """
    _, offsets, data = chunk.buffers()
    if offsets is None or data is None or not len(chunk):
        return np.zeros(0, np.uint8), np.zeros(len(chunk) + 1, np.int32)
    starts = np.frombuffer(offsets, np.int32)[
        chunk.offset : chunk.offset + len(chunk) + 1
    ]
    return np.frombuffer(data, np.uint8), starts


def _has_byte(chunk: pa.Array, lowest: int, highest: int) -> bool:
    """Whether a chunk has a byte within these bounds."""
    data, starts = _bytes_of(chunk)
    own = data[starts[0] : starts[-1]]
    return bool(((own >= lowest) & (own <= highest)).any())


def _first_bytes(
    chunk: pa.Array, table: npt.NDArray[np.bool_], place: int = 0
) -> npt.NDArray[np.bool_]:
    """Which texts may have a byte of the table at a place; short texts may say yes
    wrongly.
    """
    data, starts = _bytes_of(chunk)
    if not len(data):
        return np.zeros(len(chunk), np.bool_)
    return table[data[np.minimum(starts[:-1] + place, len(data) - 1)]]


def _may_be_dates(chunk: pa.Array) -> npt.NDArray[np.bool_]:
    """Which texts may begin with one or two digits and a mark of a date."""
    is_marked = _first_bytes(chunk, _DATE_MARKS, 1) | _first_bytes(
        chunk, _DATE_MARKS, 2
    )
    return is_marked | _first_bytes(chunk, _NO_DIGIT)


def _cut(text: str) -> str:
    return text if len(text) <= 40 else text[:39] + "…"
