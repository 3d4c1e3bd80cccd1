"""The contracts' rules as DuckDB SQL over a raw table: how many values keep each.

The meaning of every rule is that of ``docs/contracts.md``; the dbt macros below
``macros/contracts`` say the same in Jinja. What a text means as a type is rendered from
those below ``macros/casting``.
"""

from __future__ import annotations

import csv
import datetime as dt
import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import duckdb

from winnow.contracts.entities import Column, Entity, load_contracts
from winnow.contracts.macros import casting_sql, project_vars
from winnow.core.errors import InputError
from winnow.core.settings import seeds_folder

ANY_TENANT = "*"

TenantSettings = Mapping[str, Mapping[str, str]]
"""What tenants set for the rules: column of ``seeds/tenant_settings.csv`` → tenant (or
``*``) → value, as SQL reads it. Tenants that set nothing are not there.
"""


@dataclass(frozen=True)
class Rule:
    """One rule of a column, and the SQL that judges a value.

    ``verdict`` is true where the value keeps the rule, false where it breaks it, and
    null where the rule does not apply (a missing value, say).
    """

    column: str
    name: str
    verdict: str

    @property
    def key(self) -> str:
        """``<column>.<rule>``, as in ``rejected_records.reasons``."""
        return f"{self.column}.{self.name}"


