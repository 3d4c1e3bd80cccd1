"""The contracts' rules as DuckDB SQL over a raw table: how many values keep each.

The meaning of every rule is that of ``docs/contracts.md``; the dbt macros below
``macros/contracts`` and ``macros/casting`` say the same in Jinja.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import yaml

from ingest.contracts import PROJECT_ROOT, Column, Entity

SEEDS = PROJECT_ROOT / "seeds"

_BLANKS = "' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(160)"
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p")
_OTHER_DATES = "['%d-%b-%Y', '%d %b %Y', '%b %d, %Y']"


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


def accepted_pairs(entity: Entity, seeds: Path = SEEDS) -> dict[str, list[str]]:
    """The ``tenant:value`` pairs of each seed that the entity's contract names."""
    accepted: dict[str, list[str]] = {}
    for column in entity.columns:
        if (seed := column.accepted_values_from) is not None:
            with (seeds / f"{seed}.csv").open(encoding="utf-8", newline="") as file:
                accepted[seed] = [
                    f"{row['tenant_id']}:{row['source_value']}"
                    for row in csv.DictReader(file)
                ]
    return accepted


def missing_tokens() -> list[str]:
    """The texts that mean "nothing was given", where a column has none of its own."""
    project = yaml.safe_load((PROJECT_ROOT / "dbt_project.yml").read_text("utf-8"))
    tokens: list[str] = project["vars"]["missing_tokens"]
    return tokens


def rules_of(entity: Entity, accepted: Mapping[str, Sequence[str]]) -> list[Rule]:
    """Every rule of an entity, over the columns that ``typed_sql`` selects.

    ``accepted`` has, for each seed that a contract names, its ``tenant:value`` pairs.
    """
    rules: list[Rule] = []
    for column in entity.columns:
        text, value = quoted_name(column.name), quoted_name("typed." + column.name)

        def add(name: str, condition: str, column: str = column.name) -> None:
            rules.append(Rule(column, name, condition))

        if column.required:
            add("required", f"{text} is not null")
        if column.data_type != "varchar":
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
            add("minimum", f"{value} >= {_bound(column, column.minimum)}")
        if column.maximum is not None:
            add("maximum", f"{value} <= {_bound(column, column.maximum)}")
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
) -> str:
    """A query of an entity's raw rows: each column cleaned, and as its type
    (``typed.*``). ``landed`` is a query of rows to take instead of the raw table's;
    ``also`` are columns of theirs to keep as they are.
    """
    kept = "".join(f", {name}" for name in also)
    cleaned, typed = [], []
    for column in entity.columns:
        missing = tokens if column.missing_tokens is None else column.missing_tokens
        name = quoted_name(column.name)
        trimmed = f"trim({name}, {_BLANKS})"
        listed = ", ".join(map(quoted_text, missing))
        cleaned.append(
            f"case when lower({trimmed}) not in ({listed}) then {trimmed} end as {name}"
        )
        typed.append(f"{_typed(column, name)} as {quoted_name('typed.' + column.name)}")
    return (
        f"select tenant_id, {', '.join(quoted_name(c.name) for c in entity.columns)}, "
        f"{', '.join(typed)}{kept} from (select tenant_id, date_order, "
        f"{', '.join(cleaned)}{kept} from ({landed or _landed_sql(entity)}))"
    )


def counts_sql(entity: Entity, tokens: Sequence[str], rules: Sequence[Rule]) -> str:
    """A query with, for each tenant, its rows, how many of them break any rule, and for
    each rule how many values it was applied to and how many broke it.
    """
    names = [f"kept_{n}" for n in range(len(rules))]
    verdicts = "".join(
        f", ({rule.verdict}) as {name}" for name, rule in zip(names, rules, strict=True)
    )
    refused = " or ".join(f"not {name}" for name in names) or "false"
    counts = "".join(f", count({name}), count(*) filter (not {name})" for name in names)
    return (
        f"select tenant_id, count(*), count(*) filter ({refused}){counts} from "
        f"(select tenant_id{verdicts} from ({typed_sql(entity, tokens)})) "
        "group by tenant_id order by tenant_id"
    )


