"""Ctrl-C and SIGTERM end every long command with 130 or 143 and one sentence."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import duckdb
import pytest
from noting import note_build
from places import PROJECT_ROOT
from test_batches import write_world

from winnow.core.settings import Settings
from winnow.evaluation.batches import plan

STOPPED_IN = """
    import sys, time
    import {module}
    from winnow import __main__

    whole = {module}.{name}
    def stopped(*given, **named):
        print("here", flush=True)
        time.sleep({seconds})
        return whole(*given, **named)

    {module}.{name} = stopped
    sys.argv = ["winnow", *{arguments!r}]
    __main__.main()
"""
"""Runs a command that stays for a while in a function."""

SENTENCE = {
    signal.SIGINT: "winnow: Stopped by Ctrl-C; nothing is left half done",
    signal.SIGTERM: "winnow: Stopped by SIGTERM; nothing is left half done",
}


HEARS = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
"""Whoever runs the tests in the background lets them ignore Ctrl-C."""


def start(settings: Settings, code: str, **given: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", HEARS + textwrap.dedent(code).format(**given)],
        env=os.environ | settings.environment() | {"PYTHONPATH": str(PROJECT_ROOT)},
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stop(
    process: subprocess.Popen[str], number: int = signal.SIGINT
) -> tuple[int, str]:
    """Send a signal once the process has said something; its status and errors."""
    assert process.stdout is not None
    while "here" not in (line := process.stdout.readline()):
        assert line, process.communicate()
    time.sleep(0.2)
    process.send_signal(number)
    _, said = process.communicate(timeout=60)
    assert "Traceback" not in said, said
    return process.returncode, said


@pytest.fixture
def events(tmp_path: Path) -> Path:
    path = tmp_path / "events.csv"
    path.write_text(
        "user_id,item_id\n" + "".join(f"u{n},i{n % 7}\n" for n in range(50))
    )
    return path


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("winnow.load.pipeline", "recognise_files"),
        ("winnow.load.pipeline", "take_in"),
    ],
)
def test_a_load_that_is_stopped(
    settings: Settings, events: Path, module: str, name: str, number: signal.Signals
) -> None:
    arguments = ["load", "canonical", str(events), "--tenant", "acme"]
    process = start(
        settings, STOPPED_IN, module=module, name=name, seconds=30, arguments=arguments
    )
    status, said = stop(process, number)
    assert status == 128 + number
    assert SENTENCE[number] in said
    again = subprocess.run(
        [sys.executable, "-m", "winnow", *arguments],
        env=os.environ | settings.environment(),
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert again.returncode == 0, again.stderr
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        counted = connection.execute("select count(*) from raw.canonical_interactions")
        assert counted.fetchall() == [(50,)]


def test_a_signal_that_a_library_swallows_is_not_lost(settings: Settings) -> None:
    """Such as one within a destructor, or one that is made another error."""
    code = """
        import sys, time
        from winnow import __main__
        from winnow.cli import main as cli

        class Swallows:
            def __del__(self):
                print("here", flush=True)
                time.sleep(3)

        def app():
            {body}

        cli.app = app
        __main__.main()
    """
    for body in (
        "swallows = Swallows(); del swallows; time.sleep(30)",
        'exec(\'try:\\n print("here", flush=True); time.sleep(30)\\n'
        "except KeyboardInterrupt:\\n raise RuntimeError(1) from None')",
        'exec(\'try:\\n print("here", flush=True); time.sleep(30)\\n'
        "except KeyboardInterrupt:\\n sys.exit(0)')",
    ):
        status, said = stop(start(settings, code, body=body))
        assert (status, said.count("\n")) == (130, 1), said
        assert SENTENCE[signal.SIGINT] in said


def test_a_publish_that_is_stopped_leaves_what_was_there(settings: Settings) -> None:
    settings.warehouse.parent.mkdir()
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(
            "create schema prepared; create table prepared.items as select 'a' as a"
        )
        note_build(connection)
    for name in ("_copy", "_swap"):
        process = start(
            settings,
            STOPPED_IN,
            module="winnow.publish.generations",
            name=name,
            seconds=30,
            arguments=["publish", "--no-lake"],
        )
        status, said = stop(process)
        assert (status, SENTENCE[signal.SIGINT] in said) == (130, True)
        assert not (settings.published / "current").exists()


BUILDING = """
    import sys, threading, time
    from winnow import __main__
    from winnow.build import dbt

    whole = dbt.run_dbt

    def told(settings, arguments, progress=None, **given):
        def tell(what, step, steps):
            if step >= {step}:
                print("here", flush=True)
                time.sleep(1)
            if progress is not None:
                progress(what, step, steps)
        return whole(settings, arguments, tell, **given)

    dbt.run_dbt = told
    import winnow.build.build
    winnow.build.build.run_dbt = told
    sys.argv = ["winnow", *{arguments!r}]
    __main__.main()
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_build_that_is_stopped_ends_soon_and_is_no_build(
    settings: Settings, number: signal.Signals
) -> None:
    process = start(settings, BUILDING, step=12, arguments=["build"])
    status, said = stop(process, number)
    assert status == 128 + number
    assert SENTENCE[number] in said
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        verdicts = connection.execute("select verdict from quality.builds").fetchall()
    assert verdicts == [("running",)]
    assert not settings.published.exists()


def test_days_that_are_stopped_are_not_done(settings: Settings) -> None:
    write_world(settings)
    plan(settings, 3)
    process = start(
        settings,
        STOPPED_IN,
        module="winnow.evaluation.batches",
        name="_judge",
        seconds=30,
        arguments=["batches", "simulate", "--days", "3"],
    )
    status, said = stop(process)
    assert (status, SENTENCE[signal.SIGINT] in said) == (130, True)
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        found = connection.execute("select day, state from evaluation.batch_runs")
        assert found.fetchall() == [(1, "running")]
