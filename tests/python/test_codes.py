"""Codes of users and items, and the sequences made of them, on the real models: tables
that they read are written into a warehouse of the test's own and dbt builds on them.
"""

from __future__ import annotations

import datetime as dt
import os
import random
import signal
import subprocess
import sys
import textwrap
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from conftest import make_settings, rows_of
from keying import add_keys
from places import PROJECT_ROOT

from winnow.build.dbt import run_dbt
from winnow.core.settings import Settings

Record = tuple[str, str, str, dt.datetime]
"""Tenant, user and item of an interaction, and when its load began."""

Codes = dict[str, list[tuple[Any, ...]]]

CODES = {
    entity: f"select tenant_id, {entity}_id, {entity}_index, first_loaded_at "
    f"from prepared.{entity}_codes order by tenant_id, {entity}_index"
    for entity in ("user", "item")
}


@pytest.fixture(scope="module")
def loads() -> list[list[Record]]:
    """What five loads bring, each with users and items of the ones before it."""
    numbers = random.Random(7)
    return [
        [
            (
                numbers.choice(["a", "b"]),
                f"user {numbers.randrange(20 * load)}",
                f"ítem {numbers.randrange(9 * load)}",
                dt.datetime(2024, 1, load),
            )
            for _ in range(40)
        ]
        for load in range(1, 6)
    ]


def write(settings: Settings, loads: Sequence[Sequence[Record]]) -> None:
    """Write the records; every third also as profile and catalogue record."""
    rows = [record for load in loads for record in load]
    # The order of the rows must not matter.
    random.Random(len(rows)).shuffle(rows)
    names = ("tenant_id", "user_id", "item_id", "loaded_at")
    columns = [pa.array(values) for values in zip(*rows, strict=True)]
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.register("given", pa.table(columns, names=list(names)))
        connection.execute(
            """
            create schema if not exists prepared;
            create or replace table prepared.interaction_records as
            select *, 1 as duplicate_rank from given;
            create or replace table prepared.user_records as
            select tenant_id, user_id || ' profiled' as user_id, loaded_at from given
            where ends_with(user_id, '3');
            create or replace table prepared.item_records as
            select tenant_id, item_id || ' listed' as item_id, loaded_at from given
            where ends_with(item_id, '3')
            """
        )


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Where all tests of the module build: dbt parses the project anew whenever the
    warehouse's path changes.
    """
    return make_settings(tmp_path_factory.mktemp("codes"))


@pytest.fixture
def settings(place: Settings) -> Settings:
    """The place, without a warehouse."""
    place.warehouse.unlink(missing_ok=True)
    return place


def build(settings: Settings, *arguments: str) -> None:
    result = run_dbt(
        settings, ["run", "--select", "user_codes", "item_codes", *arguments]
    )
    if not result.succeeded:
        raise AssertionError([failure.message for failure in result.failures])


def codes(settings: Settings) -> Codes:
    return {entity: rows_of(settings, sql) for entity, sql in CODES.items()}


@pytest.fixture(scope="module")
def at_once(loads: list[list[Record]], place: Settings) -> Codes:
    """The codes of one build after all loads."""
    place.warehouse.unlink(missing_ok=True)
    write(place, loads)
    build(place)
    return codes(place)


def test_codes_are_dense_and_follow_the_first_load_and_then_the_id(
    loads: list[list[Record]], at_once: Codes
) -> None:
    found = at_once
    for place, entity, suffix in ((1, "user", " profiled"), (2, "item", " listed")):
        first: dict[tuple[str, str], dt.datetime] = {}
        for record in (record for load in loads for record in load):
            tenant, one, loaded = record[0], str(record[place]), record[3]
            first.setdefault((tenant, one), loaded)
            if one.endswith("3"):
                first.setdefault((tenant, one + suffix), loaded)
        expected = []
        for tenant in ("a", "b"):
            ids = sorted(
                (loaded, one) for (of, one), loaded in first.items() if of == tenant
            )
            expected += [
                (tenant, one, code, loaded)
                for code, (loaded, one) in enumerate(ids, start=1)
            ]
        assert found[entity] == expected
        assert len(expected) > 40


def test_a_build_after_each_load_gives_the_codes_of_one_build(
    loads: list[list[Record]], at_once: Codes, settings: Settings
) -> None:
    before: Codes = {"user": [], "item": []}
    for number in range(1, len(loads) + 1):
        write(settings, loads[:number])
        build(settings)
        now = codes(settings)
        for entity, rows in before.items():
            assert set(rows) < set(now[entity])
        before = now
    assert before == at_once


def test_erased_users_leave_a_hole_that_nobody_gets(
    loads: list[list[Record]], settings: Settings
) -> None:
    write(settings, loads[:2])
    build(settings)
    rows = [row for row in codes(settings)["user"] if row[0] == "a"]
    last, erased = rows[-1], rows[3]
    with duckdb.connect(str(settings.warehouse)) as connection:
        for _, user, _, _ in (last, erased):
            connection.execute(
                "update prepared.user_codes set user_id = null "
                "where tenant_id = 'a' and user_id = ?",
                [user],
            )
    gone = {last[1], erased[1]}
    write(
        settings,
        [
            [r for r in load if r[:2] not in {("a", u) for u in gone}]
            for load in loads[:2]
        ],
    )
    # Not even a full refresh fills the holes.
    build(settings, "--full-refresh")
    after = [row for row in codes(settings)["user"] if row[0] == "a"]
    assert [row[1] for row in after if row[2] in (last[2], erased[2])] == [None, None]
    assert [row for row in after if row[1]] == [
        row for row in rows if row not in (last, erased)
    ]
    back = ("a", erased[1], "ítem 0", dt.datetime(2024, 1, 2))
    write(settings, [*loads[:2], [back]])
    build(settings)
    returned = {row[1]: row[2] for row in codes(settings)["user"] if row[0] == "a"}
    assert {returned[last[1]], returned[erased[1]]} == {last[2] + 1, last[2] + 2}


KILLED = """
    import os, signal
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager as manager

    original = manager.add_query

    def add_query(self, sql, *arguments, **options):
        result = original(self, sql, *arguments, **options)
        if "insert into" in sql.lower() and "user_codes" in sql:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    manager.add_query = add_query
    from winnow.core.settings import settings
    from winnow.build.dbt import run_dbt

    run_dbt(settings(), ["run", "--select", "user_codes", "item_codes"])
