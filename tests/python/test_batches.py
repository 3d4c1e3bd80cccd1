"""Daily batches: the test split is dealt out whole, days are run exactly once, and a
day that fails stops those after it. The real models run on tables that the test writes;
a second implementation, in plain Python, says which row is on which day.
"""

from __future__ import annotations

import csv
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pytest
import yaml
from conftest import Command, make_settings, rows_of
from noting import note_build
from places import PROJECT_ROOT

from winnow.build.build import build
from winnow.build.dbt import DbtFailure, DbtResult, run_dbt
from winnow.core.errors import BuildError, InputError
from winnow.core.lock import warehouse_lock
from winnow.core.settings import Settings
from winnow.evaluation import batches
from winnow.evaluation.batches import Day, Plan, Scope, day_count, due_days
from winnow.load.pipeline import load

SEED = 7
SHOP, ODD = "shop", "it's ü 😀\x7f"
SIZES = {SHOP: 103, ODD: 40, "few": 3, "nothing": 0}
TIMES = ("seconds", "rows_per_second", "started_at", "finished_at")

Row = tuple[Any, ...]


def write_world(settings: Settings, *, shuffled: bool = False) -> None:
    """Write the tables that the models read: four tenants, two splits."""
    numbers = random.Random(SEED)
    start = datetime(2024, 1, 1)
    rows: list[Row] = []
    for tenant, size in SIZES.items():
        for number in range(2 * size + 5):
            at = start + timedelta(hours=number)
            split = "test" if number < size else "train"
            ids = (f"i{number}", f"u{number % 9}", f"x{number % 7}")
            rows.append((tenant, *ids, "time", split, 0, number % 3 == 0, False, at))
            for fold in (1, 2):
                split = "test" if number % 2 == fold - 1 else "train"
                rows.append((tenant, *ids, "folds", split, fold, False, False, at))
    if shuffled:
        numbers.shuffle(rows)
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(
            """
            create schema prepared;
            create schema training;
            create schema seeds;
            create table training.split_assignments (
                tenant_id varchar, interaction_id varchar, user_id varchar,
                item_id varchar, split_name varchar, split varchar, fold bigint,
                is_cold_user boolean, is_cold_item boolean, interacted_at timestamp
            )
            """
        )
        connection.executemany(
            f"insert into training.split_assignments values ({', '.join('?' * 10)})",
            rows,
        )
        connection.execute(
            """
            create table prepared.splits as
            select *
            from (
                select distinct tenant_id from training.split_assignments
            ), (values ('time', cast(0 as bigint), true), ('folds', 1, false))
                as named (split_name, main_fold, is_first_split);
            create table prepared.interactions as
            select distinct
                tenant_id, interaction_id, interacted_at,
                timestamp '2024-12-31' as loaded_at
            from training.split_assignments;
            create table prepared.users as
            select distinct tenant_id, user_id, true as has_profile
            from training.split_assignments;
            create table prepared.items as
            select distinct tenant_id, item_id, false as is_listed
            from training.split_assignments;
            create table prepared.tenants as
            select tenant_id, min(interacted_at) as first_interacted_at
            from training.split_assignments
            group by tenant_id;
            create table seeds.quality_thresholds (
                tenant_id varchar, entity varchar, dimension varchar,
                threshold double, severity varchar
            );
            insert into seeds.quality_thresholds values
                ('*', 'batches', 'error_rate', 0.05, 'error'),
                ('*', 'batches', 'quality_score', 0.95, 'error')
            """
        )
        note_build(connection)
    made = run_dbt(settings, ["run", "--select", *batches.MODELS])
    assert made.succeeded, made.failures


def change(settings: Settings, sql: str) -> None:
    """Do something to the warehouse behind Winnow's back."""
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(sql)


def dealt(settings: Settings) -> list[Row]:
    """Every row of every plan."""
    return rows_of(settings, "select * from evaluation.batches order by all")


def tracker(settings: Settings, *, times: bool = False) -> list[Row]:
    """Every day of every plan, without what differs from run to run."""
    left_out = "" if times else f"exclude ({', '.join(TIMES)})"
    return rows_of(
        settings,
        f"select * {left_out} from evaluation.batch_progress "
        "order by tenant_id, split_name, fold, day",
    )


