"""A load that is killed and run again gives the rows of one clean run."""

from __future__ import annotations

import os
import random
import re
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Container, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import make_settings, rows_of
from places import PROJECT_ROOT

from winnow.contracts.entities import load_contracts
from winnow.core.dlt_folder import dlt_folder
from winnow.core.settings import Settings
from winnow.load.pipeline import load, recover

ROWS = 60_000

Point = tuple[str, str, int, bool]
"""A function of the load (module, name in it), which of its calls is meant, and whether
the kill comes after that call instead of before it."""

POINTS: dict[str, Point] = {
    "while a file is written to the lake": (
        "winnow.load.landing",
        "LakeWriter.add",
        3,
        False,
    ),
    "before the ledger has it": ("winnow.load.pipeline", "append_landed", 1, False),
    "while the ledger gets it": ("os", "link", 1, False),
    "when the ledger has it": ("winnow.load.pipeline", "append_landed", 1, True),
    "while its files go to their places": ("winnow.load.landing", "put", 2, True),
    "before the first insert": (
        "dlt.destinations.impl.duckdb.duck",
        "DuckDbCopyJob.run",
        1,
        False,
    ),
    "between two inserts": (
        "dlt.destinations.impl.duckdb.duck",
        "DuckDbCopyJob.run",
        2,
        True,
    ),
    "after all inserts, before the load's record": (
        "dlt.destinations.job_client_impl",
        "SqlJobClientBase.complete_load",
        1,
        False,
    ),
    "after the load's record": (
        "dlt.destinations.job_client_impl",
        "SqlJobClientBase.complete_load",
        1,
        True,
    ),
    "before the mark": ("winnow.load.take_in", "_Following._mark", 1, False),
    "after the mark": ("winnow.load.take_in", "_Following._mark", 1, True),
}

AT_ONCE = (
    "when the ledger has it",
    "between two inserts",
    "after all inserts, before the load's record",
)
"""The points that `make test` tries."""


def some_at_once(points: Mapping[str, Point], at_once: Container[str]) -> list[Any]:
    """The points as parameters of a test; those that are not meant for `make test` are
    left to `make test-scale`.
    """
    return [
        pytest.param(point, id=name, marks=() if name in at_once else pytest.mark.scale)
        for name, point in points.items()
    ]


KILLED = """
    import importlib, os, signal, sys

    module, place, call, after = {point!r}
    owner = importlib.import_module(module)
    *classes, function = place.split(".")
    for name in classes:
        owner = getattr(owner, name)
    original, calls = getattr(owner, function), 0

    def killed(*arguments, **options):
        global calls
        calls += 1
        if calls == call and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        result = original(*arguments, **options)
        if calls == call:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, function, killed)
    import winnow.load.pipeline
    from winnow.core.settings import settings

    {call}
"""


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("data")
    lines = "".join(
        f"u{n % 977},i{n % 331},view,2024-01-01T00:{n % 60:02}:00Z\n"
        if n % 1000
        else f"broken {n}\n"
        for n in range(ROWS)
    )
    header = "user_id,item_id,event_type,interacted_at\n"
    (folder / "interactions.csv").write_text(header + lines)
    items = "".join(f"i{n},title {n}\n" for n in range(331))
    (folder / "items.csv").write_text("item_id,title\n" + items)
    users = "".join(f"u{n},{n % 80}\n" for n in range(977))
    (folder / "users.csv").write_text("user_id,age\n" + users)
    return folder


def raw_rows(settings: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """Every row of every raw table, without what names the load that brought it."""
    return {
        entity.table: rows_of(
            settings,
            "select columns(lambda name: name not in "
            "('load_id', 'loaded_at', 'replayed_at', 'lake_file')) "
            f"from raw.{entity.table} order by all",
        )
        for entity in load_contracts().values()
    }


def lake_files(settings: Settings) -> set[str]:
    """The lake's files, without the load's id in their names."""
    return {
        re.sub(r"\d{10}\.\d{6}", "", path.relative_to(settings.lake).as_posix())
        for path in settings.lake.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def clean(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The settings of a load that nobody disturbed."""
    settings = make_settings(tmp_path_factory.mktemp("clean"))
    result = load("canonical", data, settings=settings)
    assert (result.landed, result.unreadable) == (ROWS - 60 + 331 + 977, 60)
    return settings


def assert_same_after_another_run(
    settings: Settings, data: Path, clean: Settings
) -> None:
    load("canonical", data, settings=settings)
    assert raw_rows(settings) == raw_rows(clean)
    assert lake_files(settings) == lake_files(clean)
    assert not dlt_folder(settings).exists()
    logged = rows_of(settings, "select lake_file from raw.winnow_loaded_files")
    assert all((settings.lake / name).is_file() for (name,) in logged)


def run_killed(settings: Settings, point: Point, call: str) -> None:
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED).format(point=point, call=call)],
        env=os.environ | settings.environment(),
        cwd=PROJECT_ROOT,
        check=False,
        capture_output=True,
        timeout=120,
    )
    assert finished.returncode == -signal.SIGKILL, finished.stderr.decode()


def load_killed(settings: Settings, data: Path, point: Point) -> None:
    call = f"winnow.load.pipeline.load('canonical', {str(data)!r})"
    run_killed(settings, point, call)


@pytest.mark.parametrize("point", some_at_once(POINTS, AT_ONCE))
def test_killed_at_a_chosen_point(
    point: Point, data: Path, clean: Settings, tmp_path: Path
) -> None:
    settings = make_settings(tmp_path)
    load_killed(settings, data, point)
    assert_same_after_another_run(settings, data, clean)


@pytest.mark.scale
def test_killed_at_random_times(data: Path, clean: Settings, tmp_path: Path) -> None:
    """Each time the command is killed within the span that a whole run takes."""
    rng = random.Random(20_260)
    whole = make_settings(tmp_path / "whole")
    command = [sys.executable, "-m", "winnow", "load", "canonical", str(data)]

    def start(settings: Settings) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            env=os.environ | settings.environment(),
            cwd=PROJECT_ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )

    started = time.monotonic()
    assert start(whole).wait() == 0
    seconds = time.monotonic() - started
    killed = make_settings(tmp_path / "killed")
    for _ in range(5):
        process = start(killed)
        time.sleep(seconds * rng.uniform(0.4, 1.0))
        process.kill()
        process.wait()
    assert_same_after_another_run(killed, data, clean)


@pytest.mark.scale
def test_a_recovery_that_is_killed_is_recovered_from(
    data: Path, clean: Settings, tmp_path: Path
) -> None:
    settings = make_settings(tmp_path)
    load_killed(settings, data, POINTS["between two inserts"])
    point = ("shutil", "rmtree", 1, False)
    run_killed(settings, point, "winnow.load.pipeline.recover(settings())")
    assert_same_after_another_run(settings, data, clean)


def test_recover_removes_the_rows_of_a_killed_load_and_no_others(
    data: Path, clean: Settings, tmp_path: Path
) -> None:
    # dlt takes no such name, and is given a link; what it leaves lies in the state.
    settings = make_settings(tmp_path / "o'brien 100% tenant_id=other")
    load("canonical", data / "users.csv", settings=settings)
    load_killed(settings, data, POINTS["between two inserts"])
    left_behind = sum(len(rows) for rows in raw_rows(settings).values())
    assert left_behind > 979
    assert recover(settings) == left_behind - 979
    counts = {table: len(rows) for table, rows in raw_rows(settings).items() if rows}
    assert counts == {
        "canonical_users": 977,
        "winnow_loaded_files": 1,
        "winnow_loads": 1,
    }
    assert recover(settings) == 0
