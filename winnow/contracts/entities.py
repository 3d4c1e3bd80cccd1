"""The contracts of the raw entities, read from dbt's own source YAML.

The YAML below ``models/staging`` is the one declaration of every raw entity. dbt reads
it for the staging views and the rejection reasons; this module reads the same files for
the loaders, the empty raw tables and the quality gate.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

from winnow.core.errors import InputError
from winnow.core.settings import project_root
from winnow.core.yaml_files import Mapping, read_yaml

RAW_SCHEMA = "raw"

DATE_ORDERS = ("ymd", "mdy", "dmy")
"""How the parts of a written date stand: y year, m month, d day."""

LOG_SOURCE = "winnow"
"""The source that holds the loaders' own tables, which carry no provenance columns of
their own.
"""

PROVENANCE: dict[str, str] = {
    "tenant_id": "varchar",
    "file": "varchar",
    "row_number": "bigint",
    "line_number": "bigint",
    "file_sha256": "varchar",
    "date_order": "varchar",
    "extra": "varchar",
    "load_id": "varchar",
    "loaded_at": "timestamp",
}
"""Columns that every raw table of a source has beside its own, with their types.

``row_number`` is the ordinal of the record in its file (1 for the first, unreadable
records counted), ``line_number`` the line on which it begins (null for Parquet).
``date_order`` (ymd, mdy or dmy) says how the file writes its dates. ``extra`` is a JSON
object of the file's columns that the contract does not know, null when there are none.
The same list stands in ``macros/contracts/provenance_columns.sql``; a test holds the
two together.
"""

DATA_TYPES = ("varchar", "bigint", "double", "boolean", "date", "timestamp")

MODES = ("append", "replace", "snapshot")
"""What a load does to earlier ones of its feed: nothing; it takes their place; it says
what there is now, and they stay as its history.
"""

RULES = (
    "required",
    "required_from",
    "accepted_values",
    "accepted_values_from",
    "minimum",
    "minimum_from",
    "maximum",
    "maximum_from",
    "max_length",
    "format",
)

_VERDICT_KEYS = (
    *RULES,
    "missing_tokens",
    "missing_numbers_from",
    "is_id",
    "is_list",
)
_COLUMN_KEYS = frozenset({*_VERDICT_KEYS, "canonical_name", "aliases"})


_TEXTS = (
    *("required_from", "accepted_values_from", "minimum_from", "maximum_from"),
    *("format", "missing_numbers_from", "canonical_name"),
)
_LISTS = ("accepted_values", "missing_tokens", "aliases")
_SWITCHES = ("required", "is_id", "is_list")


class ContractError(InputError):
    """The source YAML declares something that no gate would understand."""


@dataclass(frozen=True)
class Column:
    """One column of a raw entity: its meaning and the rules that its values must keep.

    ``data_type`` is the type that the value means; the raw column itself is text,
    except in the loaders' own tables. ``minimum_from``, ``maximum_from`` and
    ``missing_numbers_from`` name a column of ``seeds/tenant_settings.csv``: a bound
    that stands instead of the contract's, and numbers that mean "nothing was given".
    ``required_from`` names a model of one row per tenant that says in ``needs_times``
    whether the tenant must give a value.
    """

    name: str
    data_type: str
    description: str
    canonical_name: str
    aliases: tuple[str, ...] = ()
    required: bool = False
    required_from: str | None = None
    accepted_values: tuple[str, ...] | None = None
    accepted_values_from: str | None = None
    minimum: float | str | None = None
    minimum_from: str | None = None
    maximum: float | str | None = None
    maximum_from: str | None = None
    max_length: int | None = None
    format: str | None = None
    missing_tokens: tuple[str, ...] | None = None
    missing_numbers_from: str | None = None
    is_id: bool = False
    is_list: bool = False
    place: str = field(default="", compare=False, repr=False)
    """Where it is declared: file, line and name."""

    @property
    def is_name(self) -> bool:
        """Whether a value is a name or a code, of which few texts mean "missing"."""
        return self.data_type == "varchar" and not (
            self.is_id
            or self.accepted_values is not None
            or self.accepted_values_from is not None
            or self.format is not None
        )


@dataclass(frozen=True)
class Entity:
    """One raw entity: a table of ``raw`` and the columns that its files may have."""

    source: str
    name: str
    table: str
    description: str
    columns: tuple[Column, ...]
    mode: str = "append"
    """What a load does to earlier ones of its feed, unless it says otherwise: one of
    MODES.
    """

    @property
    def required_columns(self) -> tuple[Column, ...]:
        """Columns without which a file cannot be this entity at all."""
        return tuple(column for column in self.columns if column.required)

    @property
    def version(self) -> str:
        """A short name for what the contract says of its values: 12 hexadecimal digits
        that change when a column, type or rule does. Equal to the dbt macro
        ``contract_version``; a test holds the two together.
        """
        columns = []
        for column in self.columns:
            declared = {rule: getattr(column, rule) for rule in _VERDICT_KEYS}
            rules = {
                rule: value
                for rule, value in declared.items()
                if value is not None and value is not False
            }
            columns.append([column.name, column.data_type, rules])
        text = json.dumps(columns, sort_keys=True)
        return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()[:12]

    @property
    def raw_columns(self) -> dict[str, str]:
        """Every column of the raw table and its SQL type, in the table's order."""
        if self.source == LOG_SOURCE:
            return {column.name: column.data_type for column in self.columns}
        return {column.name: "varchar" for column in self.columns} | PROVENANCE