"""


@pytest.mark.scale
@pytest.mark.parametrize("is_first", [True, False], ids=["first", "later"])
def test_a_build_that_is_killed_after_its_insert_and_runs_again_keeps_every_code(
    loads: list[list[Record]],
    at_once: Codes,
    settings: Settings,
    is_first: bool,
) -> None:
    if not is_first:
        write(settings, loads[:2])
        build(settings)
    tables = "select count(*) from duckdb_tables() where table_name = 'user_codes'"
    write(settings, loads)
    before = rows_of(settings, tables if is_first else CODES["user"])
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED)],
        env=os.environ | settings.environment(),
        cwd=PROJECT_ROOT,
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert rows_of(settings, tables if is_first else CODES["user"]) == before
    build(settings)
    assert codes(settings) == at_once


def test_a_build_that_fails_after_its_insert_and_runs_again_keeps_every_code(
    loads: list[list[Record]],
    at_once: Codes,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager

    write(settings, loads[:2])
    build(settings)
    before = rows_of(settings, CODES["user"])
    write(settings, loads)
    original = DuckDBConnectionManager.add_query

    def add_query(self: Any, sql: str, *arguments: Any, **options: Any) -> Any:
        result = original(self, sql, *arguments, **options)
        if "insert into" in sql.lower() and "user_codes" in sql:
            raise RuntimeError("the disk is full")
        return result

    with monkeypatch.context() as patch:
        patch.setattr(DuckDBConnectionManager, "add_query", add_query)
        with pytest.raises(AssertionError, match="the disk is full"):
            build(settings)
    assert rows_of(settings, CODES["user"]) == before
    build(settings)
    assert codes(settings) == at_once


Assignment = tuple[str, str, int, str, str, str, int]
"""Split method, tenant, fold, user, item, split, order."""


def test_sequences_are_those_of_a_plain_loop_on_one_and_two_threads(
    settings: Settings,
) -> None:
    numbers = random.Random(11)
    lengths = {"a": 3, "b": 50}
    rows: list[Assignment] = []
    for tenant in lengths:
        for user in range(70):
            count = numbers.choice([1, 2, 5, 30, 120 if user == 5 else 3])
            orders = sorted(numbers.sample(range(1, 400), count))
            for name, fold in (("time", 0), ("random", 1), ("random", 2)):
                cuts = sorted(numbers.choices(range(400), k=2))
                for order in orders:
                    split = ("train", "validation", "test")[
                        sum(order > cut for cut in cuts)
                        if name == "time"
                        else numbers.randrange(3)
                    ]
                    item = f"item {order * 7 % 40}"
                    rows.append((name, tenant, fold, f"u{user}", item, split, order))
    expected = _looped(rows, lengths)
    for threads in (1, 2):
        settings.warehouse.unlink(missing_ok=True)
        settings = settings.model_copy(update={"duckdb_threads": threads})
        numbers.shuffle(rows)
        _write_assignments(settings, rows, lengths)
        result = run_dbt(settings, ["run", "--select", "sequences"])
        assert result.succeeded, [failure.message for failure in result.failures]
        found = rows_of(
            settings,
            "select split_name, tenant_id, fold, user_id, split, item_indexes, "
            "next_item_id, next_item_index, user_index, history_length, "
            "full_history_length, epoch(next_interacted_at) from training.sequences",
        )
        assert sorted(found) == sorted(expected)


def _looped(
    rows: Sequence[Assignment], lengths: dict[str, int]
) -> list[tuple[object, ...]]:
    ranks = {"train": 1, "validation": 2, "test": 3}
    histories = defaultdict(list)
    for name, tenant, fold, user, item, split, order in rows:
        histories[name, tenant, fold, user].append((order, split, item))
    sequences: list[tuple[object, ...]] = []
    for (name, tenant, fold, user), history in histories.items():
        history.sort()
        for split in {split for _, split, _ in history}:
            target = max(h for h in history if h[1] == split)
            earlier = [
                int(item.split()[1]) + 1
                for order, of, item in history
                if order < target[0] and ranks[of] <= ranks[split]
            ]
            kept = earlier[-lengths[tenant] :]
            sequences.append(
                (
                    *(name, tenant, fold, user, split, kept, target[2]),
                    int(target[2].split()[1]) + 1,
                    int(user[1:]) + 1,
                    len(kept),
                    len(earlier),
                    None if tenant == "b" else target[0] * 60.0,
                )
            )
    return sequences


def _write_assignments(
    settings: Settings, rows: Sequence[Assignment], lengths: dict[str, int]
) -> None:
    names = ("split_name", "tenant_id", "fold", "user_id", "item_id", "split")
    columns = [pa.array(values) for values in zip(*rows, strict=True)]
    given = pa.table(columns, names=[*names, "interaction_order"])
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.register("given", given)
        lengths_given = ", ".join(f"('{one}', {n})" for one, n in lengths.items())
        connection.execute(
            f"""
            create schema prepared;
            create schema training;
            create table training.split_assignments as
            select *, case when tenant_id = 'a' then
                make_timestamp(interaction_order * 60000000) end as interacted_at
            from given;
            create table prepared.tenants as
            from (values {lengths_given}) as tenants (tenant_id, sequence_length);
            create table prepared.users as
            select distinct tenant_id, user_id, user_id[2:]::bigint + 1 as user_index
            from given;
            create table prepared.items as
            select distinct tenant_id, item_id,
                split_part(item_id, ' ', 2)::bigint + 1 as item_index
            from given;
            create table prepared.splits as
            select distinct tenant_id, split_name from given
            """
        )
        add_keys(connection)
