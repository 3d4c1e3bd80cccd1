"""The contracts as Pydantic models, for records that come one at a time.

A model takes a record as its sender wrote it (text, JSON numbers and booleans, null),
gives typed values under canonical names, and refuses what the other gates refuse, for
the same reasons. Ordinary values are judged in Python. Any other text is put to DuckDB
in the words of ``winnow.contracts.rules``, so that nothing here imitates how DuckDB
reads numbers and times.
"""

from __future__ import annotations

import datetime as dt
import json
import math
import re
import threading
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any

import duckdb
from pydantic import BaseModel, ConfigDict, Field, PlainValidator, create_model
from pydantic_core import (
    InitErrorDetails,
    PydanticCustomError,
    PydanticUndefined,
    ValidationError,
)

from winnow.contracts.entities import DATE_ORDERS, Column, Entity, contract
from winnow.contracts.plain_values import EPOCH, PLAIN_READERS
from winnow.contracts.rules import (
    ANY_TENANT,
    TenantSettings,
    accepted_pairs,
    characters,
    missing_tokens,
    numbers_of,
    of_tenant,
    quoted_name,
    quoted_text,
    rules_of,
    tenant_settings,
    tokens_of,
    typed_sql,
)

_BLANKS = characters("blank_characters")
_INVISIBLE = characters("invisible_characters")
_NOTHING = dict.fromkeys(map(ord, _INVISIBLE))
_LOWERED_TO_ASCII = re.compile("[\u0130\u212a]")
"""The letters beyond ASCII whose lower case, to DuckDB, is ASCII."""

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))
_PYTHON_TYPES: dict[str, Any] = {
    "varchar": str,
    "bigint": int,
    "double": float,
    "boolean": bool,
    "date": dt.date,
    "timestamp": dt.datetime,
}
_TIMES = ("date", "timestamp")


def record_model(
    source: str,
    entity: str,
    *,
    tenant: str = ANY_TENANT,
    date_order: str = "ymd",
    seeds: Path | None = None,
    needs_times: bool = False,
) -> type[BaseModel]:
    """The model of one entity's records, derived from its contract.

    Its keys are the contract's columns; others are ignored. Its attributes have the
    canonical names: None where a value is missing, numbers as int and float, instants
    as datetime without zone, in UTC. ``tenant`` decides which values a seed in
    ``seeds`` accepts (``*`` only has those of all tenants), ``date_order`` (ymd, mdy,
    dmy) how dates such as 12/1/2010 are read. ``needs_times`` is what
    ``validated.tenant_times`` says of the tenant: its interactions must have times. A
    model, and the seed behind it, is made once per process.

    A refused record raises pydantic's ValidationError, with one error for each rule
    that a column breaks: ``type`` is the rule (``missing`` where a required key is not
    there) and ``loc`` the column; ``reasons_of`` reads them. Raises ContractError when
    there is no such entity, and ValueError for any other order of dates.
    """
    return _model(contract(source, entity), tenant, date_order, seeds, needs_times)


def violations(
    entity: Entity,
    record: Any,
    tenant: str = ANY_TENANT,
    date_order: str = "ymd",
    seeds: Path | None = None,
    needs_times: bool = False,
) -> list[str]:
    """The reasons to refuse a record, in the contract's order and as they stand in
    ``rejected_records.reasons``; empty when it keeps every rule. The arguments are
    those of ``record_model``.
    """
    try:
        model = _model(entity, tenant, date_order, seeds, needs_times)
        model.model_validate(record)
    except ValidationError as error:
        return reasons_of(error)
    return []


def reasons_of(error: ValidationError) -> list[str]:
    """The errors of a model as ``<column>.<rule>``.

    A record that is no object, or holds text that is not Unicode, has no columns to
    speak of, as in a file: ``record.not_an_object`` or ``record.invalid_encoding``.
    """
    reasons = []
    for one in error.errors(include_url=False, include_context=False):
        if not one["loc"]:
            return ["record.not_an_object"]
        if one["type"] == "invalid_encoding":
            return ["record.invalid_encoding"]
        rule = "required" if one["type"] == "missing" else one["type"]
        reasons.append(f"{one['loc'][0]}.{rule}")
    return reasons


