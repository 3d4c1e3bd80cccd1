"""How far a command is: a bar on a terminal, lines where errors go to a file or a pipe.

All of it is written to standard error, so that standard output is the result alone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock, Timer

from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TimeElapsedColumn,
)
from rich.text import Text

from winnow.cli.terminal import Terminal, stderr
from winnow.core.visible_text import shown

SECONDS_BEFORE_LINES = 2.0
"""What is done sooner says nothing where there is no terminal."""

SECONDS_BETWEEN_LINES = 3.0
"""A stage that goes on says so after as many seconds, and again."""

Stage = Callable[[str, int, int], None]
"""Told what is being done, the step it is and how many steps there are (0 where that is
not known).
"""


class _Lines:
    """A line when a stage begins, and one every few seconds while it goes on; none of
    what is over at once.
    """

    def __init__(self, console: Terminal) -> None:
        self._console = console
        self._stage: str | None = None
        self._said_at = 0.0
        self._line: str | None = None
        self._lock = Lock()
        self._is_silent = SECONDS_BEFORE_LINES > 0
        self._timer = Timer(SECONDS_BEFORE_LINES, self._begin)
        self._timer.daemon = True
        if self._is_silent:
            self._timer.start()

    def tell(self, stage: str, line: str) -> None:
        """Print ``line``, unless one of the same stage was printed just now."""
        now = time.monotonic()
        with self._lock:
            if stage == self._stage and now - self._said_at < SECONDS_BETWEEN_LINES:
                return
            self._stage, self._said_at, self._line = stage, now, line
            if not self._is_silent:
                self._console.say(line)

    def close(self) -> None:
        """Print no more."""
        self._timer.cancel()

    def _begin(self) -> None:
        with self._lock:
            self._is_silent = False
            if self._line is not None:
                self._console.say(self._line)


@contextmanager
def stages() -> Iterator[Stage]:
    """Shows what a build is doing and how far it is."""
    console = stderr()
    if not console.is_terminal:
        lines = _Lines(console)

        def tell(what: str, step: int, steps: int) -> None:
            # What dbt builds has steps, and a name of its own each; a stage with parts
            # has its name before a colon.
            name, colon, _ = what.partition(": ")
            stage = name if colon or not steps else f"of {steps}"
            lines.tell(stage, f"{step}/{steps} {what}" if steps else what)

        try:
            yield tell
        finally:
            lines.close()
        return
    with _bar(console, _Description(), BarColumn(), _Place()) as bar:
        task = bar.add_task("starting", total=None, place="")

        def update(what: str, step: int, steps: int) -> None:
            bar.update(
                task,
                description=what,
                completed=step,
                total=steps or None,
                place=f"{step}/{steps}" if steps else "",
            )

        yield update


@contextmanager
def rows_written(what: str) -> Iterator[Callable[[int, int], None]]:
    """Shows how many rows of how many are written."""
    console = stderr()
    started = time.monotonic()
    if not console.is_terminal:
        lines = _Lines(console)
        lines.tell(what, what)
        try:
            yield lambda done, total: lines.tell(
                what, f"{what}: {done:,} of {total:,} rows{_rate(done, started)}"
            )
        finally:
            lines.close()
        return
    with _bar(console, _Description(), BarColumn(), _Rows()) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(
            task, completed=done, total=total, rows=done
        )


class LoadProgress:
    """Shows how a load goes on: bytes read as a bar, records and records per second."""

    def __init__(self) -> None:
        """Show it on standard error."""
        console = stderr()
        self._lines = None if console.is_terminal else _Lines(console)
        self._bar = _bar(console, _Description(), BarColumn(), _Rows())
        self._task = self._bar.add_task("looking at the files", total=None)
        self._file = ""
        self._total_bytes = 0
        self._started = time.monotonic()

    def __enter__(self) -> LoadProgress:
        """Begin to show."""
        if self._lines is None:
            self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        self._bar.stop()
        if self._lines is not None:
            self._lines.close()

    def start(self, file: Path, total_bytes: int) -> None:
        """A file is begun."""
        self._file, self._total_bytes = f"reading {file.name}", total_bytes
        self._started = time.monotonic()
        self._show("reading", self._file, total_bytes)

    def advance(self, total_read: int, landed: int, unreadable: int) -> None:
        """So much of the file has been read."""
        note = f", {unreadable:,} unreadable" if unreadable else ""
        self._bar.update(self._task, completed=total_read, rows=landed, note=note)
        if self._lines is not None:
            share = min(total_read / max(self._total_bytes, 1), 1.0)
            rate = _rate(landed, self._started)
            self._lines.tell(
                "reading", f"{self._file}: {share:.0%}, {landed:,} rows{rate}{note}"
            )

    def store(self, landed: int) -> None:
        """All files are read."""
        self._show("storing", f"storing {landed:,} rows in the warehouse")

    def judge(self, what: str) -> None:
        """Rows are stored; a part of the quality gate is at work."""
        self._show("quality gate", f"quality gate: {what}")

    def _show(self, stage: str, what: str, total: int | None = None) -> None:
        self._bar.reset(self._task, description=what, total=total, rows=0, note="")
        if self._lines is not None:
            self._lines.tell(stage, what)


class _Description(ProgressColumn):
    """What is being done, names of files and tenants in it as they are."""

    def render(self, task: Task) -> Text:
        return Text(shown(task.description))


class _Place(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(task.fields.get("place", ""))


class _Rows(ProgressColumn):
    def render(self, task: Task) -> Text:
        rows = int(task.fields.get("rows", 0))
        if not rows:
            return Text("")
        rate = rows / max(task.elapsed or 0.0, 1e-9)
        note = task.fields.get("note", "")
        return Text(f"{rows:,} rows, {rate:,.0f} rows/s{note}")


def _rate(rows: int, started: float) -> str:
    seconds = time.monotonic() - started
    return f", {rows / seconds:,.0f} rows/s" if rows and seconds > 0.05 else ""


def _bar(console: Terminal, *columns: ProgressColumn) -> Progress:
    return Progress(
        SpinnerColumn(),
        *columns,
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
