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
from homes import make_environment, make_winnow
from test_end_to_end import checksums

import winnow
from ingest.contracts import PROJECT_ROOT
from ingest.settings import Settings

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
        [sys.executable, "-m", "winnow", "build"],
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
