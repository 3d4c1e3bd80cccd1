"""Published baselines of MovieLens 100k against Winnow's: ``make evaluate-ml100k``.

Loads the real files into a warehouse of its own, one tenant per experiment, builds the
real models and prints published and measured figures side by side. Files that are split
already get made instants: the rows of train before a cut, those of test after it, and a
``global_time`` split with that cut as its date. A row that is to be both (in-sample
errors) is loaded twice.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence, Set
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.csv

from winnow.build.dbt import run_dbt
from winnow.core.errors import InputError
from winnow.core.settings import Settings
from winnow.load.pipeline import load

DATA = Path(__file__).resolve().parent.parent.parent / "shared" / "data" / "ml-100k"

TRAIN_BEGIN = datetime(2001, 1, 1)
TRAIN_UNTIL = datetime(2002, 1, 1)
TEST_BEGIN = datetime(2003, 1, 1)
FOLDS = 5
MODELS = ("+model_metrics",)
RATING_BASELINES = "global_mean user_mean item_mean user_item_mean bias"
RANKING_BASELINES = "most_popular item_cosine"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Experiment:
    """A tenant: the rows of its train and test (in the columns of u.data), or, with
    ``folds``, all rows, to be folded by Winnow.
    """

    tenant: str
    train: pa.Table
    test: pa.Table
    baselines: str
    folds: int = 0


@dataclass(frozen=True)
class Figure:
    """A published figure and what Winnow's models come to. ``tolerance`` is how far
    they may be apart, and ``because`` why.
    """

    experiment: str
    model: str
    metric: str
    published: float
    measured: float
    tolerance: float
    because: str

    @property
    def agrees(self) -> bool:
        """Whether the two are as near as they must be."""
        return abs(self.measured - self.published) <= self.tolerance


def experiments(data: Path) -> Iterator[Experiment]:
    """The experiments on the files of ml-100k in a folder.

    The split of recommenders is ``python_random_split(data, 0.75, seed=42)``, which is
    scikit-learn's train_test_split: a permutation of the rows, as they stand in u.data,
    by NumPy's RandomState, the first quarter of which is test.
    """
    everything = _rows(data / "u.data")
    nothing = everything.slice(0, 0)
    yield Experiment(
        "u1", _rows(data / "u1.base"), _rows(data / "u1.test"), RATING_BASELINES
    )
    yield Experiment("in-sample", everything, everything, RATING_BASELINES)
    yield Experiment("five-fold", everything, nothing, RATING_BASELINES, FOLDS)
    order = np.random.RandomState(42).permutation(everything.num_rows)
    test_count = everything.num_rows // 4
    yield Experiment(
        "recommenders",
        everything.take(pa.array(order[test_count:])),
        everything.take(pa.array(order[:test_count])),
        f"{RATING_BASELINES} {RANKING_BASELINES}",
    )


def _rows(path: Path) -> pa.Table:
    names = ["user_id", "item_id", "rating", "seconds"]
    try:
        return pa.csv.read_csv(
            path,
            pa.csv.ReadOptions(column_names=names),
            pa.csv.ParseOptions(delimiter="\t"),
            pa.csv.ConvertOptions(column_types=dict.fromkeys(names, pa.string())),
        )
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}.") from error


def evaluate(
    data: Path, settings: Settings, say: Say, only: str | None = None
) -> list[Figure]:
    """Load the files of ml-100k, build the models and compare; ``only`` one experiment,
    by its tenant, or all.

    ``settings`` says where the warehouse is made, which must not be there yet; ``say``
    is told what is being done. Raises InputError when a file cannot be read, and
    RuntimeError when a build fails.
    """
    wanted = [one for one in experiments(data) if only in (None, one.tenant)]
    settings.temp_directory.mkdir(parents=True, exist_ok=True)
    for number, experiment in enumerate(wanted, 1):
        say(f"loading {experiment.tenant} ({number} of {len(wanted)})")
        path = settings.temp_directory / f"{experiment.tenant}.csv"
        pa.csv.write_csv(_interactions(experiment), path)
        load(
            "canonical",
            path,
            tenant=experiment.tenant,
            entity="interactions",
            settings=settings,
        )
    say("building")
    _dbt(settings, ["seed"])
    with duckdb.connect(str(settings.warehouse)) as connection:
        _write_seeds(connection, wanted)
    not_wanted = ("seed", "test", "unit_test")
    types = [part for kind in not_wanted for part in ("--exclude-resource-type", kind)]
    _dbt(settings, ["build", *types, "--select", *MODELS])
    with duckdb.connect(str(settings.warehouse), read_only=True) as connection:
        return list(_figures(connection, {one.tenant for one in wanted}))


def _interactions(experiment: Experiment) -> pa.Table:
    parts = [
        _timed(experiment.train, TRAIN_BEGIN),
        _timed(experiment.test, TEST_BEGIN),
    ]
    return pa.concat_tables(parts)


def _timed(rows: pa.Table, begin: datetime) -> pa.Table:
    instants = [
        (begin + timedelta(seconds=second)).isoformat()
        for second in range(rows.num_rows)
    ]
    return (
        rows.drop_columns(["seconds"])
        .append_column("event_type", pa.array(["rating"] * rows.num_rows, pa.string()))
        .append_column("interacted_at", pa.array(instants, pa.string()))
    )


def _dbt(settings: Settings, arguments: Sequence[str]) -> None:
    result = run_dbt(settings, arguments)
    if not result.succeeded:
        said = "; ".join(f"{one.node}: {one.message}" for one in result.failures)
        raise RuntimeError(f"dbt {' '.join(arguments)} failed: {said}")


def _write_seeds(
    connection: duckdb.DuckDBPyConnection, wanted: Sequence[Experiment]
) -> None:
    """Give each tenant its split and baselines; every rating is a positive."""
    for experiment in wanted:
        connection.execute(
            "insert into seeds.tenant_settings "
            "(tenant_id, positive_rating_minimum, baselines) values (?, 1, ?)",
            [experiment.tenant, experiment.baselines],
        )
        if experiment.folds:
            connection.execute(
                "insert into seeds.tenant_splits "
                "(tenant_id, split_name, priority, method, fold_count) "
                "values (?, 'folds', 1, 'k_fold', ?)",
                [experiment.tenant, experiment.folds],
            )
        else:
            connection.execute(
                "insert into seeds.tenant_splits (tenant_id, split_name, priority, "
                "method, train_until, validation_until) "
                "values (?, 'given', 1, 'global_time', ?, ?)",
                [experiment.tenant, TRAIN_UNTIL, TRAIN_UNTIL],
            )


def _figures(
    connection: duckdb.DuckDBPyConnection, tenants: Set[str]
) -> Iterator[Figure]:
    exact = "the published digits"
    folds = "folds are drawn at random there, by hash here"
    ties = "the order of equally popular items is not published"
    recommenders = "recommenders"
    for tenant, model, metric, published, tolerance, because in (
        ("u1", "user_mean", "rmse", 1.063, 5e-4, exact),
        ("u1", "user_mean", "mae", 0.85019, 5e-6, exact),
        ("in-sample", "global_mean", "rmse", 1.126, 5e-4, exact),
        ("in-sample", "item_mean", "rmse", 1.0, 5e-4, exact),
        ("in-sample", "user_mean", "rmse", 1.031, 5e-4, exact),
        ("in-sample", "user_item_mean", "rmse", 0.938, 5e-4, exact),
        ("five-fold", "bias", "rmse", 0.944, 1e-3, folds),
        ("five-fold", "bias", "mae", 0.748, 1e-3, folds),
        (recommenders, "user_mean", "rmse", 1.044885, 5e-7, exact),
        (recommenders, "user_mean", "mae", 0.836925, 5e-7, exact),
        (recommenders, "most_popular", "precision", 0.2246, 2e-3, ties),
        (recommenders, "most_popular", "recall", 0.1117, 2e-3, ties),
        (recommenders, "most_popular", "ndcg", 0.2529, 2e-3, ties),
    ):
        if tenant in tenants:
            measured = _measured(connection, tenant, model, metric)
            yield Figure(tenant, model, metric, published, measured, tolerance, because)


def _measured(
    connection: duckdb.DuckDBPyConnection, tenant: str, model: str, metric: str
) -> float:
    """The metric of all users, at 10 for lists; the mean over the folds."""
    row = connection.execute(
        """
        select avg(value)
        from evaluation.model_metrics
        where
            tenant_id = ?
            and model = ?
            and metric = ?
            and segment_kind = 'all'
            and coalesce(k, 10) = 10
        """,
        [tenant, model, metric],
    ).fetchone()
    assert row is not None
    return float(row[0])


def table_of(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    lines = [
        "| experiment | model | metric | published | Winnow | difference | tolerance |",
        "|---|---|---|---|---|---|---|",
    ]
    for one in figures:
        metric = one.metric if one.metric in ("rmse", "mae") else f"{one.metric}@10"
        lines.append(
            f"| {one.experiment} | {one.model} | {metric} | {one.published:g} "
            f"| {one.measured:.6f} | {one.measured - one.published:+.6f} "
            f"| {one.tolerance:g}: {one.because} |"
        )
    return "\n".join(lines)


def main() -> int:
    """Evaluate and print; 0 when every figure agrees, 1 when one does not, 2 without
    the data.
    """
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, default=DATA, help="folder of ml-100k")
    parser.add_argument("--scratch", type=Path, help="where the warehouse is made")
    arguments = parser.parse_args()
    if not (arguments.data / "u.data").is_file():
        print(f"There is no ml-100k in {arguments.data}: no u.data.", file=sys.stderr)
        return 2
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        try:
            figures = evaluate(
                arguments.data,
                scratch_settings(Path(scratch)),
                lambda what: print(what, file=sys.stderr),
            )
        except InputError as error:
            print(error, file=sys.stderr)
            return 2
    print(table_of(figures))
    apart = [one for one in figures if not one.agrees]
    for one in apart:
        print(
            f"{one.metric} of {one.model} ({one.experiment}) is {one.measured:.6f}, "
            f"published is {one.published:g}.",
            file=sys.stderr,
        )
    return 1 if apart else 0


def scratch_settings(home: Path) -> Settings:
    """Settings whose every path lies in a folder."""
    return Settings(
        warehouse=home / "winnow.duckdb",
        lake=home / "lake",
        state=home / "state",
        target=home / "target",
        published=home / "published",
        temp_directory=home / "tmp",
    )


if __name__ == "__main__":
    raise SystemExit(main())