def cumulative(settings: Settings) -> list[Row]:
    """The rows that are in."""
    return rows_of(settings, "select * from evaluation.cumulative_batches order by all")


def tables(settings: Settings) -> tuple[list[Row], ...]:
    """All that batches have made, without what differs from run to run."""
    return dealt(settings), tracker(settings), cumulative(settings)


def states(settings: Settings, tenant: str = SHOP) -> str:
    """The states of a tenant's days, by their first letters."""
    found = rows_of(
        settings,
        "select string_agg(state[1], '' order by day) from evaluation.batch_progress "
        f"where tenant_id = '{tenant}'",
    )
    return str(found[0][0])


def expected_day(tenant: str, ids: Sequence[str], days: int) -> dict[str, int]:
    """The day of each interaction: dealt out in the order of their hashes."""

    def key(interaction: str) -> tuple[str, str]:
        text = "\x1f".join((str(SEED), "batches", tenant, interaction))
        return hashlib.md5(text.encode()).hexdigest()[:8], interaction

    ordered = sorted(ids, key=key)
    return {one: 1 + place % days for place, one in enumerate(ordered)}


def ids_of_test(settings: Settings, tenant: str, split: str, fold: int) -> list[str]:
    """The test rows of a split as they are."""
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        found = connection.execute(
            "select interaction_id from training.split_assignments where split = 'test'"
            " and tenant_id = ? and split_name = ? and fold = ?",
            [tenant, split, fold],
        ).fetchall()
    return [one for (one,) in found]


