"""What a command costs when there is next to no data: seconds and processor seconds of
a load of two rows, its build, the same build again, the status and the help, medians
of a few runs.

    python -m benchmarks.start_up
"""

from __future__ import annotations

import argparse
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROWS = "user_id,item_id,rating,timestamp\na,i,4,2024-01-01\nb,j,5,2024-01-02\n"
WINNOW = Path(sys.executable).with_name("winnow")


def measured(home: Path, *arguments: str) -> tuple[float, float]:
    """Seconds, and processor seconds of the process and all that it starts."""
    variables = {
        "WINNOW_WAREHOUSE": "winnow.duckdb",
        "WINNOW_LAKE": "lake",
        "WINNOW_STATE": "state",
        "WINNOW_TARGET": "target",
        "WINNOW_PUBLISHED": "published",
    }
    places = {name: str(home / place) for name, place in variables.items()}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    started = time.monotonic()
    subprocess.run(
        [WINNOW, *arguments], env=os.environ | places, check=True, capture_output=True
    )
    seconds = time.monotonic() - started
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    processor = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return seconds, processor


def main() -> None:
    """Print a table of the commands."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    runs = parser.parse_args().runs
    taken: dict[str, list[tuple[float, float]]] = {}
    for _ in range(runs):
        with tempfile.TemporaryDirectory() as folder:
            home = Path(folder)
            file = home / "ratings.csv"
            file.write_text(ROWS)
            for what, arguments in {
                "load of two rows": ("load", "canonical", str(file), "--tenant", "t"),
                "build": ("build",),
                "build again, nothing changed": ("build",),
                "status": ("status",),
                "--help": ("--help",),
            }.items():
                taken.setdefault(what, []).append(measured(home, *arguments))
    print("| command | seconds | processor seconds |\n|---|---|---|")
    for what, figures in taken.items():
        seconds, processor = map(statistics.median, zip(*figures, strict=True))
        print(f"| {what} | {seconds:.1f} | {processor:.1f} |")


if __name__ == "__main__":
    main()