def examples_sql(entity: Entity, tokens: Sequence[str], rule: Rule) -> str:
    """A query of up to five values, of the tenant given as parameter, that break a
    rule: among the first thousand that do, and each cut to 80 characters.
    """
    value = quoted_name(rule.column)
    return (
        f"select distinct case when length(value) > 80 then left(value, 79) || '…' "
        f"else value end from (select {value} as value from "
        f"({typed_sql(entity, tokens)}) where tenant_id = ? and not ({rule.verdict}) "
        "limit 1000) order by 1 limit 5"
    )


def rows_sql(entity: Entity, tokens: Sequence[str], rule: Rule) -> str:
    """A query of up to five rows, of the tenant given as parameter, that break a rule,
    the newest first: file, line (null for files without lines), row, value.
    """
    place = ("file", "line_number", "row_number", "loaded_at")
    return (
        f"select file, line_number, row_number, {quoted_name(rule.column)} from "
        f"({typed_sql(entity, tokens, also=place)}) where tenant_id = ? "
        f"and not ({rule.verdict}) order by loaded_at desc, file, row_number limit 5"
    )


def _landed_sql(entity: Entity) -> str:
    """A query of an entity's raw rows, null in columns that the table lacks: the gate
    runs before dbt adds those that a contract has gained.
    """
    columns = ", ".join(
        f"cast(null as {data_type}) as {quoted_name(name)}"
        for name, data_type in entity.raw_columns.items()
    )
    return (
        f"select * from raw.{quoted_name(entity.table)} "
        f"union all by name select {columns} where false"
    )


def _typed(column: Column, text: str) -> str:
    number = f"try_cast({text} as double)"
    if column.data_type == "bigint":
        whole = f"try_cast({text} as bigint)"
        return f"case when {number} = {whole} then {whole} end"
    if column.data_type == "double":
        return f"case when isfinite({number}) then {number} end"
    if column.data_type == "boolean":
        return f"try_cast({text} as boolean)"
    if column.data_type == "timestamp":
        return _timestamp(text)
    if column.data_type == "date":
        return f"cast({_timestamp(text)} as date)"
    return text


def _timestamp(text: str) -> str:
    number = f"try_cast({text} as double)"
    # Why in two steps: macros/casting/iso_timestamp.sql.
    iso = (
        f"case when try_cast({text} as timestamp) between cast('0001-01-01' as "
        "timestamp) and cast('9999-12-31 23:59:59.999999' as timestamp) "
        f"then try_cast({text} as timestamptz) at time zone 'UTC' end"
    )

    def instant(microseconds: str) -> str:
        return f"make_timestamp(cast(round({microseconds}) as bigint))"

    def dates(first: str, second: str) -> str:
        formats = ", ".join(
            f"'{first}{mark}{second}{mark}{year}{clock}'"
            for mark in "/-."
            for year in ("%Y", "%y")
            for clock in _CLOCKS
        )
        return f"try_strptime({text}, [{formats}])"

    return (
        f"case when {number} is not null then case "
        f"when abs({number}) < 1e11 then {instant(f'{number} * 1e6')} "
        f"when abs({number}) < 1e14 then {instant(f'{number} * 1e3')} "
        f"when abs({number}) < 1e17 then {instant(number)} "
        f"when abs({number}) < 9e18 then {instant(f'{number} / 1e3')} end "
        f"when date_order = 'mdy' then coalesce({dates('%m', '%d')}, {iso}) "
        f"when date_order = 'dmy' then coalesce({dates('%d', '%m')}, {iso}) "
        f"else coalesce({iso}, try_strptime({text}, {_OTHER_DATES})) end"
    )


def _bound(column: Column, bound: float | str) -> str:
    if column.data_type in ("date", "timestamp"):
        return f"cast({quoted_text(str(bound))} as {column.data_type})"
    return str(bound)


def quoted_name(name: str) -> str:
    """The name of a column or table in SQL."""
    return '"' + name.replace('"', '""') + '"'


def quoted_text(value: str) -> str:
    """A text in SQL."""
    return "'" + value.replace("'", "''") + "'"