def _fault(data_type: str, key: str, value: Any) -> str | None:
    """What is wrong with a key of a column's contract; None for nothing."""
    fault = None
    if key in _SWITCHES and not isinstance(value, bool):
        fault = "is neither true nor false"
    elif key in _TEXTS and not isinstance(value, str):
        fault = "is no text"
    elif key in _LISTS and not isinstance(value, list):
        fault = "is no list"
    elif key == "max_length" and (type(value) is not int or value < 1):
        fault = "is no whole number from 1 on"
    elif key == "format":
        try:
            re.compile(value)
        except re.error as error:
            fault = f"is no regular expression: {error}"
    elif key in ("minimum", "maximum"):
        if data_type in ("date", "timestamp"):
            try:
                dt.datetime.fromisoformat(value)
            except (TypeError, ValueError):
                fault = 'is no time in quotes, such as "1970-01-01"'
        elif isinstance(value, bool) or not isinstance(value, int | float):
            fault = "is no number"
    return fault


def _check_column(place: str, data_type: str, meta: dict[str, Any]) -> None:
    unknown = sorted(map(str, set(meta) - _COLUMN_KEYS))
    if unknown:
        raise ContractError(
            f"{place}: unknown contract key {', '.join(unknown)}; legal keys are "
            f"{', '.join(sorted(_COLUMN_KEYS))}."
        )
    if data_type not in DATA_TYPES:
        raise ContractError(
            f"{place}: data_type {data_type!r} is not one of {', '.join(DATA_TYPES)}."
        )
    for key, value in meta.items():
        fault = None if value is None else _fault(data_type, key, value)
        if fault:
            raise ContractError(f"{place}: {key} {value!r} {fault}.")
    low, high = meta.get("minimum"), meta.get("maximum")
    if low is not None and high is not None and low > high:
        raise ContractError(f"{place}: minimum {low} is above maximum {high}.")


def _part(place: str, declared: Any, key: str, kind: type) -> Any:
    """A part of a mapping that must be there, and of a kind."""
    if not isinstance(declared, dict):
        raise ContractError(f"{place}: {declared!r} is no mapping.")
    value = declared.get(key)
    if not value or not isinstance(value, kind):
        kinds = "a text" if kind is str else "a list"
        what = "is missing" if value is None else f"{value!r} is not {kinds}"
        raise ContractError(f"{place}: {key} {what}.")
    return value


def _meta(place: str, declared: Mapping) -> dict[str, Any]:
    config = declared.get("config") or {}
    meta = config.get("meta") or {} if isinstance(config, dict) else None
    if not isinstance(meta, dict):
        raise ContractError(f"{place}: config.meta is no mapping.")
    return meta


