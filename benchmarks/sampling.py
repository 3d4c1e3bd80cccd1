"""Negative samplers compared: ``make bench-sampling``.

Winnow's own models, run by dbt, against RecBole's samplers, recommenders'
``negative_feedback_sampler``, vectorised rejection in numpy and the plain SQL of hashed
draws and ranks: four negatives for each positive of Gowalla, MicroLens and a synthetic
tenant. Each method runs in a process of its own, in turn; what it drew is checked
afterwards by the same SQL. Ends with the point-in-time features against the plain join.
Prints Markdown tables; progress goes to standard error.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import ParamSpec, TypeVar

from benchmarks import point_in_time, sampling_data
from benchmarks.load_and_build import fresh, run
from benchmarks.sampling_check import NOISE, Exactness, check
from benchmarks.sampling_data import PROJECT, RATIO, Dataset

MODELS = ("--select", "+negatives,path:models/training", "--exclude", "+positives")
"""The models between the table of positives and the table of negatives."""
POSITIVES = (
    *("--resource-type", "seed", "--resource-type", "model"),
    *("--select", "+positives", "--exclude", "+tenants", "+interactions"),
)
"""The models and seeds between the prepared tables and the table of positives."""
SMALL = 2_000_000
"""Data sets of up to so many interactions are measured several times."""
SYNTHETIC = "synthetic"

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class Method:
    """A sampler: its name in the table, what it draws in proportion to, what it reads
    and writes, and whether it needs the peers' environment.
    """

    title: str
    target: str
    output: str
    is_peer: bool = False
    is_ours: bool = False


TABLE, ARRAYS = "tables", "arrays of integers"
METHODS = {
    "ours": Method("Winnow, uniform", "uniform", TABLE, is_ours=True),
    "numpy_table": Method("numpy rejection + DuckDB", "uniform", TABLE),
    "hash_and_rank": Method("hash, rank and cut in SQL", "uniform", TABLE),
    "numpy": Method("numpy rejection", "uniform", ARRAYS),
    "recbole_uniform_table": Method(
        "RecBole, uniform + DuckDB", "uniform", TABLE, is_peer=True
    ),
    "recbole_uniform": Method("RecBole, uniform", "uniform", ARRAYS, is_peer=True),
    "recommenders": Method("recommenders", "uniform", "pandas frame", is_peer=True),
    "ours_popularity": Method("Winnow, popularity", "popularity", TABLE, is_ours=True),
    "recbole_popularity_table": Method(
        "RecBole, popularity + DuckDB", "popularity", TABLE, is_peer=True
    ),
    "recbole_popularity": Method(
        "RecBole, popularity", "popularity", ARRAYS, is_peer=True
    ),
}


@dataclass(frozen=True)
class Timing:
    """Seconds of the sampling itself and of the whole process, and its peak memory."""

    seconds: float
    process_seconds: float
    peak_gib: float


@dataclass
class Outcome:
    """The runs of one method on one data set, and what the check of the first found;
    ``failure`` instead where there is none. ``id_seconds`` is what it took to write the
    table of negatives again, with ids.
    """

    runs: list[Timing] = field(default_factory=list)
    found: Exactness | None = None
    failure: str = ""
    id_seconds: float | None = None

    @property
    def seconds(self) -> float:
        """Median seconds of the sampling itself."""
        return statistics.median(each.seconds for each in self.runs)

    @property
    def process_seconds(self) -> float:
        """Median seconds of the process."""
        return statistics.median(each.process_seconds for each in self.runs)


@dataclass(frozen=True)
class Bench:
    """Where the benchmark works and how much it may use."""

    home: Path
    peers_python: Path
    memory_limit: str
    time_limit: float
    repeats: int

    @property
    def log(self) -> Path:
        """What the measured processes print."""
        return self.home / "log.txt"


def say(text: str) -> None:
    """Tell the progress."""
    print(f"{datetime.now():%H:%M:%S} {text}", file=sys.stderr, flush=True)


def apart(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Call a function in a new process. A process begins with its parent's peak memory,
    so this one must stay small.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as process:
        return process.submit(function, *args, **kwargs).result()


class Warehouse:
    """A data set's own warehouse: prepared tables written, positives built."""

    def __init__(self, bench: Bench, data: Dataset) -> None:
        """Make it."""
        self.bench, self.data = bench, data
        self.environment = fresh(bench.home, f"warehouse-{data.folder.name}") | {
            "WINNOW_MEMORY_LIMIT": bench.memory_limit,
            "WINNOW_DUCKDB_THREADS": "2",
        }
        self.file = Path(self.environment["WINNOW_WAREHOUSE"])
        self.file.parent.mkdir(parents=True)
        apart(sampling_data.write_prepared, self.file, data, bench.memory_limit)
        self.dbt("build", *POSITIVES)

    def dbt(self, *arguments: str) -> Timing:
        """Run models, from the beginning of the first to the end of the last."""
        command: list[str | Path] = [Path(sys.executable).parent / "dbt", *arguments]
        command += ["--project-dir", PROJECT, "--profiles-dir", PROJECT]
        whole = run(command, self.environment, self.bench.log)
        written = Path(self.environment["DBT_TARGET_PATH"]) / "run_results.json"
        times = [
            datetime.fromisoformat(timing[end].replace("Z", "+00:00"))
            for result in json.loads(written.read_text())["results"]
            if result["unique_id"].startswith("model.")
            for timing in result["timing"]
            for end in ("started_at", "completed_at")
        ]
        seconds = (max(times) - min(times)).total_seconds()
        return Timing(seconds, whole.seconds, whole.peak_gib)

    def sample(self, target: str) -> Timing:
        """Draw with Winnow's own models."""
        apart(sampling_data.choose_strategy, self.file, target)
        return self.dbt("run", *MODELS)


