"""Loading and building, measured: ``make bench``.

Makes sample data, then runs each step in a process of its own: DuckDB's own
``read_csv`` of the same file (the yardstick), ``winnow load`` and
``winnow build``. Prints a Markdown table of seconds, rows per second, peak memory
and the ratio to the yardstick.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from winnow.demo.sample_data import SampleSize, write_sample_data

YARDSTICK = """
import duckdb, sys
connection = duckdb.connect(sys.argv[2], config={"threads": 2, "memory_limit": "7GB"})
connection.execute("set preserve_insertion_order = false")
connection.execute(
    "create table landed as select * from read_csv(?, all_varchar = true, "
    "ignore_errors = true, strict_mode = false)", [sys.argv[1]]
)
"""
MEASURED = """
import json, os, sys, time
started = time.monotonic()
pid = os.posix_spawn(
    sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_DUP2, 2, 1)]
)
_, status, usage = os.wait4(pid, 0)
print(json.dumps([status, time.monotonic() - started, usage.ru_maxrss / 2**20]))
"""
"""Runs a command and prints its exit status, seconds and peak memory. A process of its
own, and a small one: Linux counts the memory of the process that starts a program into
the program's peak.
"""
QUALITY_MODELS = {
    "feed_thresholds",
    "column_counts",
    "key_counts",
    "record_counts",
    "rule_counts",
    "load_measures",
    "catalogue_ids",
    "id_collisions",
    "released_loads",
    "load_verdicts",
    "file_states",
    "interaction_checks",
    "load_consistency",
    "prediction_consistency",
    "load_counts",
    "drift",
    "metrics",
}


@dataclass(frozen=True)
class Run:
    """One process: wall seconds and peak resident memory in GiB."""

    seconds: float
    peak_gib: float


def run(
    command: Sequence[str | Path],
    environment: dict[str, str],
    log: Path,
    limit_seconds: float | None = None,
) -> Run:
    """Run a command to its end. Raises SystemExit with the end of the log when it
    fails, and TimeoutError when it was stopped because it took longer than the limit.
    """
    with (
        log.open("ab") as out,
        subprocess.Popen(
            [sys.executable, "-I", "-S", "-c", MEASURED, *command],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=out,
            process_group=0,
        ) as process,
    ):
        try:
            printed, _ = process.communicate(timeout=limit_seconds)
        except subprocess.TimeoutExpired as error:
            raise TimeoutError(
                f"{command} took longer than {limit_seconds} s"
            ) from error
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
    status, seconds, peak_gib = json.loads(printed) if printed else (1, 0.0, 0.0)
    if status != 0:
        said = log.read_text("utf-8", "replace")[-3000:]
        raise SystemExit(f"{command} failed:\n{said}")
    return Run(seconds, peak_gib)


def median_run(runs: Sequence[Run]) -> Run:
    """Median seconds and highest memory of several runs."""
    seconds = statistics.median(each.seconds for each in runs)
    return Run(seconds, max(each.peak_gib for each in runs))


def fresh(home: Path, name: str) -> dict[str, str]:
    """An environment in which everything that Winnow writes is new."""
    place = home / name
    return os.environ | {
        "WINNOW_WAREHOUSE": str(place / "winnow.duckdb"),
        "WINNOW_LAKE": str(place / "lake"),
        "WINNOW_STATE": str(place / "state"),
        "WINNOW_TARGET": str(place / "target"),
        "WINNOW_TEMP_DIRECTORY": str(place / "tmp"),
        "WINNOW_PUBLISHED": str(place / "published"),
        "DBT_TARGET_PATH": str(place / "target"),
        "DBT_LOG_PATH": str(place / "logs"),
    }


def parsed_arguments() -> argparse.Namespace:
    """What to measure, and where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interactions", type=int, default=10_000_000)
    parser.add_argument("--users", type=int, default=200_000)
    parser.add_argument("--items", type=int, default=50_000)
    parser.add_argument("--repeats", type=int, default=3, help="of load and yardstick")
    parser.add_argument("--no-build", action="store_true", help="loads only")
    parser.add_argument("--scratch", type=Path, help="folder for the data")
    parser.add_argument(
        "--keep", action="store_true", help="leave data and warehouse where they are"
    )
    return parser.parse_args()


def main() -> None:
    """Measure and print."""
    arguments = parsed_arguments()
    binaries = Path(sys.executable).parent
    winnow = binaries / "winnow"
    rows = arguments.interactions
    home = Path(tempfile.mkdtemp(dir=arguments.scratch))
    with contextlib.ExitStack() as at_the_end:
        if arguments.keep:
            print(f"everything stays in {home}", file=sys.stderr)
        else:
            at_the_end.callback(shutil.rmtree, home)
        log = home / "log.txt"
        print(f"making {rows:,} interactions", file=sys.stderr)
        started = time.monotonic()
        write_sample_data(
            home / "sample",
            SampleSize(users=arguments.users, items=arguments.items, interactions=rows),
        )
        made = Run(time.monotonic() - started, 0.0)
        data = home / "sample" / "canonical" / "interactions.csv"
        catalogue = data.with_name("items.csv")
        plain, load = [], []
        for repeat in range(arguments.repeats):
            print(f"yardstick and load, run {repeat + 1}", file=sys.stderr)
            yardstick: list[str | Path] = [sys.executable, "-c", YARDSTICK, data]
            database = home / f"plain-{repeat}.duckdb"
            plain.append(run([*yardstick, database], dict(os.environ), log))
            database.unlink()
            environment = fresh(home, f"load-{repeat}")
            command: list[str | Path] = [winnow, "load", "canonical", data]
            load.append(run(command, environment, log))
        items: list[str | Path] = [winnow, "load", "canonical", catalogue]
        run(items, environment, log)
        steps: list[tuple[str, Run]] = []
        if not arguments.no_build:
            print("winnow build", file=sys.stderr)
            build = run([winnow, "build"], environment, log)
            dbt, quality = dbt_times(Path(environment["DBT_TARGET_PATH"]))
            steps = [
                ("`winnow build`: dbt, quality, publish", build),
                ("dbt's part: all layers with tests", Run(dbt, 0.0)),
                ("the quality models' part of it", Run(quality, 0.0)),
            ]
    yardstick_run, load_run = median_run(plain), median_run(load)
    print(
        f"{rows:,} interactions, {arguments.users:,} users, {arguments.items:,} items"
    )
    print("\n| step | seconds | rows/s | peak GiB | times DuckDB's read_csv |")
    print("|---|---|---|---|---|")
    for name, measured in (
        ("sample data (`winnow sample-data`)", made),
        ("DuckDB `read_csv`, all text", yardstick_run),
        ("`winnow load`", load_run),
        *steps,
    ):
        ratio = measured.seconds / yardstick_run.seconds
        peak = f"{measured.peak_gib:.2f}" if measured.peak_gib else "-"
        print(
            f"| {name} | {measured.seconds:.1f} | {rows / measured.seconds:,.0f} "
            f"| {peak} | {ratio:.1f} |"
        )
    if steps:
        share = quality / build.seconds
        print(f"\nThe quality models take {share:.1%} of the build.")


def dbt_times(target: Path) -> tuple[float, float]:
    """Seconds of dbt's whole run, and of its nodes that measure quality (added up;
    reconciliation is none of them).
    """
    results = json.loads((target / "run_results.json").read_text())
    quality = sum(
        result["execution_time"]
        for result in results["results"]
        if result["unique_id"].split(".")[-1] in QUALITY_MODELS
    )
    return results["elapsed_time"], quality


if __name__ == "__main__":
    main()
