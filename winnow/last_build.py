"""How the newest build ended, noted beside the warehouse's lock."""

from __future__ import annotations

import datetime as dt
import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from ingest.settings import Settings


@dataclass(frozen=True)
class LastBuild:
    """When the newest build ended (UTC), after how many seconds, and whether it went
    through. One that is running, or was killed, has not, and ended as it began.
    """

    ended_at: dt.datetime
    seconds: float
    succeeded: bool


def last_build(settings: Settings) -> LastBuild | None:
    """How the newest build ended; None where none has begun."""
    path = settings.state / "last_build.json"
    if not path.exists():
        return None
    note = json.loads(path.read_text("utf-8"))
    ended_at = dt.datetime.fromisoformat(note["ended_at"])
    return LastBuild(ended_at, note["seconds"], note["succeeded"])


@contextmanager
def noted(settings: Settings) -> Iterator[float]:
    """Notes that a build begins, and how the block ended; gives the clock's start."""
    started, succeeded = time.monotonic(), False
    _note(settings, 0.0, succeeded)
    try:
        yield started
        succeeded = True
    finally:
        _note(settings, time.monotonic() - started, succeeded)


def _note(settings: Settings, seconds: float, succeeded: bool) -> None:
    build = LastBuild(dt.datetime.now(dt.UTC), seconds, succeeded)
    path = settings.state / "last_build.json"
    new = path.with_suffix(".new")
    new.write_text(json.dumps(asdict(build), default=str), "utf-8")
    new.replace(path)
