"""What killed commands leave is removed by the next command, and nothing else is."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import Command

from winnow.core.leftovers import remove_leftovers, unfinished
from winnow.core.settings import Settings


@pytest.fixture
def gone() -> int:
    """The number of a process that is no more."""
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def made(path: Path) -> Path:
    path.mkdir(parents=True)
    (path / "spilled.tmp").write_text("some")
    return path


@pytest.fixture
def locked(settings: Settings) -> Iterator[Path]:
    """The folder of a validation that is at work."""
    folder = made(settings.temp_directory / "validate-atwork")
    descriptor = os.open(folder, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    yield folder
    os.close(descriptor)


def test_only_what_no_process_has_is_removed(
    settings: Settings, gone: int, locked: Path, tmp_path: Path
) -> None:
    own = os.getpid()
    temporary, target = settings.temp_directory, settings.target
    target.mkdir()
    spilled = made(temporary / f"reader-{gone}")
    abandoned = made(temporary / "validate-abandoned")
    compiled = target / f".validate.json.{gone}"
    compiled.write_text("{")
    kept = [
        made(temporary / f"reader-{own}"),
        made(temporary / "reader-of-books"),
        made(temporary / f"lake-{gone}"),
        locked,
        target / f".validate.json.{own}",
        target / f"other.{gone}",
    ]
    for path in kept:
        if not path.exists():
            path.write_text("{")
    remove_leftovers(settings)
    assert [one for one in (spilled, abandoned, compiled) if one.exists()] == []
    assert [one for one in kept if not one.exists()] == []


def test_a_file_that_was_not_finished_is_found_wherever_it_is(
    settings: Settings, winnow: Command, tmp_path: Path
) -> None:
    out = tmp_path / "elsewhere" / "bad.jsonl"
    out.parent.mkdir()
    code = (
        "import os, pathlib, signal, sys\n"
        "from winnow.core.settings import settings\n"
        "from winnow.core.leftovers import unfinished\n"
        "with unfinished(settings(), pathlib.Path(sys.argv[1])) as partial:\n"
        "    partial.write_text('half')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    killed = subprocess.Popen(
        [sys.executable, "-c", code, str(out)],
        env=os.environ | settings.environment(),
    )
    killed.wait()
    assert [path.name for path in out.parent.iterdir()] == [f".bad.jsonl.{killed.pid}"]
    with unfinished(settings, out) as partial:
        partial.write_text("at work")
        assert winnow("status")[0] == 0
        assert list(out.parent.iterdir()) == [partial]
    assert list(out.parent.iterdir()) == []
    assert list((settings.state / "unfinished").iterdir()) == []


def test_a_note_that_names_a_file_of_somebody_removes_nothing(
    settings: Settings, gone: int, tmp_path: Path
) -> None:
    mine = tmp_path / "thesis.txt"
    mine.write_text("all my work")
    notes = settings.state / "unfinished"
    notes.mkdir(parents=True)
    (notes / f"thesis.txt.{gone}").write_text(str(mine))
    remove_leftovers(settings)
    assert mine.read_text() == "all my work"
    assert list(notes.iterdir()) == []


def test_a_note_that_is_spoilt_is_removed(settings: Settings, gone: int) -> None:
    note = settings.state / "unfinished" / f"out.jsonl.{gone}"
    note.parent.mkdir(parents=True)
    for spoilt in (b"", b"\0" * 9, b"\xff\0.x." + str(gone).encode(), b"/" * 9999):
        note.write_bytes(spoilt)
        remove_leftovers(settings)
        assert not note.exists()
