"""Loads that are seen, taken back and loaded again; feeds that replace one another."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Command, Query, Write

from winnow.core.errors import InputError
from winnow.core.lock import warehouse_lock
from winnow.core.settings import Settings
from winnow.load.ledger import read_ledger
from winnow.load.loads import load_state, load_states, release, unload
from winnow.load.pipeline import LoadResult, load, take_in

HEADER = "user_id,item_id\n"
USERS = "select user_id from raw.canonical_interactions order by all"


@pytest.fixture
def run(settings: Settings) -> Callable[..., LoadResult]:
    """``load`` of canonical files into the test's own warehouse."""
    return lambda path, **given: load("canonical", path, settings=settings, **given)


def files_of(settings: Settings) -> list[str]:
    """The data files of the lake."""
    return [path.name for path in settings.lake.rglob("*.parquet")]


def test_a_load_that_was_taken_back_leaves_raw_and_lake_and_can_come_again(
    run: Callable[..., LoadResult], write: Write, settings: Settings, query: Query
) -> None:
    kept = run(write("a.csv", HEADER + "1,a\n"))
    path = write("b.csv", HEADER + "2,b\n3\n")
    wrong = run(path)
    assert unload(settings, [wrong.load_id or ""], why="test") == (
        [wrong.load_id],
        None,
    )
    assert query(USERS) == [("1",)]
    assert query("select * from raw.winnow_unreadable_records") == []
    for table in ("winnow_loads", "winnow_loaded_files"):
        assert query(f"select load_id from raw.{table}") == [(kept.load_id,)]
    assert all(str(wrong.load_id) not in name for name in files_of(settings))
    noted = load_state(settings, wrong.load_id or "").unloaded
    assert noted is not None
    assert noted["why"] == "test"
    with pytest.raises(InputError, match="was taken back before"):
        unload(settings, [wrong.load_id or ""])
    assert run(path).landed == 1
    assert query(USERS) == [("1",), ("2",)]


def test_a_load_that_was_taken_back_during_a_build_leaves_with_the_next(
    run: Callable[..., LoadResult], write: Write, settings: Settings, query: Query
) -> None:
    wrong = run(write("a.csv", HEADER + "1,a\n")).load_id
    with warehouse_lock(settings):
        ids, waits = unload(settings, [wrong or ""])
        assert waits is not None
        assert query(USERS) == [("1",)]
    take_in(settings)
    assert (ids, query(USERS)) == ([wrong], [])
    # A warehouse that is made anew never sees it.
    settings.warehouse.unlink()
    take_in(settings)
    assert query(USERS) == []


def test_one_file_of_a_load_is_taken_back_and_all_of_a_tenant(
    run: Callable[..., LoadResult], write: Write, settings: Settings, query: Query
) -> None:
    folder = write("in/a.csv", HEADER + "1,a\n").parent
    write("in/b.csv", HEADER + "2,b\n2\n")
    both = run(folder, entity="interactions")
    run(folder, entity="interactions", tenant="other")
    unload(settings, file=folder / "b.csv", tenant="default")
    by_tenant = "select tenant_id, user_id from raw.canonical_interactions order by all"
    assert query(by_tenant) == [("default", "1"), ("other", "1"), ("other", "2")]
    assert len(query("select * from raw.winnow_unreadable_records")) == 1
    states = [one.state for one in load_state(settings, both.load_id or "").files]
    assert states == ["not built", "unloaded"]
    settings.warehouse.unlink()
    take_in(settings)
    assert query(by_tenant) == [("default", "1"), ("other", "1"), ("other", "2")]
    assert run(folder / "b.csv", entity="interactions").landed == 1
    unload(settings, tenant="other")
    assert query(by_tenant) == [("default", "1"), ("default", "2")]
    with pytest.raises(InputError, match="no load of it; there are loads of default"):
        unload(settings, tenant="nobody")
    unload(settings, tenant="default")
    assert query(by_tenant) == []
    assert query("select * from raw.winnow_loads") == []
    assert files_of(settings) == []


def test_a_load_by_its_number_and_what_cannot_be_meant(
    run: Callable[..., LoadResult], write: Write, settings: Settings
) -> None:
    path = write("a.csv", HEADER + "1,a\n")
    first = run(path)
    assert load_state(settings, "2").load_id == first.load_id
    for wrong, message in (
        ({"names": ["7"]}, "There is no load 7: `winnow loads list` shows"),
        ({}, "Say which loads"),
        ({"names": ["2"], "tenant": "default"}, "by their ids, or by"),
        ({"file": path.with_name("c.csv")}, r"c\.csv: no load has this file"),
    ):
        with pytest.raises(InputError, match=message):
            unload(settings, **wrong)
    assert release(settings, ["2"], "seen") == ([first.load_id], None)
    unload(settings, ["2"])
    with pytest.raises(InputError, match="was taken back; load its files again"):
        release(settings, ["2"])


def test_a_release_reaches_the_warehouse(
    run: Callable[..., LoadResult], write: Write, settings: Settings, query: Query
) -> None:
    run(write("a.csv", HEADER + "1,a\n"))
    assert query("select released_at from raw.winnow_loads") == [(None,)]
    release(settings, ["2"])
    [(released_at,)] = query("select released_at from raw.winnow_loads")
    assert released_at == read_ledger(settings.lake).counting()[0].released_at


