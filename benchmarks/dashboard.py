"""How long the dashboard's pages take on what is published, in a real browser.

    WINNOW_PUBLISHED=... python -m benchmarks.dashboard

Prints a Markdown table of seconds: what a page's script takes with nothing cached (its
queries and its charts, without a browser); and until the last chart was drawn in
Chromium, with nothing cached and again. Exit status 1 where a page took more than three
seconds at first.
"""

from __future__ import annotations

import argparse
import socket
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.browser import dashboard, look, missing
from winnow.cli.dashboard import APP
from winnow.core.settings import settings
from winnow.publish.published import open_current

PATHS = (
    *("", "pipeline", "quality", "batches", "models", "comparison"),
    *("users", "items", "explorer"),
)
LIMIT_SECONDS = 3.0


def main() -> int:
    """Measure; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=Path, help="Keep the screenshots here.")
    arguments = parser.parse_args()
    lack = missing()
    if lack is not None:
        print(lack, file=sys.stderr)
        return 2
    here = settings()
    number, connection = open_current(here)
    with connection:
        [(interactions,)] = connection.execute(
            "select coalesce(sum(interactions), 0) from training.dataset_statistics"
        ).fetchall()
    with tempfile.TemporaryDirectory() as folder:
        out = arguments.pictures or Path(folder)
        with dashboard(here.environment(), Path(folder) / "log", _free_port()) as at:
            first = look(at, PATHS, out)
            again = look(at, PATHS, out)
    print(f"Generation {number}, {interactions:,} interactions.\n")
    print("| page | charts | script, s | first in Chromium, s | again, s |")
    print("|---|---|---|---|---|")
    for one, other in zip(first, again, strict=True):
        print(
            f"| {one.title} | {len(one.charts)} | {_script_seconds(one.path):.2f} | "
            f"{one.seconds:.1f} | {other.seconds:.1f} |"
        )
    return int(any(one.seconds > LIMIT_SECONDS for one in first))


def _script_seconds(path: str) -> float:
    """What a page's script takes with the generation open and no result cached."""
    import streamlit as st
    from streamlit.testing.v1 import AppTest

    app = AppTest.from_file(str(APP), default_timeout=60).run()
    st.cache_data.clear()
    app.switch_page(f"views/{path or 'overview'}.py")
    started = time.monotonic()
    app.run()
    return time.monotonic() - started


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


if __name__ == "__main__":
    sys.exit(main())