def sample(
    bench: Bench, warehouse: Warehouse, name: str, draws: Path | None
) -> tuple[Timing, Path | None]:
    """Run one method once. Gives the database that it wrote, where it wrote one."""
    method, data = METHODS[name], warehouse.data
    if method.is_ours:
        return warehouse.sample(method.target), warehouse.file
    report, output = bench.home / "report.json", bench.home / "output.duckdb"
    output.unlink(missing_ok=True)
    python = bench.peers_python if method.is_peer else Path(sys.executable)
    command: list[str | Path] = [python, "-W", "ignore"]
    command += ["-m", "benchmarks.sampling_methods", name, data.folder, report]
    command += ["--warehouse", warehouse.file, "--output", output]
    command += ["--memory-limit", bench.memory_limit, "--started", str(time.time())]
    if draws is not None:
        command += ["--draws", draws]
    environment = warehouse.environment | {"PYTHONPATH": str(PROJECT)}
    run(command, environment, bench.log, bench.time_limit)
    measured = Timing(**json.loads(report.read_text()))
    return measured, output if method.output == TABLE else None


def measure(
    bench: Bench, data: Dataset, names: Sequence[str]
) -> tuple[dict[str, Outcome], Warehouse]:
    """Run every method on a data set, in turn, and check what the first runs drew."""
    say(f"{data.folder.name}: {data.interactions:,} interactions; building positives")
    warehouse = Warehouse(bench, data)
    outcomes = {name: Outcome() for name in names}
    repeats = bench.repeats if data.interactions <= SMALL else 1
    for repeat in range(repeats):
        for name, outcome in outcomes.items():
            if outcome.failure:
                continue
            say(f"{data.folder.name}: {name}, run {repeat + 1} of {repeats}")
            draws = bench.home / "draws.parquet" if repeat == 0 else None
            try:
                timing, database = sample(bench, warehouse, name, draws)
            except TimeoutError:
                outcome.failure = f"> {bench.time_limit:.0f}"
                continue
            except SystemExit as failed:
                say(str(failed))
                outcome.failure = "failed"
                continue
            outcome.runs.append(timing)
            if draws is not None:
                outcome.found = checked(bench, warehouse, name, draws, database)
                say(f"{timing} {outcome.found}")
                if METHODS[name].is_ours:
                    outcome.id_seconds = id_seconds(bench, warehouse)
    return outcomes, warehouse