@lru_cache(maxsize=1024)
def _model(
    entity: Entity, tenant: str, date_order: str, seeds: Path | None, needs_times: bool
) -> type[BaseModel]:
    if date_order not in DATE_ORDERS:
        raise ValueError(
            f"{date_order!r} is no order of dates; there are {', '.join(DATE_ORDERS)}."
        )
    accepted = accepted_pairs(entity, seeds)
    tokens, settings = missing_tokens(), tenant_settings(seeds)
    fields: dict[str, Any] = {}
    for declared in entity.columns:
        column = _settled(declared, tenant, settings, needs_times)
        judge = _Judge(entity, column, tenant, date_order, accepted, tokens, settings)
        extra: dict[str, Any] = {
            "formatMinimum": column.minimum if column.data_type in _TIMES else None,
            "formatMaximum": column.maximum if column.data_type in _TIMES else None,
            "x-accepted-values": sorted(judge.legal) if judge.legal else None,
        }
        fields[column.canonical_name] = (
            Annotated[
                _PYTHON_TYPES[column.data_type] | None,
                PlainValidator(judge, json_schema_input_type=_input_type(column)),
            ],
            Field(
                default=PydanticUndefined if column.required else None,
                validation_alias=column.name,
                description=column.description,
                json_schema_extra={k: v for k, v in extra.items() if v is not None},
            ),
        )
    words = f"{entity.source}_{entity.name}".split("_")
    model: type[BaseModel] = create_model(
        "".join(map(str.capitalize, words)),
        __config__=ConfigDict(frozen=True, protected_namespaces=()),
        __doc__=entity.description.strip(),
        **fields,
    )
    return model


def _settled(
    column: Column, tenant: str, settings: TenantSettings, needs_times: bool
) -> Column:
    """The column with what holds for the tenant."""
    minimum = of_tenant(settings, column.minimum_from, tenant)
    maximum = of_tenant(settings, column.maximum_from, tenant)
    return replace(
        column,
        required=column.required or (needs_times and column.required_from is not None),
        minimum=column.minimum if minimum is None else minimum,
        maximum=column.maximum if maximum is None else maximum,
    )


def _input_type(column: Column) -> Any:
    """What may be given, for the JSON schema: the typed value with the contract's
    bounds, or text, of which a schema cannot tell whether it is in them.
    """
    bounds = Field(ge=column.minimum, le=column.maximum)
    whole_text = column.format and f"^(?:{column.format})$"
    given: Any = {
        "varchar": Annotated[
            str, Field(max_length=column.max_length, pattern=whole_text)
        ]
        | float
        | bool,
        "bigint": Annotated[int, bounds] | str,
        "double": Annotated[float, bounds] | str,
        "boolean": bool | str,
        "date": str | float,
        "timestamp": str | float,
    }[column.data_type]
    return given if column.required else given | None