@pytest.fixture(scope="module")
def planned_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A world with plans for all tenants that have test rows, to be copied."""
    home = tmp_path_factory.mktemp("batches")
    settings = make_settings(home)
    write_world(settings)
    batches.plan(settings, 20)
    return home


@pytest.fixture
def world(planned_home: Path, tmp_path: Path) -> Settings:
    """A copy of the planned world."""
    settings = make_settings(tmp_path / "world").model_copy(
        update={"duckdb_threads": 2, "threads": 2}
    )
    settings.warehouse.parent.mkdir()
    shutil.copy(planned_home / settings.warehouse.name, settings.warehouse)
    return settings


# What is asked for.


@pytest.mark.parametrize(
    ("days", "fraction", "expected"),
    [
        (None, None, 20),
        (20, 0.05, 20),
        (5, None, 5),
        (None, 0.25, 4),
        (3, 1 / 3, 3),
        (None, 1.0, 1),
    ],
)
def test_days_and_the_fraction_say_the_same_or_one_follows_from_the_other(
    days: int | None, fraction: float | None, expected: int
) -> None:
    assert day_count(days, fraction) == expected


@pytest.mark.parametrize(
    ("days", "fraction", "said"),
    [
        (20, 0.1, "the days have 2 of the test split together, and must have 1"),
        (None, 0.3, "give one of the two, or --fraction 0.333333"),
        (0, None, "--days 0: a plan has 1 to 3660 days"),
        (None, 0.0, "--fraction 0: a day has a share"),
        (None, float("nan"), "a day has a share"),
        (None, 1.5, "--fraction 1.5: a day has a share"),
    ],
)
def test_days_that_do_not_make_a_whole_are_refused_with_a_sentence(
    days: int | None, fraction: float | None, said: str
) -> None:
    with pytest.raises(InputError, match=said):
        day_count(days, fraction)


def plan_of(text: str) -> Plan:
    """A plan whose days have the states of these letters."""
    names = {"p": "planned", "r": "running", "d": "done", "f": "failed"}
    nothing = (None,) * 7
    days = [
        Day("t", "time", names[one], "why", 0, day, len(text), 1, *nothing)
        for day, one in enumerate(text, start=1)
    ]
    return Plan(Scope("t", "time", 0), tuple(days))


@pytest.mark.parametrize(
    ("of", "day", "until", "keep_on", "expected"),
    [
        ("ppp", None, None, False, [1]),
        ("dpp", None, None, False, [2]),
        ("drp", None, None, False, [2]),
        ("ddd", None, None, False, []),
        ("dpp", None, 3, False, [2, 3]),
        ("dpp", None, 1, False, []),
        ("pdp", None, 3, False, [1, 3]),
        ("ppp", 2, None, False, [2]),
        ("dpp", 1, None, False, []),
        ("dfp", 2, None, False, [2]),
        ("dfp", 1, None, False, []),
        ("dfp", None, 1, False, []),
        ("dfp", None, 3, True, [2, 3]),
        ("dfp", None, None, True, [2]),
        ("dfp", 3, None, True, [2, 3]),
        ("fdf", 3, None, True, [1, 3]),
    ],
)
def test_the_days_that_are_due(
    of: str, day: int | None, until: int | None, keep_on: bool, expected: list[int]
) -> None:
    assert due_days(plan_of(of), day=day, until=until, keep_on=keep_on) == (
        expected,
        None,
    )


@pytest.mark.parametrize(
    ("of", "day", "until"),
    [
        ("dfp", 3, None),
        ("dfp", None, None),
        ("dfp", None, 3),
        ("pfp", None, 2),
        ("fdf", 3, None),
    ],
)
def test_a_failed_day_stops_the_days_after_it(
    of: str, day: int | None, until: int | None
) -> None:
    days, reason = due_days(plan_of(of), day=day, until=until, keep_on=False)
    assert days == []
    assert reason is not None
    assert "failed: why. The days after it wait; `--continue`" in reason


# Plans.


def test_every_test_row_is_on_exactly_the_day_that_its_hash_says(
    world: Settings,
) -> None:
    found: dict[str, dict[str, int]] = {}
    for tenant, interaction, split, fold, day in rows_of(
        world,
        "select tenant_id, interaction_id, split_name, fold, day "
        "from evaluation.batches",
    ):
        assert (split, fold) == ("time", 0)
        assert interaction not in found.setdefault(tenant, {})
        found[tenant][interaction] = day
    assert found == {
        tenant: expected_day(tenant, ids_of_test(world, tenant, "time", 0), 20)
        for tenant in (SHOP, ODD, "few")
    }
    assert {tenant: len(days) for tenant, days in found.items()} == {
        tenant: size for tenant, size in SIZES.items() if size
    }
    for tenant, days in found.items():
        sizes = [Counter(days.values())[day] for day in range(1, 21)]
        assert max(sizes) - min(sizes) <= 1, tenant


def test_rows_bring_their_user_item_and_time_along(world: Settings) -> None:
    [(rows, same)] = rows_of(
        world,
        "select count(*), count(*) filter ((b.user_id, b.item_id, b.interacted_at) "
        "= (s.user_id, s.item_id, s.interacted_at)) from evaluation.batches as b "
        "join training.split_assignments as s using (tenant_id, interaction_id, "
        "split_name, fold)",
    )
    assert rows == same == sum(SIZES.values())


@pytest.mark.scale
def test_threads_and_the_order_of_the_rows_change_nothing(
    world: Settings, tmp_path: Path
) -> None:
    batches.run(world, until=2)
    other = make_settings(tmp_path / "other").model_copy(
        update={"duckdb_threads": 1, "threads": 1}
    )
    write_world(other, shuffled=True)
    batches.plan(other, 20)
    batches.run(other, until=2)
    assert tables(other) == tables(world)


@pytest.mark.scale
def test_a_plan_of_another_split_or_tenant_leaves_the_others_alone(
    world: Settings,
) -> None:
    batches.run(world, day=1, tenants=[ODD])
    before = [row for table in tables(world) for row in table]
    times = tracker(world, times=True)
    batches.plan(world, 4, tenants=[SHOP], split="folds")
    batches.run(world, until=2, tenants=[SHOP], split="folds")
    after = [row for table in tables(world) for row in table]
    assert set(before) < set(after)
    assert set(times) < set(tracker(world, times=True))
    found = rows_of(
        world,
        "select interaction_id, day from evaluation.batches "
        f"where tenant_id = '{SHOP}' and split_name = 'folds' and fold = 1",
    )
    assert dict(found) == expected_day(SHOP, ids_of_test(world, SHOP, "folds", 1), 4)
    batches.reset(world, tenants=[SHOP], split="folds", forget=True)
    assert [row for table in tables(world) for row in table] == before
    assert tracker(world, times=True) == times


def test_a_plan_that_is_begun_stays_until_it_is_reset(world: Settings) -> None:
    assert all(one.is_new for one in batches.plan(world, 20, tenants=[SHOP]))
    batches.run(world, day=1, tenants=[SHOP])
    before = tables(world)
    assert not any(one.is_new for one in batches.plan(world, 20, tenants=[SHOP]))
    with pytest.raises(InputError, match="it has 20 days, not 10"):
        batches.plan(world, 10, tenants=[SHOP])
    assert tables(world) == before
    change(
        world,
        "update training.split_assignments set split = if(interaction_id = 'i0', "
        f"'train', 'test') where tenant_id = '{SHOP}' and split_name = 'time' "
        "and interaction_id in ('i0', 'i200', 'i201')",
    )
    with pytest.raises(InputError, match="1 of its rows are in the test split no more"):
        batches.plan(world, 20, tenants=[SHOP])
    [one] = batches.status(world, tenants=[SHOP])
    assert (one.lost_rows, one.new_rows) == (1, 2)
    batches.reset(world, tenants=[SHOP])
    assert states(world) == "p" * 20
    assert dealt(world) == before[0]
    [one] = batches.plan(world, 10, tenants=[SHOP])
    assert (one.rows, len(one.days), one.lost_rows) == (104, 10, 0)
    ids = ids_of_test(world, SHOP, "time", 0)
    found = rows_of(
        world,
        "select interaction_id, day from evaluation.batches "
        f"where tenant_id = '{SHOP}'",
    )
    assert dict(found) == expected_day(SHOP, ids, 10)


# Days.


def test_days_that_are_done_are_the_cumulative_set_and_a_second_run_changes_nothing(
    world: Settings,
) -> None:
    told: list[tuple[str, int]] = []
    report = batches.run(
        world, until=3, told=lambda day: told.append((day.tenant_id, day.day))
    )
    assert report.stopped == ()
    assert told == [
        (tenant, day) for day in (1, 2, 3) for tenant in sorted((SHOP, ODD, "few"))
    ]
    wanted = [row for row in dealt(world) if row[6] <= 3]
    assert [row[:7] for row in cumulative(world)] == [row[:7] for row in wanted]
    assert {states(world, one) for one in (SHOP, "few")} == {"ddd" + "p" * 17}
    before = tracker(world, times=True)
    for again in (
        batches.run(world, day=2),
        batches.run(world, until=3),
        batches.run(world, day=1, keep_on=True),
    ):
        assert (again.ran, again.stopped) == ((), ())
    for options in ([], ["--full-refresh"]):
        assert run_dbt(world, ["run", "--select", *batches.MODELS, *options]).succeeded
    assert tracker(world, times=True) == before
    assert [row[:7] for row in cumulative(world)] == [row[:7] for row in wanted]


def test_the_tracker_has_the_figures_of_each_day(world: Settings) -> None:
    began = datetime.utcnow()
    [day] = batches.run(world, tenants=[SHOP]).ran
    assert (day.day, day.state, day.rows, day.message) == (1, "done", 6, None)
    assert (day.error_rate, day.quality_score) == (0.0, 1.0)
    assert day.started_at is not None
    assert day.finished_at is not None
    assert day.seconds is not None
    assert began <= day.started_at < day.finished_at <= datetime.utcnow()
    taken = (day.finished_at - day.started_at).total_seconds()
    assert day.seconds == pytest.approx(taken)
    assert day.rows_per_second == pytest.approx(6 / taken)
    cold = rows_of(
        world,
        "select count(*) from evaluation.batches join training.split_assignments "
        "using (tenant_id, interaction_id, split_name, fold) where day = 1 "
        f"and tenant_id = '{SHOP}' and is_cold_user",
    )
    assert cold == [(day.cold_count,)]


def lose(settings: Settings, day: int) -> None:
    """Take half of a day's rows of the shop out of the test split."""
    change(
        settings,
        "create table if not exists lost as select * from training.split_assignments "
        "where false; insert into lost select * from training.split_assignments "
        f"where tenant_id = '{SHOP}' and split_name = 'time' and interaction_id in ("
        "select interaction_id from evaluation.batches where split_name = 'time' "
        f"and tenant_id = '{SHOP}' and day = {day} order by interaction_id limit 3); "
        "delete from training.split_assignments where (tenant_id, interaction_id, "
        "split_name) in (select (tenant_id, interaction_id, split_name) from lost)",
    )


