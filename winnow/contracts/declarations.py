"""What people write by hand, checked before anything runs: contracts and seeds.

The rules of a seed are those that dbt has in ``seeds/_seeds.yml``: its columns and
their types, and the tests not_null, accepted_values and unique_combination. Bounds of a
number stand in the column's ``config.meta``.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
import re
from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from winnow.contracts.entities import Column, load_contracts
from winnow.core.errors import InputError
from winnow.core.file_names import path_text
from winnow.core.settings import project_root
from winnow.core.yaml_files import read_yaml

_TYPES = {
    "bigint": "a whole number",
    "double": "a number",
    "boolean": "true or false",
    "timestamp": "a day or a time in UTC, such as 1998-01-01",
}
_WHOLE = re.compile(r"[+-]?[0-9]{1,19}")
_TIMES = ("date", "timestamp")
_SETTINGS = "tenant_settings"
_OF_VALUES = {"tenant_id", "source_value"}
"""The columns of a seed that lists the values which a contract accepts."""
_FOR_ALL = "*"
"""The tenant whose row of tenant_settings holds for all others, and must be there."""


@dataclass(frozen=True)
class _Seed:
    """A seed as it is declared: its columns, their types, and what they must keep."""

    path: Path
    types: dict[str, str]
    required: frozenset[str]
    accepted: dict[str, list[str]]
    keys: tuple[tuple[str, ...], ...]
    bounds: dict[str, tuple[float | None, float | None]]


def check_declarations(root: Path | None = None) -> None:
    """Check every contract and seed of the project at ``root`` (None: the present one),
    in a few hundredths of a second.

    Raises InputError with file, line and rule for the first that is wrong.
    """
    root = root or project_root()
    contracts = load_contracts(root)
    seeds = {seed.path.stem: seed for seed in _declared(root)}
    models = {path.stem for path in (root / "models").rglob("*.sql")}
    for entity in contracts.values():
        for column in entity.columns:
            _check_references(column, seeds, models)
    for seed in seeds.values():
        _check(seed)


def _check_references(
    column: Column, seeds: Mapping[str, _Seed], models: Set[str]
) -> None:
    """Check that what a column's contract names elsewhere is there, and of the type
    that it needs.
    """
    settings = seeds[_SETTINGS].types if _SETTINGS in seeds else {}
    of_values = {
        name for name, seed in seeds.items() if seed.types.keys() >= _OF_VALUES
    }
    of_type = {
        wanted: {name for name, kind in settings.items() if kind == wanted}
        for wanted in ("timestamp", "varchar")
    }
    of_type["varchar"].discard("tenant_id")
    bounds = of_type["timestamp"] if column.data_type in _TIMES else set()
    in_settings = f"setting in seeds/{_SETTINGS}.csv for"
    for key, names, what in (
        ("minimum_from", bounds, f"{in_settings} a bound of a {column.data_type}"),
        ("maximum_from", bounds, f"{in_settings} a bound of a {column.data_type}"),
        ("missing_numbers_from", of_type["varchar"], f"{in_settings} numbers"),
        ("accepted_values_from", of_values, "seed of accepted values"),
        ("required_from", models, "model below models/"),
    ):
        name = getattr(column, key)
        if name is None or name in names:
            continue
        near = get_close_matches(name, sorted(names), n=1, cutoff=0.5)
        advice = f"; {near[0]} is one" if near else ""
        raise InputError(f"{column.place}: {key} {name!r} names no {what}{advice}.")


def _declared(root: Path) -> Iterator[_Seed]:
    declaration = root / "seeds" / "_seeds.yml"
    document = read_yaml(declaration)
    for one in document.get("seeds") or [] if isinstance(document, dict) else []:
        try:
            yield _read(root, one)
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            line = getattr(one, "line", 1)
            raise InputError(
                f"{path_text(declaration)}, line {line}: this declares no seed: "
                f"{type(error).__name__} {error}."
            ) from error


def _read(root: Path, declared: dict[str, Any]) -> _Seed:
    found = sorted((root / "seeds").rglob(f"{declared['name']}.csv"))
    if not found:
        raise InputError(
            f"{path_text(root / 'seeds' / declared['name'])}.csv is missing; take it "
            "from Winnow's repository."
        )
    required, accepted, bounds = set(), {}, {}
    types = {str(k): str(v) for k, v in declared["config"]["column_types"].items()}
    for name, data_type in types.items():
        if data_type != "varchar" and data_type not in _TYPES:
            raise ValueError(
                f"{name} is {data_type!r}, and must be one of varchar, "
                f"{', '.join(_TYPES)}"
            )
    for column in declared["columns"]:
        name = column["name"]
        _require_columns([name], types)
        for test in column.get("data_tests") or ():
            if test == "not_null":
                required.add(name)
            elif "accepted_values" in test:
                values = test["accepted_values"]["arguments"]["values"]
                accepted[name] = [str(value) for value in values]
        meta = (column.get("config") or {}).get("meta") or {}
        bounds[name] = (meta.get("minimum"), meta.get("maximum"))
    keys = tuple(
        tuple(test["unique_combination"]["arguments"]["columns"])
        for test in declared.get("data_tests") or ()
        if "unique_combination" in test
    )
    for key in keys:
        _require_columns(key, types)
    return _Seed(found[0], types, frozenset(required), accepted, keys, bounds)


def _require_columns(names: Sequence[str], types: Mapping[str, str]) -> None:
    for name in names:
        if name not in types:
            raise ValueError(f"{name!r} is no column of column_types")


def _check(seed: _Seed) -> None:
    lines, rows = _rows(seed)
    for name, data_type in seed.types.items():
        values = [row[name] for row in rows]
        is_right = [not value or _parses(data_type, value) for value in values]
        _check_column(seed, name, lines, values, is_right)
    for key in seed.keys:
        first: dict[tuple[str, ...], int] = {}
        for line, row in zip(lines, rows, strict=True):
            values = [row[name] for name in key]
            if (before := first.setdefault(tuple(values), line)) != line:
                raise InputError(
                    f"{path_text(seed.path)}, line {line}: line {before} has the same "
                    f"{' and '.join(key)} ({', '.join(values)}), which may stand there "
                    "once."
                )
    if seed.path.stem == _SETTINGS and _FOR_ALL not in {
        row["tenant_id"] for row in rows
    }:
        raise InputError(
            f"{path_text(seed.path)}: the row of tenant {_FOR_ALL} is missing, which "
            "holds for all others."
        )


def _rows(seed: _Seed) -> tuple[list[int], list[dict[str, str]]]:
    """The rows of a seed, and the line on which each ends."""
    place = path_text(seed.path)
    lines, rows = [], []
    try:
        with seed.path.open(encoding="utf-8", newline="") as file:
            reader = csv.reader(file, strict=True)
            header = next(reader, [])
            _check_header(seed, header)
            for row in reader:
                if not row:
                    continue
                if len(row) != len(header):
                    raise InputError(
                        f"{place}, line {reader.line_num}: {len(row)} values, and the "
                        f"header has {len(header)} columns."
                    )
                lines.append(reader.line_num)
                rows.append(dict(zip(header, row, strict=True)))
    except UnicodeDecodeError as error:
        raise InputError(f"{place} is not UTF-8; save it as UTF-8.") from error
    except csv.Error as error:
        raise InputError(
            f"{place}, line {reader.line_num}: this is no CSV: {error}."
        ) from error
    return lines, rows


def _check_header(seed: _Seed, header: Sequence[str]) -> None:
    place = f"{path_text(seed.path)}, line 1"
    if header and header[0].startswith("\ufeff"):
        raise InputError(f"{place}: a byte order mark; save the file without.")
    twice = {name for name in header if header.count(name) > 1}
    unknown = [name for name in header if name not in seed.types]
    missing = [name for name in seed.types if name not in header]
    for names, what in (
        (sorted(twice), "there twice"),
        (unknown, "no column of this seed"),
        (missing, "missing"),
    ):
        if names:
            raise InputError(
                f"{place}: {', '.join(map(repr, names))} is {what}; the columns are "
                f"{', '.join(seed.types)}."
            )


def _check_column(
    seed: _Seed, name: str, lines: list[int], values: list[str], is_right: list[bool]
) -> None:
    low, high = seed.bounds.get(name, (None, None))
    data_type = seed.types[name]
    for line, value, right in zip(lines, values, is_right, strict=True):
        must = ""
        if not value:
            must = "a value" if name in seed.required else ""
        elif not right:
            must = _TYPES.get(data_type, data_type)
        elif name in seed.accepted and value not in seed.accepted[name]:
            must = f"one of {', '.join(seed.accepted[name])}"
        elif low is not None and float(value) < low:
            must = f"at least {low}"
        elif high is not None and float(value) > high:
            must = f"at most {high}"
        if must:
            raise InputError(
                f"{path_text(seed.path)}, line {line}: {name} is {value!r}, and must "
                f"be {must}."
            )


def _parses(data_type: str, value: str) -> bool:
    """Whether a value is one of a type. Numbers are finite, times without a zone."""
    try:
        match data_type:
            case "bigint":
                return bool(_WHOLE.fullmatch(value)) and abs(int(value)) < 2**63
            case "double":
                return "_" not in value and math.isfinite(float(value))
            case "boolean":
                return value.lower() in ("true", "false", "t", "f", "1", "0")
            case "timestamp":
                return dt.datetime.fromisoformat(value).tzinfo is None
    except ValueError:
        return False
    return True
