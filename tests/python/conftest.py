"""Fixtures that more than one test file uses."""

from __future__ import annotations

import gzip
import importlib.util
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from places import PROJECT_ROOT
from warm import warm_up

from winnow.core.settings import Settings

REAL_DATA = PROJECT_ROOT.parent / "shared" / "data"

# Wherever a test or a process of its own works, the project is this one.
os.environ["WINNOW_PROJECT"] = str(PROJECT_ROOT)

Command = Callable[..., tuple[int, str, str]]
Query = Callable[[str], list[tuple[Any, ...]]]
Write = Callable[[str, str | bytes], Path]


def make_settings(folder: Path) -> Settings:
    """Settings whose every path lies in ``folder``."""
    return Settings(
        warehouse=folder / "warehouse.duckdb",
        lake=folder / "lake",
        state=folder / "state",
        target=folder / "target",
        published=folder / "published",
        temp_directory=folder / "tmp",
    )


def rows_of(settings: Settings, sql: str) -> list[tuple[Any, ...]]:
    """What a query on the warehouse gives."""
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        return connection.execute(sql).fetchall()


@pytest.fixture(scope="session", autouse=True)
def dbt_is_warm() -> Iterator[None]:
    """See warm.py; the environment of the peers has no dbt."""
    with pytest.MonkeyPatch.context() as patch:
        if importlib.util.find_spec("dbt"):
            warm_up(patch)
        yield


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """A warehouse, lake and state of the test's own."""
    return make_settings(tmp_path / "winnow")


@pytest.fixture
def query(settings: Settings) -> Query:
    """Ask the test's own warehouse."""
    return lambda sql: rows_of(settings, sql)


@pytest.fixture
def winnow(
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> Command:
    """Run a command line in this process: exit status, standard output and error."""
    from winnow.cli.main import main  # the environment of the peers has no CLI

    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments: str | Path) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["winnow", *map(str, arguments)])
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capsys.readouterr()
        assert isinstance(stopped.value.code, int)
        return stopped.value.code, out, err

    return run


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a file below the test's folder; a name that ends in .gz is compressed."""

    def write_file(name: str, content: str | bytes) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        data = content.encode() if isinstance(content, str) else content
        path.write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
        return path

    return write_file


@pytest.fixture
def real_data() -> Callable[[str], Path]:
    """A folder of published data; the test is skipped where it is not there."""

    def folder(name: str) -> Path:
        path = REAL_DATA / name
        if not path.is_dir():
            pytest.skip(f"needs the published data set {name} in {REAL_DATA}")
        return path

    return folder