def test_a_day_that_fails_says_why_and_stops_those_after_it_until_continue(
    world: Settings,
) -> None:
    lose(world, 3)
    report = batches.run(world, until=5)
    why = (
        "error_rate is 0.5 and must be 0.05 or less: "
        "3 of 6 rows are no longer in the test split"
    )
    assert len(report.stopped) == 1
    assert f"Day 3 of tenant shop, split time failed: {why}." in report.stopped[0]
    assert states(world) == "ddf" + "p" * 17
    assert states(world, "few") == "d" * 5 + "p" * 15  # of another tenant
    [failed] = [one for one in report.ran if one.state == "failed"]
    assert (failed.message, failed.error_rate, failed.rows) == (why, 0.5, 6)
    assert {row[6] for row in cumulative(world) if row[0] == SHOP} == {1, 2}
    for attempt in (
        batches.run(world, tenants=[SHOP]),
        batches.run(world, day=4, tenants=[SHOP]),
        batches.run(world, until=20, tenants=[SHOP]),
    ):
        assert attempt.ran == ()
        assert attempt.stopped == report.stopped
    assert states(world) == "ddf" + "p" * 17
    again = batches.run(world, day=3, tenants=[SHOP])
    assert [one.state for one in again.ran] == ["failed"]
    change(world, "insert into training.split_assignments from lost")
    goes_on = batches.run(world, until=5, tenants=[SHOP], keep_on=True)
    assert [one.day for one in goes_on.ran] == [3, 4, 5]
    assert goes_on.stopped == ()
    assert states(world) == "d" * 5 + "p" * 15


