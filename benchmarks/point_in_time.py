"""Point-in-time features, measured: ``python -m benchmarks.point_in_time``.

Makes the prepared tables of one tenant with skewed popularity, lets dbt compile the
real models, and runs their SQL in processes of their own, in turn with the yardstick:
the plain join of aggregates over the whole history, which writes the same columns and
leaks the future into every one of them. Prints a Markdown table of seconds, peak memory
and the ratio to the yardstick.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.load_and_build import Run, fresh, median_run, run

PROJECT_ROOT = Path(__file__).resolve().parents[1]

FEATURE_MODELS = (
    "prepared.item_versions",
    "features.interaction_inputs",
    "features.interaction_features",
)
VIEWS = ("features.interaction_inputs",)
EXAMPLE_MODELS = (
    "features.item_timeline",
    "features.user_category_timeline",
    "training.examples",
)

EXECUTE = """
import duckdb, pathlib, sys
warehouse, memory_limit, temp_directory, *statements = sys.argv[1:]
connection = duckdb.connect(warehouse, config={
    "threads": 2, "memory_limit": memory_limit, "temp_directory": temp_directory,
    "preserve_insertion_order": False,
})
connection.execute("set TimeZone = 'UTC'; set enable_progress_bar = false")
for statement in statements:
    connection.execute(pathlib.Path(statement).read_text())
