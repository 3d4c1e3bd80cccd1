"""Ids that a program wrote as numbers with a point or a power of ten."""

from __future__ import annotations

import re
from decimal import Decimal

POINT = r"^(\s*[+-]?\d+)\.0*(\s*)$"
"""A whole number with a point, such as 3.0; its digits, and the blanks behind it."""

POWER = r"^\s*[+-]?(\d+\.\d*[eE][+-]?\d+|\d+[eE]\+\d+)\s*$"
"""A number with a power of ten, such as 1.5E7."""

_LONGEST_POWER = 40


def whole_of(text: str) -> str | None:
    """The digits of a number with a power of ten, such as 1.5E7; None where it is none,
    has a fraction or more than 41 digits.
    """
    if not re.fullmatch(POWER, text):
        return None
    number = Decimal(text.strip())
    if number.adjusted() > _LONGEST_POWER or number != number.to_integral_value():
        return None
    return format(number.quantize(Decimal(1)), "f")