def test_what_a_tenant_allows_decides_whether_a_day_fails(world: Settings) -> None:
    lose(world, 1)
    change(
        world,
        "insert into seeds.quality_thresholds values "
        f"('{SHOP}', 'batches', 'error_rate', 0.5, 'error'), "
        "('*', '*', 'error_rate', 0, 'error')",
    )
    [day] = batches.run(world, tenants=[SHOP]).ran
    assert day.state == "done"
    assert day.message == "3 of 6 rows are no longer in the test split"
    assert (day.error_rate, day.quality_score) == (0.5, 1.0)


def test_a_day_that_cannot_be_judged_has_failed_for_those_that_it_fails_for(
    world: Settings,
) -> None:
    change(
        world,
        "alter table prepared.interactions rename to kept; "
        "create view prepared.interactions as select tenant_id, interaction_id, "
        f"if(tenant_id = '{SHOP}', error('the disk is full'), interacted_at) "
        "as interacted_at, loaded_at from prepared.kept",
    )
    report = batches.run(world, until=2)
    assert states(world) == "f" + "p" * 19
    assert states(world, "few") == "dd" + "p" * 18
    [failed] = [one for one in report.ran if one.state == "failed"]
    assert failed.message is not None
    assert "the disk is full" in failed.message
    assert failed.finished_at is not None
    change(
        world,
        "drop view prepared.interactions; "
        "alter table prepared.kept rename to interactions",
    )
    batches.run(world, until=2, keep_on=True)
    assert states(world) == "dd" + "p" * 18


def test_a_day_that_was_killed_while_it_ran_is_run_again(world: Settings) -> None:
    change(
        world,
        "insert into evaluation.batch_runs (tenant_id, split_name, state, fold, day, "
        f"row_count, started_at) values ('{SHOP}', 'time', 'running', 0, 1, 0, "
        "timestamp '2024-01-01')",
    )
    assert states(world) == "r" + "p" * 19
    assert cumulative(world) == []
    [day] = batches.run(world, tenants=[SHOP]).ran
    assert (day.day, day.state, day.rows) == (1, "done", 6)
    assert day.started_at is not None
    assert day.started_at.year > 2024


class DailyModels:
    """A project with a model of each day, which fails on the second."""

    runs: ClassVar[list[Sequence[str]]] = []

    def __init__(self, _settings: Settings) -> None:
        """Nothing is parsed."""

    def tagged(self, tag: str) -> list[str]:
        """One model has the tag."""
        return ["of_each_day"] if tag == batches.DAILY_TAG else []

    def run(self, arguments: Sequence[str], _variables: object) -> DbtResult:
        """Build it."""
        self.runs.append(arguments)
        failures = (DbtFailure("of_each_day", "no", None),) * (len(self.runs) > 1)
        return DbtResult(not failures, 1, failures)


