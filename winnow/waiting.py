"""Rejected records of loads that no build has taken in: those that are new, and those
that the raw gate stopped. They are judged by the rules that the gate judges them by.
"""

from __future__ import annotations

from dataclasses import dataclass

import duckdb

from ingest.contracts import LOG_SOURCE, Entity, load_contracts
from ingest.expectations.rules import (
    accepted_pairs,
    landed_sql,
    missing_tokens,
    quoted_text,
    rules_of,
    tenant_settings,
    typed_sql,
)
from winnow.rejected import Filters
from winnow.sql import literals
from winnow.warehouse import has_table

_PLACE = ("file", "line_number", "row_number")


@dataclass(frozen=True)
class WaitingCount:
    """Records of one tenant, entity and reason, and the first of them: its file, its
    line (its record's number where the file has no lines), and the value, None where
    it is missing or the record could not be read.
    """

    tenant_id: str
    source: str
    entity: str
    reason: str
    records: int
    example_file: str
    example_line: int
    example_value: str | None


def waiting_counts(
    connection: duckdb.DuckDBPyConnection, filters: Filters
) -> list[WaitingCount]:
    """Counts by tenant, entity and reason, the most first. A record with several
    reasons counts for each.
    """
    if not has_table(connection, "raw", "winnow_loaded_files"):
        return []
    loads = _waiting_loads(connection, filters)
    if not loads:
        return []
    found: list[WaitingCount] = []
    for entity in load_contracts().values():
        is_meant = filters.source in (None, entity.source)
        is_meant &= filters.entity in (None, entity.name)
        if is_meant and entity.source != LOG_SOURCE:
            found += _of_entity(connection, entity, loads)
    return sorted(
        (
            one
            for one in found
            if filters.tenant in (None, one.tenant_id)
            and filters.reason in (None, one.reason)
        ),
        key=lambda one: (-one.records, one.tenant_id, one.source, one.reason),
    )


def _waiting_loads(
    connection: duckdb.DuckDBPyConnection, filters: Filters
) -> list[str]:
    built = "false"
    if has_table(connection, "quality", "reconciliation"):
        built = "load_id in (select load_id from quality.reconciliation)"
    rows = connection.execute(
        f"select distinct load_id from raw.winnow_loaded_files where not ({built}) "
        "and (? is null or load_id = ?) order by load_id",
        [filters.load_id, filters.load_id],
    ).fetchall()
    return [load_id for (load_id,) in rows]


def _of_entity(
    connection: duckdb.DuckDBPyConnection, entity: Entity, loads: list[str]
) -> list[WaitingCount]:
    settings = tenant_settings()
    chosen = f"load_id in ({literals(loads)})"
    queries = []
    if has_table(connection, "raw", entity.table):
        landed = f"select * from ({landed_sql(entity)}) where {chosen}"
        typed = typed_sql(entity, missing_tokens(), landed, _PLACE, settings)
        broken = ", ".join(
            f"case when not ({rule.verdict}) then struct_pack("
            f'reason := {quoted_text(rule.key)}, value := "{rule.column}") end'
            for rule in rules_of(entity, accepted_pairs(entity), settings)
        )
        queries.append(
            f"select tenant_id, {', '.join(_PLACE)}, unnest([{broken}]) as broken "
            f"from ({typed})"
        )
    if has_table(connection, "raw", "winnow_unreadable_records"):
        queries.append(
            f"select tenant_id, {', '.join(_PLACE)}, struct_pack("
            "reason := 'record.' || reason, value := cast(null as varchar)) as broken "
            f"from raw.winnow_unreadable_records where {chosen} "
            f"and source = {quoted_text(entity.source)} "
            f"and entity = {quoted_text(entity.name)}"
        )
    if not queries:
        return []
    first = "arg_min({}, (file, row_number))"
    rows = connection.execute(
        f"select tenant_id, broken.reason, count(*), {first.format('file')}, "
        f"{first.format('coalesce(line_number, row_number)')}, "
        f"{first.format('struct_pack(value := broken.value)')}.value "
        f"from ({' union all '.join(queries)}) where broken is not null group by all"
    ).fetchall()
    return [
        WaitingCount(tenant, entity.source, entity.name, *rest)
        for tenant, *rest in rows
    ]