def id_seconds(bench: Bench, warehouse: Warehouse) -> float:
    """Seconds that writing the negatives takes with ids instead of codes."""
    table = bench.home / "ids.duckdb"
    seconds = apart(sampling_data.write_ids, warehouse.file, table, bench.memory_limit)
    table.unlink()
    return seconds


def checked(
    bench: Bench, warehouse: Warehouse, name: str, draws: Path, database: Path | None
) -> Exactness:
    """What the checks find in the draws of a method's run."""
    method, data = METHODS[name], warehouse.data
    if database is not None:
        table = "training.negative_draws" if method.is_ours else "negatives"
        apart(
            sampling_data.write_draws_of_table,
            *(database, table, data, draws, bench.memory_limit),
        )
    weights = None
    if method.target == "popularity":
        weights = bench.home / "weights.parquet"
        split = "train" if method.is_ours else None
        apart(sampling_data.write_weights, warehouse.file, weights, split)
    found = apart(check, data, draws, weights, memory_limit=bench.memory_limit)
    draws.unlink()
    return found


def print_outcomes(data: Dataset, outcomes: dict[str, Outcome]) -> None:
    """One table for a data set."""
    print(
        f"\n### {data.folder.name}: {data.interactions:,} positives, {data.users:,} "
        f"users, {data.items:,} items\n"
    )
    print(
        "| method | in and out | seconds | times Winnow's | with start-up | "
        "negatives/s | peak GiB | seen | repeats | short rows | worst decile | exact |"
    )
    print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    ours = {
        METHODS[name].target: outcome.seconds
        for name, outcome in outcomes.items()
        if METHODS[name].is_ours and outcome.runs
    }
    for name, outcome in outcomes.items():
        method = METHODS[name]
        cells = [method.title, method.output]
        found = outcome.found
        if found is None:
            cells += [outcome.failure, *["-"] * 9]
        else:
            own = ours.get(method.target)
            peak = max(each.peak_gib for each in outcome.runs)
            cells += [
                f"{outcome.seconds:.2f}",
                f"{outcome.seconds / own:.2f}" if own else "-",
                f"{outcome.process_seconds:.1f}",
                f"{found.draws / outcome.seconds:,.0f}",
                f"{peak:.2f}",
                f"{found.seen:,}",
                f"{found.repeats:,}",
                f"{found.short:,}",
                f"{found.bias:.2%} ± {found.noise:.2%}, {found.z:.1f} sd",
                "yes" if found.exact else "no",
            ]
        print(f"| {' | '.join(cells)} |", flush=True)
    for name, outcome in outcomes.items():
        if outcome.id_seconds is not None:
            print(
                f"\n{METHODS[name].title}: all ids of `training.negatives` written as "
                f"a table of texts in {outcome.id_seconds:.1f} s more.",
                flush=True,
            )


def print_growth(grown: dict[int, Outcome]) -> None:
    """Seconds of Winnow's uniform sampling by size, against n·log n from the first."""
    print("\n### Growth: Winnow, uniform, on synthetic tenants\n")
    print(
        "| positives | seconds | negatives/s | peak GiB | seconds / n·log n | exact |"
    )
    print("|---|---|---|---|---|---|")
    smallest = min(size for size, outcome in grown.items() if outcome.runs)

    def cost(size: int) -> float:
        return grown[size].seconds / (size * math.log(size))

    for size, outcome in sorted(grown.items()):
        if outcome.found is None:
            print(f"| {size:,} | {outcome.failure} | - | - | - | - |")
            continue
        print(
            f"| {size:,} | {outcome.seconds:.1f} "
            f"| {outcome.found.draws / outcome.seconds:,.0f} "
            f"| {max(each.peak_gib for each in outcome.runs):.2f} "
            f"| {cost(size) / cost(smallest):.2f} "
            f"| {'yes' if outcome.found.exact else 'no'} |"
        )


