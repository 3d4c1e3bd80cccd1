"""What a rejected record has broken, as a sentence per rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from winnow.contracts.entities import Column, Entity

_SHOWN_CHARACTERS = 80

_TYPES = {
    "bigint": "a whole number",
    "double": "a number",
    "boolean": "true or false",
    "date": "a date",
    "timestamp": "a time",
}

_DEMANDS = {
    "accepted_values": "be one of the values in seeds/{}.csv",
    "minimum": "be at least {}",
    "maximum": "be at most {}",
    "max_length": "have at most {:,} characters",
    "format": "match {} from its beginning to its end",
    "type": "be {}",
    "required": "be {}",
}

_FAULTS = {
    "too_few_fields": "the record has fewer fields than the header",
    "too_many_fields": "the record has more fields than the header",
    "broken_quoting": "a quote is opened and not closed, or stands inside a field",
    "invalid_encoding": "the record has bytes that are not text in the file's encoding",
    "nul_byte": "the record holds a NUL byte",
    "invalid_json": "the record is not valid JSON",
    "truncated_json": "the file breaks off within the record",
    "not_an_object": "the record is JSON, but no object",
    "wrong_tenant": "the record says that it belongs to another tenant",
    "repeated_header": "the header stands here again",
    "record_too_long": "the record is longer than a record may be",
}


@dataclass(frozen=True)
class Violation:
    """A rule that a record breaks. ``column`` is None where the record has no columns,
    ``value`` None where the value is missing.
    """

    rule: str
    column: str | None
    value: str | None
    message: str


def violation(
    entity: Entity, reason: str, payload: Mapping[str, str | None] | None
) -> Violation:
    """The violation behind one of ``rejected_records.reasons`` (``<column>.<rule>``).

    ``payload`` is the record by its raw columns, None for one that could not be read.
    """
    column_name, _, rule = reason.rpartition(".")
    column = next(
        (known for known in entity.columns if known.name == column_name), None
    )
    if payload is None or (column is None and column_name == "record"):
        sentence = _FAULTS.get(rule, f"the record breaks the rule {rule}")
        return Violation(rule, None, None, sentence)
    value = payload.get(column_name)
    demand = _demand(column, rule) if column else None
    demanded = f"must {demand}" if demand else f"breaks the rule {rule}"
    message = f"{column_name} {demanded}, and {_is(rule, value)}"
    return Violation(rule, column_name, value, message)


def _demand(column: Column, rule: str) -> str | None:
    """What the rule asks of the column's values, to be read after "must"; None when the
    contract no longer has the rule.
    """
    if rule == "accepted_values" and column.accepted_values is not None:
        return f"be one of {', '.join(column.accepted_values)}"
    bound = {
        "accepted_values": column.accepted_values_from,
        "minimum": column.minimum,
        "maximum": column.maximum,
        "max_length": column.max_length,
        "format": column.format,
        "type": _TYPES.get(column.data_type),
        "required": "given",
    }.get(rule)
    return None if bound is None else _DEMANDS[rule].format(bound)


def _is(rule: str, value: str | None) -> str:
    if rule == "required" or value is None:
        return "is missing"
    if rule == "max_length":
        return f"has {len(value.strip()):,}"
    if len(value) > _SHOWN_CHARACTERS:
        value = value[: _SHOWN_CHARACTERS - 1] + "…"
    return f"is '{value}'"