def test_models_with_the_tag_are_built_after_each_day_and_fail_it(
    world: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "ParsedProject", DailyModels)
    batches.run(world, day=1, tenants=["few"])
    assert DailyModels.runs == []  # no file of the project has the tag
    monkeypatch.setattr(batches, "DAILY_TAG", "evaluation")  # which files do have
    report = batches.run(world, until=3, tenants=[SHOP])
    assert [one.state for one in report.ran] == ["done", "failed"]
    assert report.ran[1].message == "of_each_day: no"
    assert DailyModels.runs == [["run", "--select", "tag:evaluation"]] * 2
    assert {row[6] for row in cumulative(world) if row[0] == SHOP} == {1}


# The command line.


@pytest.fixture
def command(
    world: Settings, monkeypatch: pytest.MonkeyPatch, winnow: Command
) -> Command:
    """Winnow's commands on the planned world."""
    for name, value in world.environment().items():
        monkeypatch.setenv(name, value)
    return winnow


def test_the_commands_say_what_they_did(world: Settings, command: Command) -> None:
    code, out, _ = command("batches", "plan", "--days", "20", "--fraction", "0.05")
    assert code == 0
    assert "5 or 6" in out
    code, out, _ = command("batches", "run", "--tenant", SHOP)
    assert code == 0
    assert "1 day in" in out
    code, out, _ = command("batches", "run", "--tenant", SHOP, "--day", "1")
    assert (code, "Nothing to run" in out) == (0, True)
    lose(world, 3)
    code, out, err = command("batches", "simulate", "--tenant", SHOP, "--days", "5")
    assert code == 1
    failure = "winnow: Day 3 of tenant shop, split time failed: error_rate"
    assert errors(err)[0].startswith(failure)
    code, out, _ = command("batches", "status")
    assert code == 0
    assert "Tenant shop, split time, fold 0: 2 of 20 days done, 12 of 103 rows" in out
    assert "Day 3, failed: error_rate is 0.5" in out
    assert "3 rows are gone, 0 are new" in out
    change(world, "insert into training.split_assignments from lost")
    code, out, _ = command("batches", "simulate", "--tenant", SHOP, "--continue")
    assert code == 0
    assert states(world) == "d" * 20
    code, out, _ = command("batches", "reset", "--tenant", SHOP)
    assert (code, "all days are planned again" in out) == (0, True)
    code, _, _ = command("batches", "reset", "--forget")
    assert code == 0
    assert dealt(world) == []
    code, _, err = command("batches", "run")
    assert (code, "`winnow batches plan` comes first" in err) == (2, True)


