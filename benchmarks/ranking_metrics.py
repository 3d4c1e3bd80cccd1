"""Ranking metrics of long lists, measured: ``make bench-ranking``.

Writes lists of a synthetic tenant (1 million users x 100 items) into a warehouse, runs
Winnow's evaluation models on them with dbt, and ranx on as many of the same users as it
is given; the values of these users are compared. Prints Markdown tables; progress goes
to standard error.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import time
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from benchmarks.load_and_build import fresh, run
from benchmarks.sampling import apart, say
from benchmarks.sampling_data import PROJECT

KS = (5, 10, 20, 100)
METRICS = ("precision", "recall", "ndcg", "mrr", "map", "hit_rate")
ACCURACY_STEPS = {
    "what lists are compared with": (
        *("metric_settings", "relevant_items", "item_popularity", "user_segments"),
        "recommendation_lists",
    ),
    "the lists in order, as a table of numbers": ("recommendation_places",),
    "ranking metrics of every user": ("user_ranking_metrics",),
    "means of models and segments": ("user_rating_metrics", "model_metrics"),
}
STEPS = ACCURACY_STEPS | {
    "novelty, diversity, popularity bias of every user": ("user_list_metrics",),
    "coverage, Gini of models and segments": ("exposure_metrics",),
}
"""What is measured, and the models that it is the time of."""


@dataclass(frozen=True)
class Size:
    """How much there is: items is a prime, so that no list repeats an item."""

    users: int
    items: int
    length: int


@dataclass(frozen=True)
class Peer:
    """ranx on some of the users: seconds of making its objects and of evaluating, peak
    memory, and the largest difference from our values.
    """

    users: int
    objects_seconds: float
    seconds: float
    peak_gib: float
    difference: float


def write_tables(file: Path, size: Size, memory_limit: str) -> None:
    """Write everything that the evaluation models read. Users walk through the items in
    strides of their own; the first places are their list, five of the first 400 are in
    test and ten later ones in train.
    """
    config: dict[str, Any] = {"threads": 2, "memory_limit": memory_limit}
    with duckdb.connect(str(file), config=config) as connection:
        connection.execute("set preserve_insertion_order = false")
        for schema in ("seeds", "prepared", "training", "evaluation"):
            connection.execute(f"create schema {schema}")
        connection.execute(
            f"""
            create macro item_at(number, place) as
                (number * 7919 + place * (1 + number % 911)) % {size.items};
            create macro user_id(number) as
                'u' || lpad(cast(number as varchar), 8, '0');
            create macro item_id(number) as
                'i' || lpad(cast(number as varchar), 6, '0');

            create table seeds.tenant_settings as
            select
                '*' as tenant_id,
                '{" ".join(map(str, KS))}' as metric_ks,
                'binary' as ndcg_gain,
                false as recommend_seen_items;

            create table prepared.tenants as
            select 'bench' as tenant_id, 4.0::double as positive_rating_minimum;

            create table prepared.splits as
            select
                'bench' as tenant_id,
                'last' as split_name,
                1::bigint as split_number,
                0::bigint as main_fold,
                true as is_first_split;

            create table prepared.users as
            select
                'bench' as tenant_id,
                user_id(number) as user_id,
                number + 1 as user_key,
                number + 1 as user_index
            from range({size.users}) as numbers (number);

            create table prepared.items as
            select
                'bench' as tenant_id,
                item_id(number) as item_id,
                number + 1 as item_key,
                number + 1 as item_index,
                list_transform(
                    range(1 + number % 2), lambda n: 'c' || (number * (n + 3)) % 23
                ) as categories
            from range({size.items}) as numbers (number);

            create table training.split_assignments as
            select
                'bench' as tenant_id,
                users.number || '-' || places.place as interaction_id,
                user_id(users.number) as user_id,
                item_at(
                    users.number,
                    case when places.place <= 5
                        then 1 + (users.number * 13 + places.place * 61) % 400
                        else 395 + places.place
                    end
                ) as item_number,
                item_id(item_number) as item_id,
                users.number + 1 as user_key,
                item_number + 1 as item_key,
                'last' as split_name,
                1::bigint as split_number,
                case when places.place <= 5 then 'test' else 'train' end as split,
                1.0::double as event_weight,
                0::bigint as fold
            from range({size.users}) as users (number)
            cross join range(1, 16) as places (place);

            create table prepared.interactions as
            select
                tenant_id,
                interaction_id,
                user_id,
                item_id,
                user_key,
                item_key,
                null::double as rating
            from training.split_assignments
            where false;

            create table evaluation.seen_in_train as
            select tenant_id, split_number, user_key, item_key, fold
            from training.split_assignments
            where split = 'train';

            create table training.evaluation_candidates as
            select
                tenant_id,
                user_id,
                item_id,
                1.0::double as sampling_probability
            from prepared.interactions;

            create table evaluation.predictions as
            select
                tenant_id,
                '' as model,
                '' as model_version,
                user_id,
                item_id,
                1.0::double as score,
                1::bigint as rank,
                null::timestamp as predicted_at
            from prepared.interactions;

            create table evaluation.rating_predictions as
            select
                tenant_id,
                interaction_id,
                user_id,
                item_id,
                '' as split_name,
                1::bigint as split_number,
                user_key,
                '' as model,
                '' as model_version,
                0::bigint as fold,
                rating,
                rating as predicted_rating
            from prepared.interactions;

            create table evaluation.baseline_recommendations as
            select
                'bench' as tenant_id,
                user_id(users.number) as user_id,
                item_at(users.number, places.place) as item_number,
                item_id(item_number) as item_id,
                users.number + 1 as user_key,
                item_number + 1 as item_key,
                'last' as split_name,
                1::bigint as split_number,
                'strides' as model,
                '' as model_version,
                0::bigint as fold,
                places.place as rank,
                cast({size.length} + 1 - places.place as double) as score
            from range({size.users}) as users (number)
            cross join range(1, {size.length} + 1) as places (place);
            """
        )


def seconds_by_model(target: Path) -> dict[str, float]:
    """Seconds of each model of the last run."""
    results = json.loads((target / "run_results.json").read_text())["results"]
    return {
        result["unique_id"].split(".")[-1]: result["execution_time"]
        for result in results
    }


def by_ranx(file: Path, users: int) -> Peer:
    """Run ranx on the first users of the tables and compare its values with ours."""
    from ranx import Qrels, Run, evaluate

    names = [f"{metric}@{k}" for metric in METRICS for k in KS]
    small = {"u": {"i": 1}}
    evaluate(Qrels(small), Run({"u": {"i": 1.0}}), names, make_comparable=True)
    with duckdb.connect(str(file), read_only=True) as connection:
        truth = connection.execute(
            f"""
            select user_id as q_id, item_id as doc_id, 1::bigint as score
            from training.split_assignments
            where split = 'test' and user_id < user_id({users})
            order by all
            """
        ).df()
        lists = connection.execute(
            f"""
            select user_id as q_id, item_id as doc_id, score
            from evaluation.baseline_recommendations
            where user_id < user_id({users})
            order by user_id, rank
            """
        ).df()
    started = time.monotonic()
    for frame in (truth, lists):
        for column in ("q_id", "doc_id"):
            frame[column] = frame[column].astype(object)
    qrels, found = Qrels.from_df(truth), Run.from_df(lists)
    objects = time.monotonic() - started
    started = time.monotonic()
    values = evaluate(qrels, found, names, return_mean=False, make_comparable=True)
    seconds = time.monotonic() - started
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    order = list(qrels.qrels.keys())
    difference = 0.0
    with duckdb.connect(str(file), read_only=True) as connection:
        for name in names:
            metric, _, k = name.partition("@")
            ours = dict(
                connection.execute(
                    f"""
                    select user_id, {metric}
                    from evaluation.user_ranking_metrics
                    where k = {k} and user_id < user_id({users})
                    """
                ).fetchall()
            )
            if len(ours) != users or set(ours) != set(order):
                raise SystemExit("ranx and Winnow do not have the same users")
            differences = [
                abs(ours[user] - value)
                for user, value in zip(order, values[name], strict=True)
            ]
            difference = max(difference, *differences)
    return Peer(users, objects, seconds, peak, float(difference))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--users", type=int, default=1_000_000)
    parser.add_argument("--items", type=int, default=49_999, help="a prime")
    parser.add_argument("--length", type=int, default=100, help="of each list")
    parser.add_argument("--ranx-users", type=int, default=200_000)
    parser.add_argument("--memory-limit", default="12GB", help="DuckDB's")
    parser.add_argument("--scratch", type=Path, help="folder for the data")
    arguments = parser.parse_args()
    size = Size(arguments.users, arguments.items, arguments.length)
    with tempfile.TemporaryDirectory(dir=arguments.scratch) as scratch:
        home = Path(scratch)
        environment = fresh(home, "bench") | {
            "WINNOW_MEMORY_LIMIT": arguments.memory_limit,
            "WINNOW_DUCKDB_THREADS": "2",
            "WINNOW_THREADS": "1",
        }
        file = Path(environment["WINNOW_WAREHOUSE"])
        file.parent.mkdir(parents=True)
        say(f"writing {size.users * size.length:,} recommendations")
        apart(write_tables, file, size, arguments.memory_limit)
        models = [model for step in STEPS.values() for model in step]
        command: list[str | Path] = [Path(sys.executable).parent / "dbt", "run"]
        command += ["--project-dir", PROJECT, "--profiles-dir", PROJECT]
        say(f"Winnow's models; load {os.getloadavg()[0]:.1f}")
        whole = run([*command, "--select", *models], environment, home / "log.txt")
        measured = seconds_by_model(Path(environment["DBT_TARGET_PATH"]))
        say(f"{measured}; load {os.getloadavg()[0]:.1f}")
        peer = None
        if arguments.ranx_users:
            say(f"ranx on {arguments.ranx_users:,} users")
            peer = apart(by_ranx, file, min(arguments.ranx_users, size.users))
    print(
        f"{size.users:,} users x {size.length} items of {size.items:,}, 5 relevant "
        f"items each, k = {', '.join(map(str, KS))}; {datetime.now():%Y-%m-%d}, "
        f"memory limit {arguments.memory_limit}\n"
    )
    print("| step | seconds | recommendations/s |")
    print("|---|---|---|")
    rows = size.users * size.length
    for step, of_step in STEPS.items():
        seconds = sum(measured[model] for model in of_step)
        print(f"| {step} | {seconds:.1f} | {rows / seconds:,.0f} |")
    seconds = sum(measured[model] for step in ACCURACY_STEPS.values() for model in step)
    print(f"| the first four together | {seconds:.1f} | {rows / seconds:,.0f} |")
    print(f"| dbt as a whole, start included | {whole.seconds:.1f} | |")
    print(f"\nPeak memory of Winnow {whole.peak_gib:.2f} GiB.")
    if peer is not None:
        share = peer.users * size.length
        print(
            f"\nranx on {peer.users:,} of the users: {peer.objects_seconds:.1f} s to "
            f"make its objects from data frames, {peer.seconds:.1f} s to evaluate "
            f"({share / (peer.objects_seconds + peer.seconds):,.0f} recommendations/s "
            f"together), peak {peer.peak_gib:.2f} GiB; largest difference of a user's "
            f"value {peer.difference:.1e}."
        )


if __name__ == "__main__":
    main()
