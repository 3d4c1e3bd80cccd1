"""What tenants set for the contracts' rules: the seeds, as the contracts name them."""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb

from winnow.contracts.entities import Column, load_contracts
from winnow.core.errors import InputError
from winnow.core.settings import project_root, seeds_folder
from winnow.core.yaml_files import read_yaml
from winnow.warehouse.sql import identifier, literal

SETTINGS = "tenant_settings"
"""The seed of what each tenant sets for itself."""

ANY_TENANT = "*"

TenantSettings = Mapping[str, Mapping[str, str]]
"""What tenants set for the rules: column of ``seeds/tenant_settings.csv`` → tenant (or
``*``) → value, as SQL reads it. Tenants that set nothing are not there.
"""


@lru_cache(maxsize=4)
def _seed_types(root: Path) -> dict[str, dict[str, str]]:
    document: Any = read_yaml(root / "seeds" / "_seeds.yml")
    return {one["name"]: one["config"]["column_types"] for one in document["seeds"]}


def seed_sql(file: Path) -> str:
    """A query of a seed's file, wherever it lies, with the project's types."""
    columns = ", ".join(
        f"{identifier(name)}: {literal(data_type)}"
        for name, data_type in _seed_types(project_root())[file.stem].items()
    )
    return (
        f"select * from read_csv({literal(str(file))}, header = true, delim = ',', "
        f"columns = {{{columns}}})"
    )


def accepted_values(
    column: Column, tenant: str, seeds: Path | None = None
) -> list[str] | None:
    """The values that a column accepts of a tenant, in lower case where the contract
    lists them; None where it takes any.
    """
    if column.accepted_values is not None:
        return [value.lower() for value in column.accepted_values]
    if column.accepted_values_from is None:
        return None
    path = (seeds or seeds_folder()) / f"{column.accepted_values_from}.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return [
            row["source_value"]
            for row in csv.DictReader(file)
            if row["tenant_id"] in (ANY_TENANT, tenant)
        ]


def tenant_settings(seeds: Path | None = None) -> TenantSettings:
    """What tenants set for the contracts' rules.

    Raises InputError, naming the line, for a value that cannot be what it should be.
    """
    path = (seeds or seeds_folder()) / f"{SETTINGS}.csv"
    readers = _readers()
    known: dict[str, dict[str, str]] = {name: {} for name in readers}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            for name, read in readers.items():
                if given := (row.get(name) or "").strip():
                    try:
                        known[name][row["tenant_id"]] = read(given)
                    except ValueError as error:
                        raise InputError(
                            f"{path}, line {reader.line_num}: {name} is {given!r}, "
                            f"and must be {error}."
                        ) from None
    return known


def of_tenant(settings: TenantSettings, name: str | None, tenant: str) -> str | None:
    """A setting as it stands for a tenant: its own, else that of ``*``, else None."""
    known = settings[name] if name is not None else {}
    return known.get(tenant, known.get(ANY_TENANT))


def numbers_of(value: str | None) -> list[float]:
    """The numbers that a setting lists; ``none`` lists none."""
    return [float(one) for one in (value or "none").split() if one != "none"]


def _instant_setting(text: str) -> str:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is not None:
        raise ValueError("a day or a time in UTC, such as 1998-01-01")
    return moment.isoformat(" ")


def _numbers_setting(text: str) -> str:
    try:
        if all(map(math.isfinite, numbers_of(text))):
            return text
    except ValueError:
        pass
    raise ValueError("numbers with blanks between them, such as 0 -1, or none")


def _readers() -> dict[str, Callable[[str], str]]:
    """The settings that contracts name, and how each is read."""
    return {
        name: reader
        for entity in load_contracts().values()
        for column in entity.columns
        for name, reader in (
            (column.minimum_from, _instant_setting),
            (column.maximum_from, _instant_setting),
            (column.missing_numbers_from, _numbers_setting),
        )
        if name is not None
    }


def timed_tenants(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """The tenants whose interactions must have times, as the last build found; none in
    a warehouse that was never built.
    """
    try:
        rows = connection.execute(
            "select tenant_id from validated.tenant_times where needs_times order by 1"
        ).fetchall()
    except duckdb.CatalogException:
        return ()
    return tuple(tenant for (tenant,) in rows)
