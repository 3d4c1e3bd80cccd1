"""A dashboard and a browser to look at it: what the benchmark and the tests share.

Chromium comes from the system (Debian's package ``chromium``); what drives it lives in
``.venv-services``, because nothing of Winnow needs it.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

PROJECT_ROOT = Path(__file__).resolve().parents[1]

PLAYWRIGHT = PROJECT_ROOT / ".venv-services" / "bin" / "python"
DRIVER = PROJECT_ROOT / "benchmarks" / "browse_dashboard.py"
START_SECONDS = 60


@dataclass(frozen=True)
class Chart:
    """What was drawn and the place it had; pixels."""

    width: float
    height: float
    place: float


@dataclass(frozen=True)
class Seen:
    """A page as the browser saw it: ``seconds`` until all its charts were drawn,
    ``outside`` what it asked of other hosts, ``console`` the errors that it noted.
    """

    path: str
    title: str
    text: str
    sidebar: str
    seconds: float
    charts: tuple[Chart, ...]
    alerts: tuple[str, ...]
    exceptions: int
    sideways: bool
    outside: tuple[str, ...]
    console: tuple[str, ...]
    picture: Path


def chromium() -> str | None:
    """Where the browser is; None where there is none."""
    found = [shutil.which(name) for name in ("chromium", "chromium-browser")]
    return next(filter(None, found), None)


def missing() -> str | None:
    """What a machine lacks to look at the dashboard, with what installs it; None where
    it has everything.
    """
    if chromium() is None:
        return "Chromium is missing: `apt-get install chromium`, or `make chromium`"
    if not PLAYWRIGHT.exists():
        return f"{PLAYWRIGHT} is missing: `make test-services` installs it"
    return None


@contextmanager
def dashboard(
    environment: dict[str, str], log: Path, port: int, arguments: Sequence[str] = ()
) -> Iterator[str]:
    """Runs ``winnow dashboard`` and gives its address once it answers."""
    address = f"http://127.0.0.1:{port}"
    with log.open("w") as file:
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "winnow", "dashboard"),
                *("--port", str(port), *arguments),
            ],
            env=os.environ | environment,
            cwd=PROJECT_ROOT,
            stdout=file,
            stderr=subprocess.STDOUT,
        )
        try:
            _wait(process, f"{address}/_stcore/health", log)
            yield address
        finally:
            process.send_signal(signal.SIGINT)
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def look(
    address: str,
    paths: Sequence[str],
    folder: Path,
    *,
    scheme: str = "light",
    width: int = 1400,
    until: str = "",
) -> list[Seen]:
    """Open pages one after the other in a browser; a picture of each is left in
    ``folder`` as ``<path>-<scheme>.png``. With ``until``, each is left open until it
    shows that text.
    """
    browser = chromium()
    assert browser is not None
    folder.mkdir(parents=True, exist_ok=True)
    found = subprocess.run(
        [
            *(PLAYWRIGHT, DRIVER, browser, address, folder, scheme, str(width), until),
            *paths,
        ],
        check=True,
        capture_output=True,
        text=True,
    )
    return [_seen(json.loads(line)) for line in found.stdout.splitlines()]


def _seen(told: dict[str, Any]) -> Seen:
    return Seen(
        **told
        | {
            "charts": tuple(Chart(**chart) for chart in told["charts"]),
            "picture": Path(told["picture"]),
        }
        | {name: tuple(told[name]) for name in ("alerts", "outside", "console")}
    )


def _wait(process: subprocess.Popen[bytes], url: str, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            urllib.request.urlopen(url, timeout=5).close()
            return
        except OSError:
            if process.poll() is not None or time.monotonic() > deadline:
                raise AssertionError(
                    f"The dashboard does not answer: {log.read_text()}"
                ) from None
            time.sleep(0.1)