class _Judge:
    """Says what a value of one column is, or which rules it breaks."""

    def __init__(
        self,
        entity: Entity,
        column: Column,
        tenant: str,
        date_order: str,
        accepted: Mapping[str, Sequence[str]],
        tokens: Sequence[str],
        settings: TenantSettings,
    ) -> None:
        """``accepted`` has the ``tenant:value`` pairs of the seeds, ``tokens`` what
        means "missing" where the column does not say, ``settings`` what tenants set.
        """
        self._column = column
        self._asked_of = (tenant, date_order)
        self._question = _question(entity, column, accepted, tokens, settings)
        rules = _rules(entity, column, accepted, settings)
        self._rules = [rule.name for rule in rules]
        own_tokens = tokens_of(column, tokens)
        self._missing = frozenset(own_tokens)
        numbers = of_tenant(settings, column.missing_numbers_from, tenant)
        self._missing_numbers = frozenset(numbers_of(numbers))
        self._longest_missing = max(map(len, own_tokens), default=0)
        self._ascii_missing = all(map(str.isascii, own_tokens))
        self._read = PLAIN_READERS[column.data_type]
        self._is_text = column.data_type == "varchar"
        self._minimum = _bound(column, column.minimum)
        self._maximum = _bound(column, column.maximum)
        self.legal = _legal_values(column, tenant, accepted)
        self._always_ask = column.format is not None or (
            column.accepted_values is not None
            and column.accepted_values_from is not None
        )

    def __call__(self, given: Any) -> Any:
        """The typed value; None where it is missing. Raises ValidationError with an
        error for each rule that it breaks.
        """
        if self._column.is_id and type(given) is float and given.is_integer():
            given = int(given)  # To JSON, 3.0 and 3 are one number.
        text = given if type(given) is str else _as_text(given)
        value, broken = (None, None) if text is None else self._judged(text)
        if value is None and broken is None:
            broken = ["required"] if self._column.required else None
        if not broken:
            return value
        errors: list[InitErrorDetails] = [
            {"type": _error(self._column, rule), "loc": (), "input": given}
            for rule in broken
        ]
        raise ValidationError.from_exception_data(self._column.name, errors)

    def _judged(self, text: str) -> tuple[Any, list[str] | None]:
        """The value, None where it is missing, and the rules that it breaks."""
        trimmed = text.strip(_BLANKS)
        is_plain = trimmed.isascii()
        if not is_plain:
            if self._column.is_id:
                trimmed = trimmed.translate(_NOTHING)
            trimmed = trimmed.strip(_BLANKS + _INVISIBLE)
            is_plain = trimmed.isascii()
        if not is_plain and not _is_unicode(trimmed):
            return None, ["invalid_encoding"]
        if not is_plain and (
            not self._ascii_missing or _LOWERED_TO_ASCII.search(trimmed)
        ):
            return self._ask(text)
        if len(trimmed) <= self._longest_missing and trimmed.lower() in self._missing:
            return None, None
        may_be_nested = self._is_text and trimmed.startswith(("[", "{"))
        if (
            self._always_ask
            or may_be_nested
            or (self.legal is not None and not is_plain)
        ):
            return self._ask(text)
        value = self._read(trimmed)
        if value is None:
            return self._ask(text)
        is_missing = bool(self._missing_numbers) and value in self._missing_numbers
        return (None, None) if is_missing else (value, self._broken(trimmed, value))

    def _broken(self, trimmed: str, value: Any) -> list[str]:
        """The rules that an ordinary value breaks."""
        broken = []
        if self.legal is not None and trimmed.lower() not in self.legal:
            broken.append("accepted_values")
        if self._minimum is not None and value < self._minimum:
            broken.append("minimum")
        if self._maximum is not None and value > self._maximum:
            broken.append("maximum")
        if (most := self._column.max_length) is not None and len(trimmed) > most:
            broken.append("max_length")
        return broken

    def _ask(self, text: str) -> tuple[Any, list[str] | None]:
        """The same of any text, from DuckDB."""
        is_missing, value, *verdicts = _duckdb.ask(
            self._question, (*self._asked_of, text)
        )
        if is_missing:
            return None, None
        broken = [
            rule
            for rule, kept in zip(self._rules, verdicts, strict=True)
            if kept is False
        ]
        if broken or self._column.data_type not in _TIMES:
            return value, broken
        try:
            moment = EPOCH + dt.timedelta(microseconds=value)
        except OverflowError:  # Beyond the year 9999, and the contract has no bounds.
            return None, ["type"]
        return moment.date() if self._column.data_type == "date" else moment, broken