@pytest.mark.parametrize(
    ("name", "text", "again"),
    [
        ("interactions", HEADER + "1,{},\n", False),
        ("items", "item_id,price\na,{}\n", True),
        ("users", "user_id,age\na,{}\n", True),
        ("predictions", "model,user_id,item_id,score\nm,u,i,{}\n", True),
    ],
)
def test_bytes_that_were_there_before_say_something_new_of_states_alone(
    run: Callable[..., LoadResult],
    write: Write,
    name: str,
    text: str,
    again: bool,
) -> None:
    """Also under other names; and what stands is not loaded twice."""
    text = text.replace(",\n", "\n")
    for day, value in (("mon", 10), ("tue", 12)):
        path = write(f"{day}/{name}.csv", text.format(value))
        assert run(path).landed == 1
        assert run(path).landed == 0
    for day in ("wed", "mon"):
        path = write(f"{day}/{name}.csv", text.format(10))
        assert run(path).landed == int(again and day == "wed")


def test_a_replaced_file_that_comes_back_is_loaded(
    run: Callable[..., LoadResult], write: Write
) -> None:
    path = write("a.csv", HEADER + "1,a\n")
    assert run(path, mode="replace").landed == 1
    assert run(path, mode="replace").landed == 0
    write("a.csv", HEADER + "2,b\n")
    assert run(path, mode="replace").landed == 1
    write("a.csv", HEADER + "1,a\n")
    assert run(path, mode="replace").landed == 1
    assert run(path).landed == 0
    # Another path, and another feed, are other files.
    assert run(write("b.csv", HEADER + "1,a\n"), mode="replace", feed="x").landed == 1
    with pytest.raises(InputError, match="--mode merge: a mode is one of append"):
        run(path, mode="merge")


def test_the_commands_tell_of_loads(
    winnow: Command, write: Write, settings: Settings, query: Query
) -> None:
    path = write("a.csv", HEADER + "1,a\n2\n")
    assert winnow("loads", "list")[1].startswith("No loads")
    assert winnow("load", "canonical", path, "--tenant", "shop")[0] == 0
    code, out, _ = winnow("loads", "list")
    assert code == 0
    assert "canonical.interactions" in out
    assert "not built: is in the raw tables" in out
    [listed] = json.loads(winnow("loads", "list", "--json")[1])
    assert listed["files"][0]["records"] == 1
    assert str(path) in winnow("loads", "show", "2")[1]
    code, out, _ = winnow("loads", "unload", "2", "--why", "a mistake")
    assert (code, "taken back" in out) == (0, True)
    assert "a mistake" in winnow("loads", "show", "2")[1]
    assert winnow("loads", "list")[1].startswith("No loads")
    assert "unloaded: was taken back" in winnow("loads", "list", "--all")[1]
    code, _, err = winnow("loads", "unload", "9")
    assert (code, err.count("\n")) == (2, 1)
    with warehouse_lock(settings):
        code, out, _ = winnow("load", "canonical", path, "--tenant", "shop")
        assert code == 0
        assert "enter it with the next build" in out
        assert "waits: has landed" in winnow("loads", "list")[1]


def test_two_warehouses_on_one_lake_do_not_disturb_each_other(
    write: Write, settings: Settings, query: Query, tmp_path: Path
) -> None:
    """They share the state folder, too."""
    other = settings.model_copy(update={"warehouse": tmp_path / "other.duckdb"})
    given: Any = {"tenant": "shop"}
    first = load(
        "canonical", write("a.csv", HEADER + "1,a\n"), settings=settings, **given
    )
    load("canonical", write("b.csv", HEADER + "2,b\n"), settings=other, **given)
    assert query(USERS) == [("1",)]
    take_in(settings)
    assert query(USERS) == [("1",), ("2",)]
    unload(other, [first.load_id or ""])
    assert query(USERS) == [("1",), ("2",)]
    take_in(settings)
    assert query(USERS) == [("2",)]
    assert {one.states for one in load_states(other)} == {"unloaded", "not built"}
    shutil.rmtree(settings.state, ignore_errors=True)
    load("canonical", write("c.csv", HEADER + "3,c\n"), settings=other, **given)
    take_in(settings)
    assert query(USERS) == [("2",), ("3",)]


def test_a_build_of_one_tenant_leaves_what_is_new_of_others_for_later(
    write: Write, settings: Settings, query: Query
) -> None:
    for tenant, user in (("a", 1), ("b", 2)):
        path = write(f"{tenant}.csv", HEADER + f"{user},x\n")
        load("canonical", path, tenant=tenant, settings=settings)
    take_in(settings, only_tenant="a")
    assert query(USERS) == [("1",)]
    with pytest.raises(InputError, match="--tenant c: there is no load of it"):
        take_in(settings, only_tenant="c")
    take_in(settings)
    assert query(USERS) == [("1",), ("2",)]


def test_a_load_that_was_taken_back_before_it_was_taken_in_leaves_the_lake(
    run: Callable[..., LoadResult], write: Write, settings: Settings
) -> None:
    with warehouse_lock(settings):
        waiting = run(write("a.csv", HEADER + "1,a\n")).load_id
        unload(settings, [waiting or ""])
    take_in(settings)
    assert files_of(settings) == []
