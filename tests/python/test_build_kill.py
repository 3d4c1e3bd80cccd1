"""Builds killed at random instants, and readers that look on all the time."""

from __future__ import annotations

import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from homes import make_environment, make_winnow, query
from places import PROJECT_ROOT
from test_end_to_end import checksums
from zygote import Zygote

import winnow
from winnow.build.status import standing
from winnow.core.settings import Settings, settings
from winnow.load.ledger import read_ledger
from winnow.load.pipeline import load

pytestmark = pytest.mark.scale


class Reader:
    """Opens the current generation again and again, and counts what it sees: every
    generation has both tables of one build, so that their counts agree.
    """

    def __init__(self, settings: Settings) -> None:
        """Read what ``settings`` publish."""
        self.settings, self.queries = settings, 0
        self.errors: list[str] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> Reader:
        """Begin to read."""
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Stop."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                with winnow.connect(self.settings) as connection:
                    found: Any = connection.execute(
                        "select (select count(*) from training.examples), "
                        "(select count(*) from training.negatives) "
                        "+ (select count(*) from training.positives)"
                        "+ (select count(*) from training.explicit_negatives)"
                    ).fetchone()
                self.queries += 1
                if found[0] != found[1]:
                    self.errors.append(f"torn: {found}")
            except Exception as error:
                self.errors.append(repr(error))


def start(home: Path) -> subprocess.Popen[bytes]:
    """Begin a build."""
    return subprocess.Popen(
        [sys.executable, "-m", "winnow", "build", "--full"],
        cwd=PROJECT_ROOT,
        env=make_environment(home),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def test_builds_killed_at_five_seeds_end_in_the_tables_of_one_that_was_not(
    tmp_path: Path,
) -> None:
    data = tmp_path / "sample-data"
    arguments = ("--users", "300", "--items", "200", "--interactions", "6000")
    make_winnow(tmp_path)("sample-data", data, *arguments)
    home = tmp_path / "home"
    run = make_winnow(home)
    run("load", "canonical", data / "canonical", "--tenant", "shop")
    run("build")
    expected = checksums(home)
    started = time.monotonic()
    assert start(home).wait() == 0
    seconds = time.monotonic() - started
    with Reader(Settings(published=home / "published")) as reader:
        for seed in range(5):
            process = start(home)
            time.sleep(seconds * random.Random(seed).uniform(0.2, 1.0))
            process.send_signal(signal.SIGKILL)
            process.wait()
        assert start(home).wait() == 0
    assert reader.errors == []
    assert reader.queries > 20
    assert checksums(home) == expected
    partial = [path.name for path in (home / "published").glob(".*")]
    assert partial == []


ROWS = 25
OF_A_RUN = (
    "load_id",
    "loaded_at",
    "first_loaded_at",
    "file",
    "path",
    "ledger_number",
    "build_id",
    "dbt_valid_from",
    "dbt_updated_at",
    "dbt_scd_id",
)
"""Columns that tell one run from another."""


def write_events(path: Path, number: int) -> Path:
    """Events of a week of their own."""
    rows = "".join(
        f"u{row % 7},i{(row + number) % 11},purchase,"
        f"{1_700_000_000 + 1000 * number + row}\n"
        for row in range(ROWS)
    )
    path.write_text(f"user_id,item_id,event_type,interacted_at\n{rows}")
    return path


def land_until(folder: str) -> list[str]:
    """Load files and ask how things stand, again and again, until a file called
    ``stop`` is there; the loads, in their order.
    """
    loads: list[str] = []
    while not Path(folder, "stop").exists():
        path = write_events(Path(folder, f"{len(loads)}.csv"), len(loads))
        result = load("canonical", path, tenant="beside", entity="interactions")
        assert result.load_id is not None
        loads.append(result.load_id)
        assert standing(settings()).disk["lake"]
        time.sleep(0.5)
    return loads


def contents(home: Path) -> dict[str, tuple[int, Any]]:
    """Row count and order-free checksum of every table of the layers from the prepared
    one on, without what tells one run from another.
    """
    columns: dict[str, list[str]] = {}
    for table, name in query(
        home,
        "select table_schema || '.' || table_name, column_name "
        "from information_schema.columns where table_schema in "
        "('prepared', 'features', 'training', 'evaluation') order by all",
    ):
        if name not in OF_A_RUN:
            columns.setdefault(table, []).append(name)
    assert len(columns) > 20
    return {
        table: query(
            home, f"select count(*), sum(hash({', '.join(names)})) from {table}"
        )[0]
        for table, names in columns.items()
    }


def test_builds_killed_beside_a_process_that_lands_have_every_load_once(
    tmp_path: Path,
) -> None:
    home, folder = tmp_path / "home", tmp_path / "beside"
    folder.mkdir()
    run = make_winnow(home)
    first = write_events(tmp_path / "first.csv", 5)
    run("load", "canonical", first, "--tenant", "first", "--entity", "interactions")
    run("build")
    started = time.monotonic()
    assert start(home).wait() == 0
    seconds = time.monotonic() - started
    with (
        Reader(Settings(published=home / "published")) as reader,
        Zygote(make_environment(home)) as beside,
    ):
        beside.send("test_build_kill:land_until", str(folder))
        for seed in range(3):
            process = start(home)
            time.sleep(seconds * random.Random(seed).uniform(0.1, 1.2))
            process.send_signal(signal.SIGKILL)
            process.wait()
        run("build")  # What lands does not disturb it.
        (folder / "stop").touch()
        answer = beside.answer()
    assert answer["error"] is None, answer["error"]
    assert reader.errors == []
    loads = answer["result"]
    assert len(loads) > 10
    assert [*read_ledger(home / "lake").loads][1:] == loads
    assert start(home).wait() == 0
    counted = query(
        home,
        "select load_id, count(*) from prepared.interactions "
        "where tenant_id = 'beside' group by all order by all",
    )
    assert counted == [(load_id, ROWS) for load_id in sorted(loads)]
    alone = tmp_path / "alone"
    undisturbed = make_winnow(alone)
    for path, tenant in (
        (first, "first"),
        *((folder / f"{number}.csv", "beside") for number in range(len(loads))),
    ):
        load(
            "canonical",
            path,
            tenant=tenant,
            entity="interactions",
            settings=settings_of(alone),
        )
    undisturbed("build")
    assert contents(home) == contents(alone)


def settings_of(home: Path) -> Settings:
    """The settings of a home."""
    return Settings(
        warehouse=home / "winnow.duckdb",
        lake=home / "lake",
        state=home / "state",
        target=home / "target",
        temp_directory=home / "tmp",
        published=home / "published",
    )
