"""What looks wrong in a load beside the earlier ones of its feed, although it breaks no
rule: a column that stays empty, a catalogue that lost most of what it listed, ids that
start again. A sentence each.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import duckdb

from winnow.contracts.entities import LOG_SOURCE, Entity, load_contracts
from winnow.warehouse.reading import has_table
from winnow.warehouse.sql import identifier

_CHANCE = 0.05
"""A file is told that lacks a column by chance less often than this."""

_KEYS = {"item_id": "items", "user_id": "users"}
"""What a snapshot lists, by the column that names it."""

_LOADS_SQL = """
select
    source, entity, tenant_id, coalesce(feed, '') as feed, load_id,
    min(loaded_at) as loaded_at, bool_or(mode = 'snapshot') as is_snapshot
from staging.stg_winnow__loaded_files
where corrects_load_id is null
group by source, entity, tenant_id, coalesce(feed, ''), load_id
qualify count(*) over (partition by source, entity, tenant_id, coalesce(feed, '')) > 1
order by source, entity, tenant_id, feed, loaded_at, load_id
"""

_COLLISIONS_SQL = """
select tenant_id, sum(collision_count)::bigint, sum(checked_count)::bigint
from validated.id_collisions as collisions
where collision_count > 0 {and_not_held}
group by tenant_id
order by tenant_id
"""


@dataclass(frozen=True)
class _Load:
    load_id: str
    is_snapshot: bool


@dataclass(frozen=True)
class _Feed:
    """Loads of one entity that belong together, in their order; at least two."""

    entity: Entity
    tenant_id: str
    loads: tuple[_Load, ...]

    @property
    def table(self) -> str:
        return f"validated.val_{self.entity.source}__{self.entity.name}"


def feed_suspicions(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[str, str]]:
    """Tenant and sentence for each thing that looks wrong in the newest load of a feed;
    nothing where the validated layer has not been built.
    """
    for feed in _feeds(connection):
        for sentence in (*_missing(connection, feed), *_shrunk(connection, feed)):
            yield feed.tenant_id, sentence
    yield from _collisions(connection)


def _feeds(connection: duckdb.DuckDBPyConnection) -> list[_Feed]:
    if not has_table(connection, "staging", "stg_winnow__loaded_files"):
        return []
    held = _held(connection)
    found: dict[tuple[str, str, str, str], list[_Load]] = {}
    for source, entity, tenant, feed, load_id, _, is_snapshot in connection.execute(
        _LOADS_SQL
    ).fetchall():
        loads = found.setdefault((source, entity, tenant, feed), [])
        # What is held is no measure for others; the newest is looked at all the same.
        loads.append(_Load(load_id, is_snapshot))
    contracts = load_contracts()
    feeds = []
    for (source, entity, tenant, _), loads in found.items():
        known = contracts.get((source, entity))
        if known is None or source == LOG_SOURCE:
            continue
        *earlier, newest = loads
        kept = [
            load
            for load in earlier
            if (tenant, source, entity, load.load_id) not in held
        ]
        feed = _Feed(known, tenant, (*kept, newest))
        table = f"val_{source}__{entity}"
        if kept and has_table(connection, "validated", table):
            feeds.append(feed)
    return feeds


def _held(
    connection: duckdb.DuckDBPyConnection,
) -> frozenset[tuple[str, str, str, str]]:
    """Tenant, source, entity and load of what is held."""
    if not has_table(connection, "validated", "load_verdicts"):
        return frozenset()
    rows = connection.execute(
        "select tenant_id, source, entity, load_id from validated.load_verdicts "
        "where verdict = 'held'"
    ).fetchall()
    return frozenset((row[0], row[1], row[2], row[3]) for row in rows)


def _missing(connection: duckdb.DuckDBPyConnection, feed: _Feed) -> Iterator[str]:
    """Files of the newest load without one value of a column that all earlier loads
    had, where that is hardly chance.
    """
    columns = feed.entity.columns
    counts = "".join(f", count({identifier(c.canonical_name)})" for c in columns)
    rows = connection.execute(
        f"select load_id, file, count(*){counts} from {feed.table} "
        "where tenant_id = ? and load_id in (select unnest(?::varchar[])) "
        "group by all order by load_id, file",
        [feed.tenant_id, [load.load_id for load in feed.loads]],
    ).fetchall()
    newest = feed.loads[-1].load_id
    earlier: dict[str, list[int]] = {}
    for load_id, _, *numbers in rows:
        if load_id != newest:
            sums = earlier.setdefault(load_id, [0] * len(numbers))
            earlier[load_id] = [a + b for a, b in zip(sums, numbers, strict=True)]
    if not earlier:
        return
    totals = [sum(numbers) for numbers in zip(*earlier.values(), strict=True)]
    for load_id, file, records, *given in rows:
        if load_id != newest:
            continue
        for place, (column, values) in enumerate(zip(columns, given, strict=True)):
            had = [numbers[1 + place] for numbers in earlier.values()]
            share = totals[1 + place] / totals[0]
            if values or not all(had) or (1 - share) ** records >= _CHANCE:
                continue
            if _is_given(connection, feed, file, column.name):
                continue
            before = (
                "the load before it" if len(had) == 1 else f"all {len(had):,} before it"
            )
            verb = "has" if len(had) == 1 else "have"
            yield (
                f"{file} (load {newest}) brings no {column.name}, and {before} {verb} "
                f"it. Has the file another name for it? --map {column.name}=COLUMN says"
                " which."
            )


def _is_given(
    connection: duckdb.DuckDBPyConnection, feed: _Feed, file: str, column: str
) -> bool:
    """Whether values are there that cannot be read as their type."""
    found = connection.execute(
        f"select count(*) from {feed.table} where tenant_id = ? and load_id = ? "
        "and file = ? and list_contains(rejection_reasons, ?)",
        [feed.tenant_id, feed.loads[-1].load_id, file, f"{column}.type"],
    ).fetchone()
    return bool(found and found[0])


def _shrunk(connection: duckdb.DuckDBPyConnection, feed: _Feed) -> Iterator[str]:
    """A snapshot that lists less than half of what the one before it listed."""
    newest, before = feed.loads[-1], feed.loads[-2]
    key = next((c.canonical_name for c in feed.entity.columns), "")
    if not newest.is_snapshot or key not in _KEYS:
        return
    rows = connection.execute(
        f"select load_id, count(distinct {key}) from {feed.table} "
        "where tenant_id = ? and load_id in (?, ?) and is_accepted group by load_id",
        [feed.tenant_id, newest.load_id, before.load_id],
    ).fetchall()
    listed = dict(rows)
    now, then = listed.get(newest.load_id, 0), listed.get(before.load_id, 0)
    if now > 0 and now * 2 < then:
        yield (
            f"load {newest.load_id} of {feed.entity.source}.{feed.entity.name} lists "
            f"{now:,} {_KEYS[key]}, and the one before it {then:,}. What a snapshot "
            "does not list is no longer listed: load a catalogue that comes in parts "
            "with --mode append."
        )


def _collisions(
    connection: duckdb.DuckDBPyConnection,
) -> Iterator[tuple[str, str]]:
    """Records that took the place of those of another user or item."""
    if not has_table(connection, "validated", "id_collisions"):
        return
    and_not_held = ""
    if has_table(connection, "validated", "load_verdicts"):
        and_not_held = (
            "and not exists (select 1 from validated.load_verdicts as verdicts where "
            "verdicts.verdict = 'held' and verdicts.tenant_id = collisions.tenant_id "
            "and verdicts.source = collisions.source "
            "and verdicts.entity = collisions.entity "
            "and verdicts.load_id = collisions.load_id)"
        )
    for tenant, count, checked in connection.execute(
        _COLLISIONS_SQL.format(and_not_held=and_not_held)
    ).fetchall():
        yield (
            tenant,
            f"{count:,} of {checked:,} records have an interaction_id that an earlier "
            "load gave to another user or item, and took the place of that record. If "
            "ids start again with each file, load with --ignore interaction_id.",
        )