def accepted_pairs(entity: Entity, seeds: Path | None = None) -> dict[str, list[str]]:
    """The ``tenant:value`` pairs of each seed that the entity's contract names."""
    seeds = seeds or seeds_folder()
    accepted: dict[str, list[str]] = {}
    for column in entity.columns:
        if (seed := column.accepted_values_from) is not None:
            with (seeds / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
                accepted[seed] = [
                    f"{row['tenant_id']}:{row['source_value']}"
                    for row in csv.DictReader(file)
                ]
    return accepted


def tenant_settings(seeds: Path | None = None) -> TenantSettings:
    """What tenants set for the contracts' rules.

    Raises InputError, naming the line, for a value that cannot be what it should be.
    """
    path = (seeds or seeds_folder()) / "tenant_settings.csv"
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


def missing_tokens() -> list[str]:
    """The texts that mean "nothing was given" in ids, numbers, times and the like."""
    return list(map(str, project_vars()["missing_tokens"]))


def characters(var: str) -> str:
    """The characters that a var of ``dbt_project.yml`` lists as code points."""
    return "".join(map(chr, project_vars()[var]))


def tokens_of(column: Column, tokens: Sequence[str]) -> tuple[str, ...]:
    """The texts that mean "nothing was given" in a column: its own, those of names and
    codes, or else ``tokens``.
    """
    if column.missing_tokens is not None:
        return column.missing_tokens
    if column.is_name:
        return tuple(map(str, project_vars()["missing_name_tokens"]))
    return tuple(tokens)


def rules_of(
    entity: Entity,
    accepted: Mapping[str, Sequence[str]],
    settings: TenantSettings | None = None,
    timed: Collection[str] = (),
) -> list[Rule]:
    """Every rule of an entity, over the columns that ``typed_sql`` selects.

    ``accepted`` has, for each seed that a contract names, its ``tenant:value`` pairs;
    ``settings`` are those of the project's seed where they are None; ``timed`` are the
    tenants that must give what is ``required_from`` (see ``timed_tenants``).
    """
    settings = tenant_settings() if settings is None else settings
    rules: list[Rule] = []
    for column in entity.columns:
        text, value = quoted_name(column.name), quoted_name("typed." + column.name)

        def add(name: str, condition: str, column: str = column.name) -> None:
            rules.append(Rule(column, name, condition))

        if column.required:
            add("required", f"{text} is not null")
        elif column.required_from is not None:
            tenants = ", ".join(map(quoted_text, sorted(timed)))
            asked = f"list_contains([{tenants}]::varchar[], tenant_id)"
            add("required", f"case when {asked} then {text} is not null end")
        add("type", f"case when {text} is not null then {value} is not null end")
        if column.accepted_values is not None:
            values = ", ".join(
                quoted_text(value.lower()) for value in column.accepted_values
            )
            add("accepted_values", f"lower({value}) in ({values})")
        if column.accepted_values_from is not None:
            pairs = ", ".join(map(quoted_text, accepted[column.accepted_values_from]))
            add(
                "accepted_values",
                f"list_contains([{pairs}], '*:' || lower({value})) or "
                f"list_contains([{pairs}], tenant_id || ':' || lower({value}))",
            )
        if column.minimum is not None:
            bound = _bound(column, column.minimum, column.minimum_from, settings)
            add("minimum", f"{value} >= {bound}")
        if column.maximum is not None:
            bound = _bound(column, column.maximum, column.maximum_from, settings)
            add("maximum", f"{value} <= {bound}")
        if column.max_length is not None:
            add("max_length", f"length({value}) <= {column.max_length}")
        if column.format is not None:
            add("format", f"regexp_full_match({value}, {quoted_text(column.format)})")
    return rules


def typed_sql(
    entity: Entity,
    tokens: Sequence[str],
    landed: str | None = None,
    also: Sequence[str] = (),
    settings: TenantSettings | None = None,
) -> str:
    """A query of an entity's raw rows: each column cleaned, and as its type
    (``typed.*``). ``landed`` is a query of rows to take instead of the raw table's;
    ``also`` are columns of theirs to keep as they are. ``settings`` are those of the
    project's seed where they are None.
    """
    settings = tenant_settings() if settings is None else settings
    kept = "".join(f", {name}" for name in also)
    cleaned, typed = [], []
    for column in entity.columns:
        name = quoted_name(column.name)
        missing = tokens_of(column, tokens)
        clean = casting_sql("clean_text", name, missing, column.is_id, column.is_list)
        cleaned.append(f"{_without_numbers(clean, column, settings)} as {name}")
        of_type = casting_sql(
            "typed_value", name, column.data_type, "date_order", column.is_id
        )
        typed.append(f"{of_type} as {quoted_name('typed.' + column.name)}")
    return (
        f"select tenant_id, {', '.join(quoted_name(c.name) for c in entity.columns)}, "
        f"{', '.join(typed)}{kept} from (select tenant_id, date_order, "
        f"{', '.join(cleaned)}{kept} from ({landed or landed_sql(entity)}))"
    )


def examples_sql(
    entity: Entity, tokens: Sequence[str], settings: TenantSettings, rule: Rule
) -> str:
    """A query of up to five values, of the load and the tenant given as parameters,
    that break a rule: among the first thousand that do, and each cut to 80 characters.
    """
    value = quoted_name(rule.column)
    typed = typed_sql(entity, tokens, _of_load(entity), settings=settings)
    return (
        f"select distinct case when length(value) > 80 then left(value, 79) || '…' "
        f"else value end from (select {value} as value from ({typed}) "
        f"where tenant_id = ? and not ({rule.verdict}) limit 1000) order by 1 limit 5"
    )


def rows_sql(
    entity: Entity, tokens: Sequence[str], settings: TenantSettings, rule: Rule
) -> str:
    """A query of up to five rows, of the load and the tenant given as parameters, that
    break a rule: file, line (null for files without lines), row, value, and the value
    as its type, written as text.
    """
    place = ("file", "line_number", "row_number")
    typed = quoted_name(f"typed.{rule.column}")
    rows = typed_sql(entity, tokens, _of_load(entity), place, settings)
    return (
        f"select file, line_number, row_number, {quoted_name(rule.column)}, "
        f"{typed}::varchar from "
        f"({rows}) where tenant_id = ? "
        f"and not ({rule.verdict}) order by file, row_number limit 5"
    )


def _of_load(entity: Entity) -> str:
    """A query of the raw rows of the load given as parameter."""
    return f"select * from ({landed_sql(entity)}) where load_id = ?"


def landed_sql(entity: Entity) -> str:
    """A query of an entity's raw rows, null in columns that the table lacks, because no
    build has added those that a contract has gained.
    """
    columns = ", ".join(
        f"cast(null as {data_type}) as {quoted_name(name)}"
        for name, data_type in entity.raw_columns.items()
    )
    return (
        f"select * from raw.{quoted_name(entity.table)} "
        f"union all by name select {columns} where false"
    )


def _bound(
    column: Column, bound: float | str, setting: str | None, settings: TenantSettings
) -> str:
    """A bound as SQL, of each row's tenant where tenants set it."""

    def written(value: float | str) -> str:
        if column.data_type in ("date", "timestamp"):
            return f"cast({quoted_text(str(value))} as {column.data_type})"
        return str(value)

    known = settings[setting] if setting is not None else {}
    by_tenant = {tenant: written(value) for tenant, value in known.items()}
    return _by_tenant(by_tenant, written(bound))


def _without_numbers(text: str, column: Column, settings: TenantSettings) -> str:
    """Cleaned text as SQL, null where it is a number that means "nothing was given" to
    the row's tenant.
    """
    known = settings[column.missing_numbers_from] if column.missing_numbers_from else {}
    if not known:
        return text
    by_tenant = {
        tenant: f"[{', '.join(map(repr, numbers_of(value)))}]::double[]"
        for tenant, value in known.items()
    }
    numbers = _by_tenant(by_tenant, "[]::double[]")
    is_one = f"list_contains({numbers}, try_cast({text} as double))"
    return f"case when not coalesce({is_one}, false) then {text} end"


def _by_tenant(values: Mapping[str, str], otherwise: str) -> str:
    """SQL that is, of each row, its tenant's value, else that of ``*``, else this."""
    otherwise = values.get(ANY_TENANT, otherwise)
    cases = "".join(
        f" when {quoted_text(tenant)} then {value}"
        for tenant, value in values.items()
        if tenant != ANY_TENANT
    )
    return f"case tenant_id{cases} else {otherwise} end" if cases else otherwise


def quoted_name(name: str) -> str:
    """The name of a column or table in SQL."""
    return '"' + name.replace('"', '""') + '"'


def quoted_text(value: str) -> str:
    """A text in SQL."""
    return "'" + value.replace("'", "''") + "'"