class _DuckDB(threading.local):
    """A connection per thread, and the questions that it has been prepared for."""

    def __init__(self) -> None:
        self._connection = duckdb.connect(":memory:", config={"threads": 1})
        self._connection.execute("set TimeZone = 'UTC'")
        self._prepared: dict[str, str] = {}

    def ask(self, question: str, arguments: Sequence[str]) -> tuple[Any, ...]:
        """The one row that a question with these parameters gives."""
        name = self._prepared.get(question)
        if name is None:
            # Planning a question about a time costs 40 ms, asking it again half of one.
            name = f"question_{len(self._prepared)}"
            self._connection.execute(f"prepare {name} as {question}")
            self._prepared[question] = name
        # EXECUTE takes no parameters through Python, and SQL no NUL.
        texts = ", ".join(
            quoted_text(one).replace("\0", "' || chr(0) || '") for one in arguments
        )
        row = self._connection.execute(f"execute {name}({texts})").fetchone()
        assert row is not None
        return row


_duckdb = _DuckDB()


def _alone(entity: Entity, column: Column) -> Entity:
    return replace(entity, columns=(column,))


def _rules(
    entity: Entity,
    column: Column,
    accepted: Mapping[str, Sequence[str]],
    settings: TenantSettings,
) -> list[Any]:
    """The rules of one column, ``required`` left out: it is not asked of a text."""
    of_column = rules_of(_alone(entity, column), accepted, settings)
    return [rule for rule in of_column if rule.name != "required"]


def _question(
    entity: Entity,
    column: Column,
    accepted: Mapping[str, Sequence[str]],
    tokens: Sequence[str],
    settings: TenantSettings,
) -> str:
    """A query with the parameters tenant, order of dates and text: whether the text is
    missing, its typed value (times as microseconds since 1970), each rule's verdict.
    """
    text = quoted_name(column.name)
    typed = quoted_name(f"typed.{column.name}")
    value = f"epoch_us(cast({typed} as timestamp))"
    if column.data_type not in _TIMES:
        value = typed
    rules = _rules(entity, column, accepted, settings)
    verdicts = "".join(f", {rule.verdict}" for rule in rules)
    landed = (
        "select $1::varchar as tenant_id, $2::varchar as date_order, "
        f"$3::varchar as {text}"
    )
    rows = typed_sql(_alone(entity, column), tokens, landed, settings=settings)
    return f"select {text} is null, {value}{verdicts} from ({rows})"


def _legal_values(
    column: Column, tenant: str, accepted: Mapping[str, Sequence[str]]
) -> frozenset[str] | None:
    """The values that the column accepts, in lower case; None where it takes any."""
    if column.accepted_values is not None:
        return frozenset(map(str.lower, column.accepted_values))
    if column.accepted_values_from is None:
        return None
    return frozenset(
        pair.removeprefix(f"{owner}:")
        for pair in accepted[column.accepted_values_from]
        for owner in (ANY_TENANT, tenant)
        if pair.startswith(f"{owner}:")
    )


def _bound(column: Column, bound: float | str | None) -> Any:
    if bound is None or column.data_type not in _TIMES:
        return bound
    moment = dt.datetime.fromisoformat(str(bound))
    return moment.date() if column.data_type == "date" else moment


def _as_text(given: Any) -> str | None:
    """A value as the text that a JSON file with it would land as; None for null."""
    if given is None or isinstance(given, str):
        return given
    if type(given) is float and math.isfinite(given):
        return repr(given)  # As below, and faster.
    try:
        return str(given) if type(given) is int else _JSON.encode(given)
    except (TypeError, ValueError, RecursionError):
        raise PydanticCustomError("type", "is nothing that JSON could hold") from None


def _is_unicode(text: str) -> bool:
    """Whether the text has no half characters, which JSON can name and no file hold."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _error(column: Column, rule: str) -> PydanticCustomError:
    said = {
        "required": "is required",
        "type": (
            "is an object or a list"
            if column.data_type == "varchar"
            else f"is no {column.data_type}"
        ),
        "accepted_values": "is not one of the accepted values",
        "minimum": f"is below {column.minimum}",
        "maximum": f"is above {column.maximum}",
        "max_length": f"has more than {column.max_length} characters",
        "format": f"does not match {column.format}",
        "invalid_encoding": "is not Unicode text",
    }[rule].replace("{", "{{")
    return PydanticCustomError(rule, said)
