"""Whichever call of the system fails: the state is whole, the message a sentence, and
the command works when it is run again.
"""

from __future__ import annotations

import errno
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import pytest
from places import PROJECT_ROOT

from winnow.core.errors import InputError, writing
from winnow.core.failures import explained

HERE = Path(__file__).parent
NEVER = 1 << 30
ERRORS = (errno.ENOSPC, errno.EACCES, errno.EIO)

COMMANDS = ("load", "unload", "build", "publish", "export")

Trial = tuple[int, int, bool]
"""Which call fails, how, and whether every later one that writes fails, too."""

WITHOUT_FAULT: Trial = (NEVER, 0, False)


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The library that makes calls fail, compiled."""
    compiler = shutil.which("cc") or shutil.which("gcc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("needs Linux and a C compiler")
    library = tmp_path_factory.mktemp("shim") / "faults.so"
    source = HERE / "faults" / "faults.c"
    subprocess.run(
        [compiler, "-shared", "-fPIC", "-O1", "-o", library, source, "-ldl"], check=True
    )
    return library


def run_trials(
    shim: Path, folder: Path, command: str, trials: Iterable[Trial]
) -> list[dict[str, Any]]:
    """The outcomes of the trials, in their order."""
    folder.mkdir()
    job = {"command": command, "folder": str(folder), "trials": list(trials)}
    outcomes = folder / "outcomes"
    with outcomes.open("wb") as file:
        finished = subprocess.run(
            [sys.executable, HERE / "faults" / "trials.py", str(file.fileno())],
            input=json.dumps(job),
            env=os.environ
            | {"LD_PRELOAD": str(shim), "PYTHONPATH": f"{HERE}{os.pathsep}."},
            cwd=PROJECT_ROOT,
            pass_fds=[file.fileno()],
            capture_output=True,
            text=True,
            check=False,
        )
    assert finished.returncode == 0, finished.stderr
    return [json.loads(line) for line in outcomes.read_text().splitlines()]


def without_leftovers(state: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in state.items() if name != "left"}


def faults_of(
    outcome: dict[str, Any], clean: dict[str, Any], folder: Path
) -> list[str]:
    """What is wrong with an outcome; empty when all is as it should be."""
    state, message = outcome["state"], outcome["message"]
    wrong = []
    if "wrong" in state:
        wrong.append(f"the state is broken: {state['wrong']}")
    if outcome["status"] == 0:
        if without_leftovers(state) != without_leftovers(clean):
            wrong.append("it ended well and did not do its work")
    elif outcome["status"] != 2:
        wrong.append(f"exit status {outcome['status']}")
    else:
        said = [line for line in message.splitlines() if line.startswith("winnow: ")]
        if len(said) != 1 or "Traceback" in message or not message.endswith(".\n"):
            wrong.append("the message is no sentence")
        elif "WINNOW_" not in said[0] and str(folder) not in said[0]:
            wrong.append("the message names no place")
    if outcome["again_status"] != 0:
        wrong.append(f"it does not work again: {outcome['again_message']}")
    elif outcome["again_state"] != clean:
        wrong.append("run again it gives something else")
    return [f"{outcome['failed']}: {one} ({message.strip()})" for one in wrong]


def check(shim: Path, folder: Path, command: str, trials: list[Trial]) -> None:
    clean, *outcomes = run_trials(shim, folder, command, [WITHOUT_FAULT, *trials])
    assert (clean["status"], clean["failed"]) == (0, ""), clean["message"]
    assert clean["again_state"]["left"] == []
    assert len(outcomes) == len(trials)
    assert any(outcome["status"] == 2 for outcome in outcomes)
    wrong = [
        one
        for outcome in outcomes
        for one in faults_of(outcome, clean["again_state"], folder)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_place_that_failed_is_named_and_no_other(tmp_path: Path) -> None:
    lake, state = tmp_path / "lake", tmp_path / "state"
    copied = OSError(
        errno.ENOSPC, "No space left on device", str(lake / "a"), None, str(state / "b")
    )
    of_state = writing(state, "WINNOW_STATE")
    with pytest.raises(InputError, match="state cannot be written: No spa"), of_state:
        raise copied
    with pytest.raises(OSError, match="No space"), writing(lake, "WINNOW_LAKE"):
        raise copied
    assert str(explained(copied)).startswith(f"{state / 'b'} cannot be written: ")
    of_state = writing(state, "WINNOW_STATE")
    with pytest.raises(InputError, match="state cannot be written: Input/o"), of_state:
        raise OSError(errno.EIO, "Input/output error", "relative")
    with pytest.raises(BrokenPipeError), writing(lake, "WINNOW_LAKE"):
        raise BrokenPipeError
    full = 'Failed to commit: Could not write file "/w.wal": No space left on device'
    said = str(explained(duckdb.TransactionException(full)))
    assert said == f"DuckDB cannot read or write: {full.partition(': ')[2]}."


@pytest.mark.parametrize(
    ("command", "calls"),
    [
        ("load", (20, 160, 448, 603)),
        ("unload", (2, 9, 30, 60)),
        ("build", (5, 30, 60, 100, 150)),
        ("publish", (10, 19, 46, 73, 109)),
        ("export", (2, 13, 14, 16, 20)),
    ],
)
def test_one_call_fails(
    command: str, calls: tuple[int, ...], shim: Path, tmp_path: Path
) -> None:
    trials = [(call, ERRORS[n % 3], False) for n, call in enumerate(calls)]
    full = (calls[1], errno.ENOSPC, True)
    check(shim, tmp_path / "trials", command, [*trials, full])


@pytest.mark.faults
@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("command", COMMANDS)
def test_every_call_fails_once(
    command: str, part: int, shim: Path, tmp_path: Path
) -> None:
    [counted] = run_trials(shim, tmp_path / "counted", command, [WITHOUT_FAULT])
    calls = range(1 + part, counted["calls"] + 1, 4)
    trials = [(call, ERRORS[call % 3], False) for call in calls]
    check(shim, tmp_path / "trials", command, trials)


@pytest.mark.faults
@pytest.mark.parametrize("command", COMMANDS)
def test_the_disk_is_full_from_some_call_on(
    command: str, shim: Path, tmp_path: Path
) -> None:
    [counted] = run_trials(shim, tmp_path / "counted", command, [WITHOUT_FAULT])
    calls = range(1, counted["calls"], max(1, counted["calls"] // 40))
    trials = [(call, errno.ENOSPC, True) for call in calls]
    check(shim, tmp_path / "trials", command, trials)