def _column(path: Path, table: str, declared: Any) -> Column:
    place = path.name
    if isinstance(declared, Mapping):
        place = f"{place}, line {declared.line}"
    name = _part(f"{place}: {table}", declared, "name", str)
    place = f"{place}: {table}.{name}"
    meta = _meta(place, declared)
    data_type = str(declared.get("data_type", ""))
    _check_column(place, data_type, meta)
    accepted = meta.get("accepted_values")
    tokens = meta.get("missing_tokens")
    return Column(
        name=name,
        data_type=data_type,
        description=str(declared.get("description", "")),
        canonical_name=str(meta.get("canonical_name", name)),
        aliases=tuple(str(alias) for alias in meta.get("aliases", ())),
        required=bool(meta.get("required", False)),
        required_from=meta.get("required_from"),
        accepted_values=None if accepted is None else tuple(map(str, accepted)),
        accepted_values_from=meta.get("accepted_values_from"),
        minimum=meta.get("minimum"),
        minimum_from=meta.get("minimum_from"),
        maximum=meta.get("maximum"),
        maximum_from=meta.get("maximum_from"),
        max_length=meta.get("max_length"),
        format=meta.get("format"),
        missing_tokens=None if tokens is None else tuple(map(str, tokens)),
        missing_numbers_from=meta.get("missing_numbers_from"),
        is_id=bool(meta.get("is_id", False)),
        is_list=bool(meta.get("is_list", False)),
        place=place,
    )


def declared_tables(root: Path) -> Iterator[tuple[Path, Any, Any]]:
    """Every table of a source as the YAML has it: file, source and table."""
    for path in sorted((root / "models" / "staging").glob("*/_*__sources.yml")):
        for source in _part(path.name, read_yaml(path), "sources", list):
            for table in _part(path.name, source, "tables", list):
                yield path, source, table


def load_contracts(root: Path | None = None) -> dict[tuple[str, str], Entity]:
    """All entities by (source, entity), from the source YAML of the project at
    ``root``, the present one where it is None.

    Raises ContractError, naming the column, for a key or type that no gate knows.
    """
    return _load_contracts(root or project_root())


@lru_cache(maxsize=4)
def _load_contracts(root: Path) -> dict[tuple[str, str], Entity]:
    entities: dict[tuple[str, str], Entity] = {}
    for path, source, table in declared_tables(root):
        entity = _entity(path, source, table)
        key = (entity.source, entity.name)
        if key in entities:
            raise ContractError(
                f"{path.name}, line {table.line}: {'.'.join(key)} is declared twice."
            )
        entities[key] = entity
    return entities


def _entity(path: Path, source: Any, table: Any) -> Entity:
    place = f"{path.name}, line {table.line}" if isinstance(table, Mapping) else ""
    key = (
        _part(path.name, source, "name", str),
        _part(place or path.name, table, "name", str),
    )
    place = f"{place}: {'.'.join(key)}"
    meta = _meta(place, table)
    mode = meta.get("mode", "append")
    if set(meta) - {"mode"} or mode not in MODES:
        raise ContractError(
            f"{place}: config.meta is {dict(meta)}, and may only give the mode: "
            f"{', '.join(MODES)}."
        )
    columns = tuple(
        _column(path, ".".join(key), column)
        for column in _part(place, table, "columns", list)
    )
    for name, times in Counter(column.name for column in columns).items():
        if times > 1:
            raise ContractError(f"{place}: the column {name} is declared twice.")
    return Entity(
        source=key[0],
        name=key[1],
        table=str(table.get("identifier", key[1])),
        description=str(table.get("description", "")),
        columns=columns,
        mode=mode,
    )


def contract(source: str, entity: str) -> Entity:
    """The contract of one entity. Raises ContractError, naming the entities there are,
    when there is no such one.
    """
    entities = load_contracts()
    try:
        return entities[source, entity]
    except KeyError:
        known = ", ".join(sorted(".".join(key) for key in entities))
        raise ContractError(
            f"there is no entity {source}.{entity}; there are {known}"
        ) from None