def errors(err: str) -> list[str]:
    """The lines of standard error that are no progress."""
    return [line for line in err.splitlines() if line.startswith("winnow: ")]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("plan", "--tenant", "nobody"), "--tenant nobody: there is no such tenant"),
        (("plan", "--split", "none"), "there are folds, time."),
        (("plan", "--tenant", "nothing"), "has no test rows"),
        (("plan", "--days", "3", "--fraction", "0.5"), "must have 1"),
        (("run", "--day", "21"), "Day 21: the plan has the days 1 to 20."),
        (("run", "--split", "folds"), "--split folds: no such split is planned"),
        (("simulate", "--days", "21"), "Day 21: the plan has the days 1 to 20."),
        (("status", "--tenant", "nobody"), "there is no such tenant"),
        (("daily", "--day", "x"), "--day x: this is no whole number."),
        (("daily", "--day", "1", "--simulate", "2"), "give one of them"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_status_2(
    world: Settings, command: Command, arguments: tuple[str, ...], said: str
) -> None:
    before = tables(world)
    code, _, err = command("batches", *arguments)
    assert code == 2
    assert said in err
    assert len(errors(err)) == 1
    assert tables(world) == before


def test_a_warehouse_that_is_locked_or_not_built_is_said_so(
    world: Settings, settings: Settings
) -> None:
    with warehouse_lock(world), pytest.raises(InputError, match="is in use: process"):
        batches.run(world, day=1)
    with pytest.raises(InputError, match="Nothing has been built yet"):
        batches.plan(settings, 20)


def test_nothing_is_planned_on_a_build_that_did_not_go_through(
    world: Settings,
) -> None:
    note_build(world, "failed", message="not_null_users_user_id: Got 3 results")
    with pytest.raises(BuildError, match=r"last build failed at .*: not_null_users"):
        batches.plan(world, 20)
    note_build(world, "running")
    with pytest.raises(BuildError, match=r"The last build began at .* did not end"):
        batches.plan(world, 20)


# The nightly run.


def make(settings: Settings, out: Path, **variables: str) -> tuple[int, str]:
    """Run ``make daily-batch``, as the workflow does."""
    done = subprocess.run(
        [
            *("make", "-o", ".venv/core.stamp", "daily-batch"),
            f"BIN={Path(sys.executable).parent}",
            f"BATCH_RESULTS={out}",
        ],
        cwd=PROJECT_ROOT,
        env=os.environ | settings.environment() | variables,
        capture_output=True,
        text=True,
        check=False,
    )
    return done.returncode, done.stdout + done.stderr


def results(out: Path) -> Iterator[tuple[str, int, str]]:
    """Tenant, day and state of the tracker that was written."""
    with (out / "batch_progress.csv").open(encoding="utf-8", newline="") as file:
        for row in csv.DictReader(file):
            yield row["tenant_id"], int(row["day"]), row["state"]


@pytest.mark.scale
def test_the_nightly_command_plans_runs_writes_and_publishes(
    world: Settings, command: Command, tmp_path: Path
) -> None:
    out = tmp_path / "results"
    batches.reset(world, tenants=[SHOP], forget=True)
    code, said = make(world, out, DAY="", SIMULATE="")
    assert code == 0, said
    done = {(tenant, day) for tenant, day, state in results(out) if state == "done"}
    assert done == {(SHOP, 1), (ODD, 1), ("few", 1)}
    with (out / "cumulative_batches.csv").open(encoding="utf-8", newline="") as file:
        rows = {row["tenant_id"]: row for row in csv.DictReader(file)}
    assert (rows[SHOP]["day"], rows[SHOP]["rows"]) == ("1", "6")
    published = world.published / "gen-1.duckdb"
    with duckdb.connect(str(published), read_only=True) as connection:
        found = connection.execute(
            "select count(*) from evaluation.batch_progress where state = 'done'"
        ).fetchall()
    assert found == [(3,)]
    lose(world, 3)
    code, _, err = command("batches", "daily", "--out", out, "--simulate", "4")
    assert code == 1
    assert "Day 3 of tenant shop, split time failed: error_rate is 0.5" in err
    assert (SHOP, 3, "failed") in results(out)
    assert ("few", 4, "done") in results(out)
    change(world, "insert into training.split_assignments from lost")
    daily = ("batches", "daily", "--out", out, "--day", "3", "--simulate", "")
    assert command(*daily, "--continue")[0] == 0
    assert states(world) == "ddd" + "p" * 17


def test_what_comes_from_outside_is_never_a_part_of_a_shell_command(
    world: Settings, tmp_path: Path
) -> None:
    touched = tmp_path / "touched"
    code, said = make(world, tmp_path / "results", DAY=f'"; touch {touched}; "')
    assert code != 0
    assert "this is no whole number" in said
    assert not touched.exists()


def test_the_workflow_does_nothing_but_the_local_command() -> None:
    path = PROJECT_ROOT / ".github" / "workflows" / "daily-batch.yml"
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    events = workflow[True]  # YAML takes `on` for a truth value
    assert events["schedule"] == [{"cron": "0 2 * * *"}]
    assert set(events["workflow_dispatch"]["inputs"]) == {"day", "simulate"}
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    assert all(("run" in step) != ("uses" in step) for step in steps)
    [run] = [step for step in steps if "run" in step]
    assert run["run"] == "make daily-batch"
    assert run["env"] == {
        "DAY": "${{ inputs.day }}",
        "SIMULATE": "${{ inputs.simulate }}",
    }
    commands = subprocess.run(
        ["make", "-o", ".venv/core.stamp", "-n", "daily-batch", "WINNOW_WAREHOUSE=/"],
        cwd=PROJECT_ROOT,
        env=os.environ | {"WINNOW_WAREHOUSE": "/"},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    for name in run["env"]:
        assert f'"${{{name}-}}"' in commands
    [upload] = [step for step in steps if "upload-artifact" in step.get("uses", "")]
    assert upload["if"] == "always()"
    assert f"batches daily --out {upload['with']['path']} " in commands


def test_the_workflow_may_open_an_issue_where_the_batch_failed_and_nothing_else() -> (
    None
):
    path = PROJECT_ROOT / ".github" / "workflows" / "daily-batch.yml"
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert workflow["permissions"] == {"contents": "read"}
    permissions = {
        name: job.get("permissions") for name, job in workflow["jobs"].items()
    }
    assert permissions == {"batch": None, "report": {"issues": "write"}}
    report = workflow["jobs"]["report"]
    assert (report["needs"], report["if"]) == ("batch", "failure()")
    [step] = report["steps"]
    assert step["uses"].startswith("actions/github-script@")
    assert "github.rest.issues.create(" in step["with"]["script"]
    assert "${{" not in step["with"]["script"]
    caches = [
        step["with"]["path"]
        for step in workflow["jobs"]["batch"]["steps"]
        if "actions/cache" in step.get("uses", "")
    ]
    assert len(caches) == 2
    assert caches[0] == caches[1]


# Real data, and kills.


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """ml-100k, built."""
    folder = PROJECT_ROOT.parent / "shared" / "data" / "ml-100k"
    if not folder.is_dir():
        pytest.skip(f"needs the published data set ml-100k in {folder.parent}")
    settings = make_settings(tmp_path_factory.mktemp("films"))
    load("movielens", str(folder), tenant="films", settings=settings)
    build(settings)
    return settings


@pytest.mark.scale
def test_twenty_days_of_real_data_are_the_test_split_exactly(films: Settings) -> None:
    batches.plan(films, 20)
    batches.plan(films, 7, split="last_out")
    report = batches.run(films, until=20, split="time")
    assert [one.state for one in report.ran] == ["done"] * 20
    assert {one.error_rate for one in report.ran} == {0.0}
    sizes = [one.rows for one in report.ran]
    assert max(sizes) - min(sizes) <= 1
    for name, days, table in (
        ("time", 20, "cumulative_batches"),
        ("last_out", 7, "batches"),
    ):
        ids = ids_of_test(films, "films", name, 0)
        assert len(ids) > 900
        rows = rows_of(
            films,
            f"select interaction_id, day from evaluation.{table} "
            f"where split_name = '{name}'",
        )
        assert len(rows) == len(ids)
        assert dict(rows) == expected_day("films", ids, days)


def kill_at(settings: Settings, seconds: float) -> tuple[bool, float]:
    """Simulate all days, and kill it after so many seconds of the processor, which do
    not depend on what else the machine does; whether it was, and the seconds it had.
    """
    process = subprocess.Popen(
        [sys.executable, "-m", "winnow", "batches", "simulate"],
        cwd=PROJECT_ROOT,
        env=os.environ | settings.environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    used = 0.0
    ticks = os.sysconf("SC_CLK_TCK")
    while process.poll() is None:
        fields = Path(f"/proc/{process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        used = max(used, (int(fields[11]) + int(fields[12])) / ticks)
        if used >= seconds:
            process.send_signal(signal.SIGKILL)
            process.wait()
            return True, used
        time.sleep(0.02)
    return False, used


@pytest.mark.scale
def test_days_killed_at_random_end_in_the_tables_of_days_that_were_not(
    films: Settings, tmp_path: Path
) -> None:
    def copied(name: str) -> Settings:
        settings = make_settings(tmp_path / name)
        settings.warehouse.parent.mkdir()
        shutil.copy(films.warehouse, settings.warehouse)
        with suppress(InputError):  # nothing was planned
            batches.reset(settings, forget=True)
        batches.plan(settings, 20)
        return settings

    whole = copied("whole")
    _, seconds = kill_at(whole, 3600)
    expected = tables(whole)
    assert states(whole, "films") == "d" * 20
    for seed in range(3):
        settings = copied(f"killed {seed}")
        numbers = random.Random(seed)
        kills = done_between = 0
        while kill_at(settings, numbers.uniform(0.3, 0.7) * seconds)[0]:
            kills += 1
            so_far = states(settings, "films")
            # In order: what is done, at most one day that was killed, what is left.
            assert so_far.lstrip("d").lstrip("r").lstrip("p") == ""
            assert so_far.count("r") <= 1
            done_between += 0 < so_far.count("d") < 20
            assert kills < 60
        assert kills
        assert tables(settings) == expected
        assert done_between or seed