"""

PREPARED = """
create schema if not exists prepared;
create schema if not exists features;
create schema if not exists training;
create table prepared.interactions as
with bits as (
    select
        number,
        md5_number_lower(cast(number as varchar)) as low,
        md5_number_upper(cast(number as varchar)) as high
    from range({interactions}) as numbers (number)
),
drawn as (
    select
        number,
        low % {users} as user_number,
        cast(floor({items} * power((high % 1000000007) / 1000000007, 3)) as bigint)
            as item_number,
        timestamp '2024-01-01' + to_seconds(
            cast(low // {users} % (365 * 86400) as bigint)
        ) as interacted_at,
        cast(high // 1000000007 % 10 as integer) as kind
    from bits
)
select
    'tenant' as tenant_id,
    cast(md5(cast(number as varchar)) as varchar) as interaction_id,
    'user-' || user_number as user_id,
    'item-' || item_number as item_id,
    user_number + 1 as user_key,
    item_number + 1 as item_key,
    case when kind < 2 then 'rating' when kind < 6 then 'view' else 'click' end
        as event_type,
    case when kind < 2 then 1 + (number % 9) / 2 end as rating,
    cast(1 + kind // 5 as double) as event_weight,
    row_number() over (partition by user_number order by interacted_at, number)
        as interaction_order,
    kind % 2 = 0 as is_positive,
    interacted_at
from drawn;
create table prepared.tenants as
select
    'tenant' as tenant_id, true as has_times, max(interacted_at) as last_interacted_at
from prepared.interactions;
create table prepared.users as
select
    'tenant' as tenant_id, 'user-' || number as user_id, number + 1 as user_index,
    number + 1 as user_key
from range({users}) as numbers (number);
create table prepared.items as
select
    'tenant' as tenant_id, 'item-' || number as item_id, number + 1 as item_index,
    number + 1 as item_key
from range({items}) as numbers (number);
create table prepared.item_history as
select
    'tenant' as tenant_id,
    'item-' || number as item_id,
    'category ' || ((number + version) % 40) as category_path,
    'brand ' || number % 500 as brand,
    cast(version + number % 100 as double) as price,
    number || '-' || version as load_id,
    timestamp '2024-03-01' + interval 4 month * version as valid_from,
    cast(null as timestamp) as valid_to
from range({items}) as numbers (number), range(2) as versions (version)
where version = 0 or number % 10 = 0;
"""

POSITIVES = """
create table training.positives as
select
    tenant_id, interaction_id, user_id, item_id, event_type, 'train' as split,
    event_weight, interaction_order, interacted_at
from prepared.interactions
where is_positive
order by interaction_id
limit {positives};
create table training.negative_draws as
select
    tenant_id,
    cast(substr(user_id, 6) as bigint) + 1 as user_index,
    interaction_order,
    cast(md5_number_lower(interaction_id || draw) % {items} as bigint) + 1
        as item_index,
    draw,
    4 / {items} as sampling_probability
from training.positives, range(1, 5) as draws (draw);
create table training.explicit_negatives as
select
    tenant_id, interaction_id, event_type, 'dislike' as negative_kind,
    'train' as split, interacted_at
from prepared.interactions
where false;
"""


def _aggregates(key: str, other: str, name: str) -> str:
    """The statement that makes the yardstick's totals of users or items."""
    windows = ",\n    ".join(
        f"count(*) filter (where interacted_at >= newest_at - interval {days} day) "
        f"as {name}_interaction_count_{days}d"
        for days in (1, 7, 30)
    )
    return f"""
create or replace temp table {name}_totals as
select
    tenant_id,
    {key},
    count(*) as {name}_interaction_count,
    count(*) filter (where is_positive) as {name}_positive_count,
    count(distinct {other}) as {name}_unique_count,
    count(rating) as {name}_rating_count,
    sum(cast(round(rating * 1000000) as bigint)) / count(rating) / 1000000
        as {name}_average_rating,
    {windows},
    min(interacted_at) as {name}_first_interacted_at,
    max(interacted_at) as {name}_last_interacted_at
from prepared.interactions
inner join (
    select tenant_id, max(interacted_at) as newest_at
    from prepared.interactions
    group by tenant_id
) using (tenant_id)
group by tenant_id, {key}
"""


ITEMS = """
create or replace temp table items as
select
    tenant_id, item_id, trim(split_part(category_path, '|', 1)) as item_category,
    brand as item_brand, price as item_price, valid_from as item_valid_from
from prepared.item_history
qualify row_number() over (
    partition by tenant_id, item_id order by valid_from desc
) = 1
"""

USER_CATEGORIES = """
create or replace temp table user_category_totals as
select
    tenant_id, user_id, item_category,
    count(*) as user_category_interaction_count,
    count(*) filter (where is_positive) as user_category_positive_count,
    max(interacted_at) as user_category_last_interacted_at
from prepared.interactions
left join items using (tenant_id, item_id)
group by tenant_id, user_id, item_category
"""

PLAIN_JOIN = """
create or replace table features.plain_features as
select
    tenant_id, interaction_id, user_id, item_id, item_category, item_brand,
    user_interaction_count, user_positive_count, user_unique_count,
    user_rating_count, user_average_rating, user_interaction_count_1d,
    user_interaction_count_7d, user_interaction_count_30d,
    (epoch_us(interacted_at) - epoch_us(user_last_interacted_at)) / 86400e6
        as user_days_since_last,
    (epoch_us(interacted_at) - epoch_us(user_first_interacted_at)) / 86400e6
        as user_days_since_first,
    item_price,
    item_interaction_count, item_positive_count, item_unique_count,
    item_rating_count, item_average_rating, item_interaction_count_1d,
    item_interaction_count_7d, item_interaction_count_30d,
    (epoch_us(interacted_at) - epoch_us(item_last_interacted_at)) / 86400e6
        as item_days_since_last,
    (epoch_us(interacted_at) - epoch_us(item_first_interacted_at)) / 86400e6
        as item_days_since_first,
    user_category_interaction_count, user_category_positive_count,
    user_category_interaction_count / user_interaction_count as user_category_share,
    item_valid_from, user_last_interacted_at, item_last_interacted_at,
    user_category_last_interacted_at, interacted_at as as_of
from prepared.interactions
inner join user_totals using (tenant_id, user_id)
inner join item_totals using (tenant_id, item_id)
left join items using (tenant_id, item_id)
left join user_category_totals using (tenant_id, user_id, item_category)
"""

# One statement after the other: in one query, the sets of different users and items
# are all in memory at once, which 10 GB do not hold for 20 million interactions.
YARDSTICK = (
    _aggregates("user_id", "item_id", "user"),
    _aggregates("item_id", "user_id", "item"),
    ITEMS,
    USER_CATEGORIES,
    PLAIN_JOIN,
)


@dataclass(frozen=True)
class Measured:
    """What was run, on how many rows, and what it took."""

    name: str
    rows: int
    run: Run


class Bench:
    """One warehouse of synthetic data, and statements run against it."""

    def __init__(self, home: Path, memory_limit: str) -> None:
        """Everything is written below ``home``; ``memory_limit`` is DuckDB's."""
        self.home = home
        self.memory_limit = memory_limit
        self.environment = fresh(home, "bench")
        self.warehouse = Path(self.environment["WINNOW_WAREHOUSE"])
        self.target = Path(self.environment["DBT_TARGET_PATH"])
        for folder in (self.warehouse.parent, home / "sql"):
            folder.mkdir(parents=True, exist_ok=True)

    def execute(self, *statements: str) -> Run:
        """Run SQL statements in a process of their own."""
        files = []
        for number, statement in enumerate(statements):
            files.append(self.home / "sql" / f"{number}.sql")
            files[-1].write_text(statement)
        command: list[str | Path] = [sys.executable, "-c", EXECUTE, self.warehouse]
        command += [self.memory_limit, self.environment["WINNOW_TEMP_DIRECTORY"]]
        log = self.home / "log.txt"
        try:
            return run([*command, *files], dict(os.environ), log)
        except SystemExit as error:
            raise SystemExit(log.read_text()[-2000:]) from error

    def models(self, names: Sequence[str]) -> list[str]:
        """The statements that make the tables of models, with the SQL that dbt runs."""
        dbt: list[str | Path] = [Path(sys.executable).parent / "dbt", "compile"]
        dbt += ["--quiet", "--select", *(name.split(".")[1] for name in names)]
        dbt += ["--project-dir", PROJECT_ROOT, "--profiles-dir", PROJECT_ROOT]
        run(dbt, self.environment, self.home / "log.txt")
        return [
            f"create or replace {'view' if name in VIEWS else 'table'} {name} as "
            f"{self._compiled(name)}"
            for name in names
        ]

    def _compiled(self, name: str) -> str:
        layer, model = name.split(".")
        folder = self.target / "compiled" / "winnow" / "models" / layer
        (file,) = folder.rglob(f"{model}.sql")
        return file.read_text()


def measure(
    interactions: int,
    positives: int,
    *,
    users: int,
    items: int,
    repeats: int,
    memory_limit: str,
    scratch: Path | None,
) -> list[Measured]:
    """Measure the yardstick, the features of every interaction, and the examples of
    ``positives`` positives with four negatives each (0 leaves the examples out).
    """
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        bench = Bench(Path(folder), memory_limit)
        print(f"making {interactions:,} interactions", file=sys.stderr)
        sizes = {"interactions": interactions, "users": users, "items": items}
        bench.execute(PREPARED.format(**sizes))
        models = bench.models(FEATURE_MODELS)
        plain, features = [], []
        for repeat in range(repeats):
            print(f"yardstick and features, run {repeat + 1}", file=sys.stderr)
            plain.append(bench.execute(*YARDSTICK))
            features.append(bench.execute(*models))
        measured = [
            Measured("plain aggregate join (leaks)", interactions, median_run(plain)),
            Measured("point-in-time features", interactions, median_run(features)),
        ]
        if positives:
            print("examples", file=sys.stderr)
            bench.execute(POSITIVES.format(positives=positives, items=items))
            *timelines, examples = bench.models(EXAMPLE_MODELS)
            measured += [
                Measured("timelines", interactions, bench.execute(*timelines)),
                Measured(
                    "examples, four negatives each",
                    positives * 5,
                    bench.execute(examples),
                ),
            ]
    return measured


def print_table(measured: Sequence[Measured]) -> None:
    """Print what was measured as Markdown; the first row is the yardstick."""
    print("| step | rows | seconds | rows/s | peak GiB | times the plain join |")
    print("|---|---|---|---|---|---|")
    yardstick = measured[0].run.seconds
    for each in measured:
        print(
            f"| {each.name} | {each.rows:,} | {each.run.seconds:.1f} "
            f"| {each.rows / each.run.seconds:,.0f} | {each.run.peak_gib:.2f} "
            f"| {each.run.seconds / yardstick:.2f} |"
        )


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interactions", type=int, default=20_000_000)
    parser.add_argument("--positives", type=int, default=1_000_000)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--memory-limit", default="8GB")
    parser.add_argument("--scratch", type=Path, help="folder for the data")
    given = vars(parser.parse_args())
    print_table(measure(given.pop("interactions"), given.pop("positives"), **given))


if __name__ == "__main__":
    main()
