"""What ``make bench-sampling`` asks of every sampler's draws, in one place and in SQL.

Draws are a Parquet file of interaction and item, numbered as in the data set. With n_u
draws for a user, an item that the user never touched should be drawn n_u * w / W_u
times, where w is the item's weight (1 for a uniform sampler) and W_u the weight of all
items that the user never touched. The expectation follows from the draws that each user
got, so that missing draws are counted once, as short rows, and not as bias too.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import duckdb

from benchmarks.sampling_data import RATIO, Dataset, connect

NOISE = 4.0
"""Standard deviations. The worst of twenty deciles of an exact sampler lies beyond 4
about once in 800 times, and beyond 3.5 once in 100.
"""


@dataclass(frozen=True)
class Exactness:
    """What was found: draws in all; draws of items that the user touched or that do
    not exist; repeated items within a positive; positives with another number of draws
    than the ratio, or than the user's untouched items where those are fewer; and of
    the twenty deciles (ten by item number, ten by popularity) the largest relative
    deviation from the expected draws, the standard deviation that chance gives that
    decile, and the largest deviation in standard deviations.
    """

    draws: int
    seen: int
    repeats: int
    short: int
    bias: float
    noise: float
    z: float

    @property
    def unbiased(self) -> bool:
        """Whether chance explains every decile."""
        return self.z <= NOISE

    @property
    def exact(self) -> bool:
        """Whether nothing was found."""
        return self.unbiased and not (self.seen or self.repeats or self.short)


def check(
    data: Dataset,
    draws: Path,
    weights: Path | None = None,
    *,
    ratio: int = RATIO,
    memory_limit: str = "8GB",
) -> Exactness:
    """Check the draws of one sampler. ``weights`` is a Parquet file of item and weight,
    for a sampler whose target is not uniform. Big data is checked a part of the users
    at a time, which bounds the memory.
    """
    spill = data.folder / "spill"
    target = f"'{weights}'" if weights else "uniform"
    with connect(None, memory_limit, spill) as connection:
        connection.execute(
            f"""
            create table uniform as
            select cast(range as integer) as item, 1 as weight
            from range({data.items});
            create table items as
            select item, cast(weight as double) as weight from {target};
            create table positives as
            select interaction, "user", item from '{data.pairs}';
            create table seen as select distinct "user", item from positives;
            create table drawn as
            select positives."user", drawn.interaction, drawn.item
            from '{draws}' as drawn
            left join positives using (interaction);
            create table users as
            select
                seen."user",
                {data.items} - count(*) as pool_size,
                (select sum(weight) from items) - sum(items.weight) as free_weight
            from seen
            inner join items using (item)
            group by seen."user"
            """
        )
        parts = max(1, data.interactions // 2_000_000)
        counts = [
            _one_row(connection, _wrong_draws(part, parts, ratio))
            for part in range(parts)
        ]
        unknown = _one_row(
            connection, 'select count(*) from drawn where "user" is null'
        )
        bias, noise, z = _one_row(connection, _WORST_DECILE)
        (total,) = _one_row(connection, "select count(*) from drawn")
    seen, repeats, short = (int(sum(found)) for found in zip(*counts, strict=True))
    return Exactness(
        draws=int(total),
        seen=seen + int(unknown[0]),
        repeats=repeats,
        short=short,
        bias=bias,
        noise=noise,
        z=z,
    )


def _one_row(connection: duckdb.DuckDBPyConnection, sql: str) -> tuple[float, ...]:
    row: tuple[float, ...] | None = connection.execute(sql).fetchone()
    assert row is not None
    return row


def _wrong_draws(part: int, parts: int, ratio: int) -> str:
    """Draws of seen or unknown items, repeats and positives with a wrong count, of the
    users in one part.
    """
    of_part = f'"user" % {parts} = {part}'
    return f"""
        with drawn_items as (
            select "user", interaction, item, count(*) as times
            from drawn
            where {of_part}
            group by "user", interaction, item
        ),
        marked as (
            select
                drawn_items.*,
                seen.item is not null or items.item is null as is_seen
            from drawn_items
            left join (select * from seen where {of_part}) as seen using ("user", item)
            left join items using (item)
        ),
        rows_drawn as (
            select
                interaction,
                sum(times) as drawn_count,
                sum(times) filter (where is_seen) as seen_count,
                sum(times - 1) as repeat_count
            from marked
            group by interaction
        )
        select
            coalesce(sum(seen_count), 0),
            coalesce(sum(repeat_count), 0),
            count(*) filter (
                where coalesce(drawn_count, 0) != least({ratio}, pool_size)
            )
        from (select * from positives where {of_part}) as positives
        inner join users using ("user")
        left join rows_drawn using (interaction)
    """


# Expected draws of an item: its weight times the sum, over the users who never touched
# it, of draws over untouched weight: the sum over all users less that over its users.
_WORST_DECILE = """
    with user_draws as (
        select users."user", coalesce(drawn_count, 0) / free_weight as share
        from users
        left join (
            select "user", count(*) as drawn_count from drawn group by "user"
        ) using ("user")
        where free_weight > 0
    ),
    popularity as (
        select item, count(*) as interaction_count from positives group by item
    ),
    touched as (
        select seen.item, sum(share) as share
        from seen
        inner join user_draws using ("user")
        group by seen.item
    ),
    observed as (
        select item, count(*) as draws from drawn group by item
    ),
    per_item as (
        select
            items.item,
            coalesce(observed.draws, 0) as observed,
            items.weight * (
                (select sum(share) from user_draws) - coalesce(touched.share, 0)
            ) as expected,
            ntile(10) over (order by items.item) as id_decile,
            ntile(10) over (
                order by coalesce(popularity.interaction_count, 0), items.item
            ) as popularity_decile
        from items
        left join popularity using (item)
        left join touched using (item)
        left join observed using (item)
    ),
    per_decile as (
        select sum(observed) as observed, sum(expected) as expected
        from per_item
        group by grouping sets ((id_decile), (popularity_decile))
    ),
    measured as (
        select
            abs(observed / expected - 1) as bias,
            -- Of draws that were independent; those of a positive differ, so less.
            sqrt((1 - expected / (select sum(expected) / 2 from per_decile)) / expected)
                as noise
        from per_decile
        where expected > 0
    )
    select
        coalesce(max(bias), 0),
        coalesce(arg_max(noise, bias), 0),
        coalesce(max(bias / noise), 0)
    from measured
"""