def datasets(bench: Bench, arguments: argparse.Namespace) -> list[Dataset]:
    """The data sets that were asked for and are there."""
    made = []
    for name in arguments.datasets:
        folder = bench.home / name
        if name == SYNTHETIC:
            rows = arguments.interactions
            apart(
                sampling_data.write_synthetic,
                *(folder, rows, users_of(rows), arguments.items),
            )
        elif sampling_data.real_files(name):
            apart(sampling_data.write_real, folder, name)
        else:
            say(f"{name} is left out: it is not in {sampling_data.REAL_DATA}")
            continue
        made.append(Dataset.read(folder))
    return made


def users_of(interactions: int) -> int:
    """Users of a synthetic tenant: each has 100 interactions on average."""
    return max(1, interactions // 100)


def methods(bench: Bench, arguments: argparse.Namespace) -> list[str]:
    """The methods that were asked for and can be run."""
    names = list(arguments.methods)
    if not bench.peers_python.exists():
        missing = [name for name in names if METHODS[name].is_peer]
        say(f"{missing} left out: no {bench.peers_python}; `make peers` makes it")
        names = [name for name in names if name not in missing]
    return names


def main() -> None:
    """Measure and print."""
    names = [*sampling_data.REAL_FILES, SYNTHETIC]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--interactions", type=int, default=20_000_000)
    parser.add_argument("--items", type=int, default=50_000, help="synthetic tenants'")
    parser.add_argument("--datasets", nargs="+", choices=names, default=names)
    parser.add_argument("--methods", nargs="+", choices=METHODS, default=[*METHODS])
    parser.add_argument("--repeats", type=int, default=3, help="on small data sets")
    parser.add_argument("--time-limit", type=float, default=600, help="seconds, peers'")
    parser.add_argument("--memory-limit", default="12GB", help="DuckDB's")
    parser.add_argument("--no-growth", action="store_true", help="one size only")
    parser.add_argument("--no-point-in-time", action="store_true")
    parser.add_argument("--scratch", type=Path, help="folder for the data")
    default = PROJECT / ".venv-peers" / "bin" / "python"
    parser.add_argument("--peers-python", type=Path, default=default)
    arguments = parser.parse_args()
    if arguments.scratch is not None:
        arguments.scratch.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        bench = Bench(
            Path(scratch),
            arguments.peers_python.absolute(),
            arguments.memory_limit,
            arguments.time_limit,
            arguments.repeats,
        )
        chosen = methods(bench, arguments)
        grown: dict[int, Outcome] = {}
        for data in datasets(bench, arguments):
            outcomes, warehouse = measure(bench, data, chosen)
            shutil.rmtree(warehouse.file.parent)
            print_outcomes(data, outcomes)
            if data.folder.name == SYNTHETIC and "ours" in outcomes:
                grown[data.interactions] = outcomes["ours"]
        if grown and not arguments.no_growth:
            for part in (20, 4):
                rows = arguments.interactions // part
                folder = bench.home / f"{SYNTHETIC}-{rows}"
                apart(
                    sampling_data.write_synthetic,
                    *(folder, rows, users_of(rows), arguments.items),
                )
                outcomes, warehouse = measure(bench, Dataset.read(folder), ["ours"])
                shutil.rmtree(warehouse.file.parent)
                grown[rows] = outcomes["ours"]
            if any(outcome.runs for outcome in grown.values()):
                print_growth(grown)
        print(
            f"\n{RATIO} negatives for each positive. Exact: nothing seen, no repeats, "
            f"no short rows, every decile within {NOISE:.0f} standard deviations."
        )
    if arguments.no_point_in_time:
        return
    say("point-in-time features")
    print("\n### Point-in-time features\n")
    point_in_time.print_table(
        point_in_time.measure(
            arguments.interactions,
            arguments.interactions // 20,
            users=users_of(arguments.interactions),
            items=arguments.items,
            repeats=1,
            memory_limit=arguments.memory_limit,
            scratch=arguments.scratch,
        )
    )


if __name__ == "__main__":
    main()
