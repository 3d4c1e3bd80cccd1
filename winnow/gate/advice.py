"""What is wrong with a value, and which option or setting helps: a sentence each."""

from __future__ import annotations

import re
from collections.abc import Sequence

from winnow.contracts.entities import Column
from winnow.contracts.tenants import TenantSettings, of_tenant

_SHOWN_CHARACTERS = 80
_SETTINGS = "seeds/tenant_settings.csv"
_TIMES = ("date", "timestamp")
_DAYS = re.compile(r"\s*([0-9]{1,2})[/.-]([0-9]{1,2})[/.-](?:[0-9]{4}|[0-9]{2})(?!\d)")
_DECIMAL_COMMA = re.compile(r"\s*[+-]?[0-9]{1,3}(?:[0-9]*|(?:[. ][0-9]{3})*),[0-9]+\s*")
_NUMBER = re.compile(r"\s*[+-]?[0-9]+(?:\.[0-9]*)?\s*")

_TYPES = {
    "varchar": "no plain text",
    "bigint": "no whole number",
    "double": "no number",
    "boolean": "neither true nor false",
    "date": "no date",
    "timestamp": "no time",
}

_OF_UNREADABLE = {
    "too_few_fields": "--delimiter and --no-quoting say how fields are parted",
    "too_many_fields": "--delimiter and --no-quoting say how fields are parted",
    "broken_quoting": "--no-quoting reads quotes as plain text",
    "invalid_encoding": "--encoding says how the file is encoded, such as latin-1",
}


def fault(
    column: Column,
    rule: str,
    value: str | None,
    typed: str | None,
    tenant: str,
    settings: TenantSettings,
) -> str:
    """What a value breaks: ``interacted_at 12345 is 1970-01-01 03:25:45, before
    2000-01-01 (earliest_interacted_at of tenant acme)``. ``typed`` is the value as its
    type, written as text; None where there is none.
    """
    if value is None:
        return f"{column.name} is missing"
    shown = value if len(value) <= _SHOWN_CHARACTERS else f"{value[:79]}…"
    name = f"{column.name} {shown!r}"
    if rule == "type":
        return f"{name} is {_TYPES[column.data_type]}"
    if rule == "max_length":
        return f"{name} has {len(value.strip()):,} characters, over {column.max_length}"
    if rule == "format":
        return f"{name} does not match {column.format}"
    if rule in ("minimum", "maximum"):
        bound, whose = bound_of(column, rule, tenant, settings)
        is_time = column.data_type in _TIMES
        words = ("before", "after") if is_time else ("below", "above")
        decoded = f"{typed}, " if is_time and typed is not None else ""
        return f"{name} is {decoded}{words[rule == 'maximum']} {bound} ({whose})"
    return f"{name} is not one of the accepted values"


def bound_of(
    column: Column, rule: str, tenant: str, settings: TenantSettings
) -> tuple[str, str]:
    """A column's bound (``minimum`` or ``maximum``) for a tenant, and whose it is."""
    setting = column.minimum_from if rule == "minimum" else column.maximum_from
    declared = column.minimum if rule == "minimum" else column.maximum
    own = of_tenant(settings, setting, tenant)
    if own is not None:
        return own.removesuffix(" 00:00:00"), f"{setting} of tenant {tenant}"
    return str(declared), "the contract's bound"


def advice(column: Column, rule: str, examples: Sequence[str]) -> str:
    """A sentence on what helps where many values break a rule; ``examples`` are some of
    them.
    """
    name = column.name
    elsewhere = f"--map {name}=COLUMN takes {name} from another column"
    if not column.required and rule != "required":
        elsewhere += f", --ignore {name} leaves it out"
    if rule == "type":
        return _advice_of_type(column, examples, elsewhere)
    setting = {"minimum": column.minimum_from, "maximum": column.maximum_from}.get(rule)
    first = ""
    if rule == "required" and column.required_from is not None:
        first = "The tenant's events have times, and then all must; "
    elif rule == "accepted_values" and column.accepted_values_from is not None:
        first = f"Add what is meant to seeds/{column.accepted_values_from}.csv; "
    elif rule == "accepted_values":
        first = f"Accepted are {', '.join(column.accepted_values or ())}; "
    elif rule == "max_length":
        first = f"{_OF_UNREADABLE['too_few_fields']}; "
    elif setting is not None:
        first = f"{setting} in {_SETTINGS} sets a tenant's own bound; "
    elif rule in ("minimum", "maximum") and column.missing_numbers_from is not None:
        none = f"{column.missing_numbers_from} in {_SETTINGS}"
        first = f"{none} lists numbers that mean that none was given; "
    return f"{first}{elsewhere}."


def advice_on_unreadable(reason: str) -> str:
    """The same for records whose structure is broken, by their commonest reason."""
    known = _OF_UNREADABLE.get(reason)
    return f"{known}." if known else ""


def _advice_of_type(column: Column, examples: Sequence[str], elsewhere: str) -> str:
    if column.data_type in _TIMES:
        days = [found for one in examples if (found := _DAYS.match(one))]
        orders = {
            order
            for found in days
            for order, part in (("dmy", 1), ("mdy", 2))
            if int(found[part]) > 12
        }
        if len(orders) == 1:
            return f"Load with --dates {orders.pop()}."
        if orders:
            return "Days and months stand in two orders: load the files apart."
        if days:
            return "--dates dmy or --dates mdy says whether the day or the month leads."
        return (
            f"Times are ISO 8601 or numbers since 1970 (docs/loading.md); {elsewhere}."
        )
    if column.data_type in ("double", "bigint") and any(
        _DECIMAL_COMMA.fullmatch(one) for one in examples
    ):
        return "Load with --decimal-comma."
    return f"{elsewhere}."
