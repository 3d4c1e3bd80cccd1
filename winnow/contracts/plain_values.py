"""Ordinary text as typed values: numbers, ISO times and unix times, read in Python.

Each reader gives what DuckDB would give for the text, and None for every text that it
is not sure about, which says nothing of whether the text is good. None of them tells
what is missing.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from typing import Any

EPOCH = dt.datetime(1970, 1, 1)

_WHOLE = re.compile(r"-?[0-9]{1,15}")
_NUMBER = re.compile(r"-?[0-9]{1,15}(?:\.[0-9]{1,15})?|[0-9]{16}")
_INSTANT = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}"
    r"(?:[T ](?:[01][0-9]|2[0-3]):[0-9]{2}:[0-9]{2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?)?"
)

_DIGITS_OF_DATES = (
    (1900, 2100),
    (19000101, 21001231),
    (190001010000, 210012312359),
    (19000101000000, 21001231235959),
)
"""Numbers that stand for a year, a date, or a date and a time of day."""


def _number(text: str) -> float | None:
    return float(text) if _NUMBER.fullmatch(text) else None


def _whole(text: str) -> int | None:
    return int(text) if _WHOLE.fullmatch(text) else None


def _boolean(text: str) -> bool | None:
    return {"true": True, "false": False}.get(text)


def _instant(text: str) -> dt.datetime | None:
    try:
        if _INSTANT.fullmatch(text):
            return _of_iso(text)
        number = _number(text)
        return None if number is None else _of_unix_time(number)
    except (ValueError, OverflowError):  # 30 February, or a year that Python lacks.
        return None


def _date(text: str) -> dt.date | None:
    try:
        if _INSTANT.fullmatch(text):
            return _of_iso(text).date()
        number = _number(text)
        if number is None:
            return None
        if 1000 <= number <= 9999:
            return dt.date(int(number), 1, 1) if number.is_integer() else None
        moment = _of_unix_time(number) if abs(number) >= 1e8 else None
        return None if moment is None else moment.date()
    except (ValueError, OverflowError):
        return None


def _of_iso(text: str) -> dt.datetime:
    moment = dt.datetime.fromisoformat(text)
    offset = moment.utcoffset()
    return moment.replace(tzinfo=None) - offset if offset is not None else moment


def _of_unix_time(number: float) -> dt.datetime | None:
    """An instant whose unit is told by its size (docs/contracts.md), rounded to
    microseconds, halves away from zero; None for nanoseconds, and for what may be a
    year or the digits of a date.
    """
    if any(first <= number <= last for first, last in _DIGITS_OF_DATES):
        return None
    size = abs(number)
    for limit, factor in ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0)):
        if size < limit:
            exact = size * factor
            whole = math.floor(exact)
            rounded = whole + (exact - whole >= 0.5)
            return EPOCH + dt.timedelta(
                microseconds=rounded if number >= 0 else -rounded
            )
    return None


PLAIN_READERS: dict[str, Callable[[str], Any]] = {
    "varchar": str,
    "bigint": _whole,
    "double": _number,
    "boolean": _boolean,
    "date": _date,
    "timestamp": _instant,
}
"""Read ordinary text as a type; None means that DuckDB must be asked."""
