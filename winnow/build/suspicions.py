"""What a tenant's interactions look like although no rule is broken: scales, times and
positives that somebody should look at, as a sentence each.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import duckdb

from winnow.build.feed_suspicions import feed_suspicions
from winnow.core.settings import seeds_folder
from winnow.warehouse.reading import has_table, read_only

_LOOKED_AT = 100_000
"""Records of a load by which its scale of ratings is told."""

_SEED = "seeds/tenant_settings.csv"
_SHIPPED_MINIMUM = 4.0
"""What ``positive_rating_minimum`` of ``*`` is for: ratings from 1 to 5."""

_SQL = """
select
    interactions.tenant_id,
    count(*),
    count(*) filter (interactions.is_positive),
    count(interactions.rating),
    min(interactions.rating),
    max(interactions.rating),
    any_value(own.positive_rating_minimum),
    any_value(any_tenant.positive_rating_minimum),
    count(interactions.interacted_at),
    min(interactions.interacted_at),
    max(interactions.interacted_at),
    count(*) filter (interactions.interacted_at < '1970-01-02'::timestamp),
    count(*) filter (interactions.interacted_at = '1970-01-01'::timestamp)
from prepared.interactions as interactions
left join seeds.tenant_settings as own on interactions.tenant_id = own.tenant_id
left join seeds.tenant_settings as any_tenant on any_tenant.tenant_id = '*'
group by interactions.tenant_id
order by interactions.tenant_id
"""


@dataclass(frozen=True)
class _Seen:
    tenant_id: str
    interactions: int
    positives: int
    ratings: int
    lowest: float | None
    highest: float | None
    own_minimum: float | None
    any_minimum: float | None
    times: int
    first: datetime | None
    last: datetime | None
    on_first_day: int
    at_zero: int


def suspicions(connection: duckdb.DuckDBPyConnection) -> tuple[str, ...]:
    """A sentence for each thing that looks wrong in ``prepared.interactions``, and in
    the newest load of each feed, by tenant; none where nothing has been built.
    """
    of_feeds = tuple(
        f"tenant {tenant}: {sentence}"
        for tenant, sentence in feed_suspicions(connection)
    )
    if not has_table(connection, "prepared", "interactions"):
        return of_feeds
    rows = connection.execute(_SQL).fetchall()
    return of_feeds + tuple(
        f"tenant {seen.tenant_id}: {sentence}"
        for seen in (_Seen(*row) for row in rows)
        for sentence in (_of_scale(seen), _of_positives(seen), *_of_times(seen))
        if sentence
    )


def load_suspicions(warehouse: Path, tenant: str, load_id: str) -> tuple[str, ...]:
    """What to say of the ratings of a load that has just landed, by its first records;
    nothing where the tenant has set ``positive_rating_minimum``.
    """
    with (seeds_folder() / "tenant_settings.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        minimums = {
            row["tenant_id"]: row["positive_rating_minimum"]
            for row in csv.DictReader(file)
        }
    if minimums.get(tenant) or float(minimums["*"]) != _SHIPPED_MINIMUM:
        return ()
    with read_only(warehouse) as connection:
        if not has_table(connection, "raw", "canonical_interactions"):
            return ()
        found = connection.execute(
            "select min(rating), max(rating) from (select try_cast(rating as double) "
            "as rating from raw.canonical_interactions where load_id = ? "
            f"limit {_LOOKED_AT}) where isfinite(rating)",
            [load_id],
        ).fetchone()
    lowest, highest = found or (None, None)
    if lowest is None or highest is None:
        return ()
    hint = scale_hint(lowest, highest, _SHIPPED_MINIMUM)
    return () if hint is None else (f"tenant {tenant}: {hint}",)


def scale_hint(lowest: float, highest: float, minimum: float) -> str | None:
    """What to say of ratings between these, where nobody has set
    ``positive_rating_minimum``; None for a scale of 1 to 5, halves included.
    """
    if lowest >= 0.5 and 1 < highest <= 5:
        return None
    hint = (
        f"ratings run from {lowest:g} to {highest:g}, and {minimum:g} or more counts "
        "as positive, which is meant for 1 to 5: set positive_rating_minimum in "
        f"{_SEED}"
    )
    suspects = [f"{one:g}" for one in (lowest, highest) if one in (0, -1, 99)]
    if suspects and (highest > 1 or lowest < 0):
        hint += (
            f", and no_rating_values if {' or '.join(suspects)} means that no rating "
            "was given"
        )
    return f"{hint}."


def _of_scale(seen: _Seen) -> str | None:
    nobody_has_set_it = (
        seen.own_minimum is None and seen.any_minimum == _SHIPPED_MINIMUM
    )
    if not nobody_has_set_it or seen.lowest is None or seen.highest is None:
        return None
    return scale_hint(seen.lowest, seen.highest, _SHIPPED_MINIMUM)


def _of_positives(seen: _Seen) -> str | None:
    if seen.positives:
        return None
    sentence = f"none of its {seen.interactions:,} interactions is positive"
    if seen.highest is not None:
        minimum = seen.any_minimum if seen.own_minimum is None else seen.own_minimum
        sentence += (
            f"; its ratings end at {seen.highest:g}, and {minimum:g} or more counts "
            f"(positive_rating_minimum in {_SEED})"
        )
    return (
        f"{sentence}. There is nothing to train on or to evaluate; which event types "
        "are positive is in seeds/event_types.csv."
    )


def _of_times(seen: _Seen) -> list[str]:
    found = []
    if seen.times > 1 and seen.first == seen.last:
        found.append(
            f"all of its {seen.times:,} times are {seen.first}, so that splits by time "
            "have nothing to go by, and nothing may be left to evaluate."
        )
    if seen.on_first_day:
        zeros = f", {seen.at_zero:,} of them exactly at 0" if seen.at_zero else ""
        found.append(
            f"{seen.on_first_day:,} of its {seen.times:,} times are on 1970-01-01"
            f"{zeros}: small numbers are read as seconds since then, and 0 often means "
            f"that there is no time. earliest_interacted_at in {_SEED} rejects them."
        )
    return found
