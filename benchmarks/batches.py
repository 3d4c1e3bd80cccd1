"""Daily batches, measured: ``python -m benchmarks.batches``.

Makes what the models read for one tenant of so many positives (a fifth of them test)
and another that nobody plans, plans 20 days and runs some, all in this process. Prints
seconds by the clock and of the processor.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import duckdb

from winnow.build.dbt import run_dbt
from winnow.core.settings import Settings
from winnow.evaluation import batches

WORLD = """
create schema prepared;
create schema training;
create schema seeds;
create table prepared.interactions as
select
    if(number % 2 = 0, 'wanted', 'other') as tenant_id,
    cast(uuid() as varchar) as interaction_id,
    'u' || hash(number, 'u') % 100000 as user_id,
    'i' || hash(number, 'i') % 50000 as item_id,
    timestamp '2024-01-01' + to_seconds(number) as interacted_at,
    timestamp '2034-01-01' as loaded_at
from range(2 * {positives}) as numbers (number);
create table training.split_assignments as
select
    tenant_id, interaction_id, user_id, item_id, split_name,
    if(hash(interaction_id) % 5 = 0, 'test', 'train') as split,
    cast(0 as bigint) as fold, false as is_cold_user, false as is_cold_item,
    interacted_at
from prepared.interactions, (values ('time'), ('last_out')) as named (split_name);
create table prepared.splits as
select tenant_id, split_name, cast(0 as bigint) as main_fold,
    split_name = 'time' as is_first_split
from (values ('wanted'), ('other')) as tenants (tenant_id),
    (values ('time'), ('last_out')) as named (split_name);
create table prepared.tenants as
select tenant_id, min(interacted_at) as first_interacted_at
from prepared.interactions group by tenant_id;
create table prepared.users as
select distinct tenant_id, user_id, true as has_profile from prepared.interactions;
create table prepared.items as
select distinct tenant_id, item_id, true as is_listed from prepared.interactions;
create table seeds.quality_thresholds as
select '*' as tenant_id, 'batches' as entity, 'error_rate' as dimension,
    cast(0.05 as double) as threshold, 'error' as severity
"""

BUILT = """
insert into quality.builds by name
select 'whole' as build_id, 'build' as command, 'passed' as verdict, true as is_whole,
    now() at time zone 'UTC' as started_at, now() at time zone 'UTC' as ended_at
"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--positives", type=int, default=10_000_000)
    parser.add_argument("--days", type=int, default=5)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        _measure(Path(folder), arguments.positives, arguments.days)


def _measure(home: Path, positives: int, days: int) -> None:
    settings = Settings(
        warehouse=home / "winnow.duckdb",
        state=home / "state",
        target=home / "target",
        temp_directory=home / "tmp",
    )
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(WORLD.format(positives=positives))
    made = run_dbt(settings, ["run", "--select", *batches.MODELS])
    assert made.succeeded, made.failures
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(BUILT)
    print(f"{positives:,} positives of the tenant, and as many of another")
    clock, processor = time.monotonic(), time.process_time()
    [plan] = batches.plan(settings, 20, tenants=["wanted"])
    _say(f"plan of {plan.rows:,} test rows", clock, processor)
    clock, processor = time.monotonic(), time.process_time()
    report = batches.run(settings, until=days)
    _say(f"{days} days", clock, processor)
    inside = sum(day.seconds or 0.0 for day in report.ran) / days
    rows = report.ran[0].rows
    print(f"a day of {rows:,} rows: {inside:.2f} s in the warehouse")


def _say(what: str, clock: float, processor: float) -> None:
    print(
        f"{what}: {time.monotonic() - clock:.1f} s, of the processor "
        f"{time.process_time() - processor:.1f} s"
    )


if __name__ == "__main__":
    main()
