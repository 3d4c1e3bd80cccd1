"""The baselines, on the real models: tables of the prepared layer and the seeds are
written into a warehouse of the test's own, and a second implementation in plain Python
and NumPy says what each baseline must give.
"""

from __future__ import annotations

import math
import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pytest
from conftest import make_settings, rows_of
from keying import add_keys
from test_splits import (
    EVERY_METHOD,
    Interaction,
    Split,
    core,
    draw,
    in_folds,
    mixed_interactions,
    write_seed,
)

from winnow.build.dbt import run_dbt
from winnow.core.settings import Settings

SEED = 11
CUT_MODELS = (
    *("splits", "core_dropouts", "split_cuts", "user_cuts", "split_assignments"),
    "rating_assignments",
)
MODELS = (
    *CUT_MODELS,
    *("predictions", "metric_settings", "baseline_runs", "rating_fits"),
    *("score_ranges", "rating_predictions", "seen_in_train", "item_neighbours"),
    "baseline_recommendations",
)
SINGULAR_TESTS = (
    "assert_rated_positives_are_split_as_positives",
    "assert_no_train_rating_lies_behind_a_held_out_positive",
    "assert_baselines_recommend_nothing_of_train",
)
RATING = ("global_mean", "user_mean", "item_mean", "user_item_mean", "bias")
RANKING = ("most_popular", "most_popular_recent", "item_cosine", "last_seen")
LENGTH = 7
RECENT_DAYS = 4
HISTORY_LIMIT = NEIGHBOUR_LIMIT = 50
TIME = Split("timed", "time", 1, "global_time", 0.7, 0.1)
SPLITS = [
    *EVERY_METHOD,
    TIME,
    Split("timed", "last_out", 2, "leave_last_out", None, None, None, None, 1, 1),
]


@dataclass(frozen=True)
class Event:
    """One row of ``prepared.interactions`` beyond what splits read."""

    row: Interaction
    rating: float | None
    is_seen: bool


@dataclass(frozen=True)
class Tenant:
    """The seed's row of a tenant."""

    tenant_id: str
    baselines: str | None = " ".join((*RATING, *RANKING))
    baseline_splits: str | None = "all"
    recent_days: int | None = RECENT_DAYS
    metric_ks: str | None = f"{LENGTH} 3"


TENANTS = [
    Tenant("*", "  most_popular_recent   global_mean bias ", "first"),
    Tenant("every"),
    Tenant("timed", baseline_splits=None),
    Tenant("silent", baselines="none"),
]

Scope = tuple[str, str, int]


@dataclass(frozen=True)
class Built:
    """A warehouse that was built."""

    settings: Settings

    def rows(self, table: str, columns: str = "*") -> list[tuple[Any, ...]]:
        """All rows of a table, in order."""
        return rows_of(self.settings, f"select {columns} from {table} order by all")


Build = Callable[..., Built]


def made_events() -> list[Event]:
    """Interactions with repeats and ties, of which some carry ratings, positive or not,
    and some are views.
    """
    numbers = random.Random(SEED)
    rows = [
        *mixed_interactions("every", numbers, 1500),
        *mixed_interactions("timed", numbers, 500),
        *mixed_interactions("untimed", numbers, 200, timed=False),
        *mixed_interactions("silent", numbers, 100),
    ]
    events = []
    for row in rows:
        rating = None
        if numbers.random() < 0.7:
            stars = numbers.choice([4, 4.5, 5] if row.is_positive else [0.5, 1, 2.25])
            rating = float(stars)
        events.append(Event(row, rating, row.is_positive or numbers.random() < 0.6))
    return events


@pytest.fixture(scope="module")
def events() -> list[Event]:
    """The interactions of the module's build."""
    return made_events()


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Write what the models read, in the order of the given events, and build."""
    home = tmp_path_factory.mktemp("baselines")

    def build_in(
        name: str,
        events: Sequence[Event],
        *,
        duckdb_threads: int = 2,
    ) -> Built:
        settings = make_settings(home / name).model_copy(
            update={"target": home / "target", "duckdb_threads": duckdb_threads}
        )
        settings.warehouse.parent.mkdir()
        write_prepared(settings.warehouse, events)
        result = run_dbt(settings, ["run", "--select", *MODELS])
        if not result.succeeded:
            raise AssertionError([failure.message for failure in result.failures])
        return Built(settings)

    return build_in


@pytest.fixture(scope="module")
def built(build: Build, events: list[Event]) -> Built:
    """The first build."""
    return build("first", events)


@pytest.fixture
def copied(built: Built, tmp_path: Path) -> Settings:
    """A copy of the first build, to be changed."""
    settings = make_settings(tmp_path).model_copy(
        update={"target": built.settings.target}
    )
    settings.warehouse.parent.mkdir(exist_ok=True)
    shutil.copy(built.settings.warehouse, settings.warehouse)
    return settings


def write_prepared(warehouse: Path, events: Sequence[Event]) -> None:
    """Create the tables that the models read."""
    frame = pd.DataFrame(
        [
            asdict(event.row) | {"rating": event.rating, "is_seen": event.is_seen}
            for event in events
        ]
    )
    with duckdb.connect(str(warehouse)) as connection:
        connection.register("given_events", frame)
        connection.execute(
            """
            create schema prepared;
            create schema seeds;
            create table prepared.interactions as
            select
                * exclude (place, interacted_at, rating),
                'rating' as event_type,
                cast(1 as double) as event_weight,
                cast(rating as double) as rating,
                cast(place as bigint) as interaction_order,
                cast(interacted_at as timestamp) as interacted_at
            from given_events;
            create table prepared.users as
            select tenant_id, user_id from prepared.interactions group by all
            union all
            select 'every', 'without interactions';
            create table prepared.items as
            select tenant_id, item_id from prepared.interactions group by all
            union all
            select 'every', 'without interactions';
            create table prepared.tenants as
            select
                tenant_id,
                cast(4 as double) as positive_rating_minimum,
                count(*) as interaction_count,
                count(*) = count(interacted_at) as has_times
            from prepared.interactions
            group by tenant_id;
            create table prepared.prediction_records (
                tenant_id varchar, model varchar, model_version varchar,
                user_id varchar, item_id varchar, source varchar, entity varchar,
                file varchar, load_id varchar, score double, rank bigint,
                row_number bigint, predicted_at timestamp, duplicate_rank bigint
            )
            """
        )
        add_keys(connection)
        write_seed(
            connection, [*SPLITS, Split("*", "ratio", 1, "user_time_ratio", 0.5, 0.2)]
        )
        write_tenants(connection, TENANTS)


def write_tenants(
    connection: duckdb.DuckDBPyConnection, tenants: Sequence[Tenant]
) -> None:
    """Create the seed of the tenants' settings."""
    connection.execute(
        "create or replace table seeds.tenant_settings (tenant_id varchar, "
        "baselines varchar, baseline_splits varchar, recent_days bigint, "
        "metric_ks varchar, ndcg_gain varchar, recommend_seen_items boolean)"
    )
    connection.executemany(
        "insert into seeds.tenant_settings values (?, ?, ?, ?, ?, 'binary', false)",
        [
            [
                *(one.tenant_id, one.baselines, one.baseline_splits),
                *(one.recent_days, one.metric_ks),
            ]
            for one in tenants
        ],
    )


def split_of_each(
    split: Split, tenant: str, events: Sequence[Event]
) -> dict[tuple[int, str], str]:
    """The part of every interaction of a tenant that the split's cuts put somewhere,
    positive or not: positives as they are split, others beside them.
    """
    rows = [event.row for event in events if event.row.tenant_id == tenant]
    kept = core([row for row in rows if row.is_positive], split)
    positives = in_folds(split, kept)
    by_id = {row.interaction_id: row for row in rows}
    found: dict[tuple[int, str], str] = {}
    folds = {fold for fold, _ in positives} or {0}
    for fold in folds:
        parts: dict[str, list[Interaction]] = defaultdict(list)
        for (of, interaction), part in positives.items():
            if of == fold:
                parts[part].append(by_id[interaction])
        for row in rows:
            side = part_beside(split, fold, row, parts, kept)
            if side is not None:
                found[fold, row.interaction_id] = side
    assert {key: found[key] for key in positives} == positives
    return found


def part_beside(  # noqa: PLR0911 (a return per part reads best)
    split: Split,
    fold: int,
    row: Interaction,
    parts: dict[str, list[Interaction]],
    kept: list[Interaction],
) -> str | None:
    """The part of an interaction, from the positives of each part."""
    if split.method == "k_fold":
        assert split.fold_count is not None
        mine = 1 + draw(row.tenant_id, row.interaction_id, split.fold_count)
        return "test" if mine == fold else "train"
    if split.method == "user_hash":
        hashed = draw(row.tenant_id, row.user_id, 1_000_000) / 1_000_000
        assert split.train_share is not None and split.validation_share is not None
        if hashed < split.train_share:
            return "train"
        until = split.train_share + split.validation_share
        return "validation" if hashed < until else "test"
    if split.method in ("global_time", "rolling_window"):
        assert row.interacted_at is not None
        if split.method == "rolling_window":
            assert split.window_count and split.window_days
            newest = max(one.interacted_at for one in kept if one.interacted_at)
            days = (split.window_count - fold) * split.window_days
            end = newest - timedelta(days=days)
            if row.interacted_at > end:
                return None
            begin = end - timedelta(days=split.window_days)
            return "train" if row.interacted_at <= begin else "test"
        place: Any = row.interacted_at
        if split.train_until is not None:
            assert split.validation_until is not None
            if place <= split.train_until:
                return "train"
            return "validation" if place <= split.validation_until else "test"

        def places(part: str) -> list[Any]:
            return [one.interacted_at for one in parts[part]]

    else:
        place = row.place

        def places(part: str) -> list[Any]:
            return [one.place for one in parts[part] if one.user_id == row.user_id]

    held_out = places("validation") + places("test")
    if not held_out or place <= max(places("train"), default=place):
        return "train"
    if not places("test") or place <= max(places("train") + places("validation")):
        return "validation"
    return "test"


def kept_by_core(split: Split, tenant: str, events: Sequence[Event]) -> set[str]:
    """The interactions whose user and item the k-core filter keeps."""
    rows = [event.row for event in events if event.row.tenant_id == tenant]
    kept = core([row for row in rows if row.is_positive], split)
    users = {row.user_id for row in kept}
    items = {row.item_id for row in kept}
    return {
        row.interaction_id
        for row in rows
        if (not split.minimum_user_positives or row.user_id in users)
        and (not split.minimum_item_positives or row.item_id in items)
    }


@pytest.mark.parametrize("split", EVERY_METHOD, ids=lambda split: split.split_name)
def test_every_rating_is_on_the_side_of_the_cut_that_it_lies_on(
    built: Built, events: list[Event], split: Split
) -> None:
    parts = split_of_each(split, "every", events)
    kept = kept_by_core(split, "every", events)
    rated = {event.row.interaction_id for event in events if event.rating is not None}
    expected = {
        (fold, interaction): part
        for (fold, interaction), part in parts.items()
        if interaction in rated and interaction in kept
    }
    found = {
        (fold, interaction): part
        for tenant, name, fold, interaction, part in built.rows(
            "training.rating_assignments",
            "tenant_id, split_name, fold, interaction_id, split",
        )
        if (tenant, name) == ("every", split.split_name)
    }
    assert found == expected
    if split.split_name != "core_of_nothing":
        assert {"train", "test"} <= set(found.values())


def biases(
    ratings: Sequence[tuple[str, str, float]],
) -> tuple[float, dict[str, float], dict[str, float]]:
    """Surprise's alternating least squares, in NumPy: the mean, the users' biases and
    the items' biases.
    """
    users = sorted({user for user, _, _ in ratings})
    items = sorted({item for _, item, _ in ratings})
    u = np.array([users.index(user) for user, _, _ in ratings])
    i = np.array([items.index(item) for _, item, _ in ratings])
    r = np.array([rating for _, _, rating in ratings])
    mean = r.mean()
    of_users, of_items = np.zeros(len(users)), np.zeros(len(items))
    for _ in range(10):
        of_items = np.bincount(i, r - mean - of_users[u]) / (10 + np.bincount(i))
        of_users = np.bincount(u, r - mean - of_items[i]) / (15 + np.bincount(u))
    return (
        float(mean),
        dict(zip(users, of_users.tolist(), strict=True)),
        dict(zip(items, of_items.tolist(), strict=True)),
    )


def expected_ratings(
    train: Sequence[Event], test: Sequence[Event]
) -> dict[tuple[str, str], float | None]:
    """What each rating baseline must predict for the rated test interactions."""
    ratings = [
        (event.row.user_id, event.row.item_id, event.rating)
        for event in train
        if event.rating is not None
    ]
    expected: dict[tuple[str, str], float | None] = {}
    tested = [event.row for event in test if event.rating is not None]
    if not ratings:
        return {(model, row.interaction_id): None for row in tested for model in RATING}
    mean, of_users, of_items = biases(ratings)
    by_user, by_item = defaultdict(list), defaultdict(list)
    for user, item, rating in ratings:
        by_user[user].append(rating)
        by_item[item].append(rating)
    every = [rating for _, _, rating in ratings]
    for row in tested:
        user_mean = float(np.mean(by_user.get(row.user_id, [mean])))
        item_mean = float(np.mean(by_item.get(row.item_id, [mean])))
        bias = mean + of_users.get(row.user_id, 0) + of_items.get(row.item_id, 0)
        values = {
            "global_mean": mean,
            "user_mean": user_mean,
            "item_mean": item_mean,
            "user_item_mean": user_mean + item_mean - mean,
            "bias": min(max(bias, min(every)), max(every)),
        }
        for model, value in values.items():
            expected[model, row.interaction_id] = value
    return expected


def neighbours(histories: dict[str, list[str]]) -> dict[str, list[tuple[str, float]]]:
    """The nearest items of each item, from the users' newest items."""
    users = Counter(item for items in histories.values() for item in items)
    common = Counter(
        (one, other)
        for items in histories.values()
        for one in items
        for other in items
        if one != other
    )
    near: dict[str, list[tuple[str, float]]] = defaultdict(list)
    for (one, other), count in common.items():
        cosine = count / math.sqrt(float(users[one]) * float(users[other]))
        near[one].append((other, cosine))
    for items in near.values():
        items.sort(key=lambda item: (-item[1], item[0]))
        del items[NEIGHBOUR_LIMIT:]
    return near


def expected_lists(
    train: Sequence[Interaction],
    seen: dict[str, set[str]],
    users: set[str],
    *,
    has_times: bool = True,
) -> dict[tuple[str, str], list[tuple[str, float]]]:
    """The list of each ranking baseline and user, with scores."""
    popular = Counter(row.item_id for row in train)
    recent: Counter[str] = Counter()
    if has_times and train:
        last = max(row.interacted_at for row in train if row.interacted_at)
        recent = Counter(
            row.item_id
            for row in train
            if row.interacted_at
            and row.interacted_at > last - timedelta(days=RECENT_DAYS)
        )
    order: dict[str, dict[str, int]] = defaultdict(dict)
    for row in train:
        items = order[row.user_id]
        items[row.item_id] = max(items.get(row.item_id, 0), row.place)
    histories = {
        user: sorted(items, key=lambda item: -items[item])[:HISTORY_LIMIT]
        for user, items in order.items()
    }
    near = neighbours(histories)
    expected = {}
    for user in users:
        cosine: dict[str, float] = defaultdict(float)
        for item in histories.get(user, []):
            for other, value in near[item]:
                cosine[other] += math.floor(value * 1e12 + 0.5)
        scores: dict[str, dict[str, float]] = {
            "most_popular": dict(popular),
            "most_popular_recent": dict(recent),
            "item_cosine": {item: value / 1e12 for item, value in cosine.items()},
            "last_seen": dict(order.get(user, {})),
        }
        for model, of_items in scores.items():
            ranked = sorted(
                (-score, item)
                for item, score in of_items.items()
                if model == "last_seen" or item not in seen[user]
            )[:LENGTH]
            if ranked:
                expected[model, user] = [(item, -score) for score, item in ranked]
    return expected


def scopes_of(split: Split, parts: dict[tuple[int, str], str]) -> list[int]:
    """The folds of a split."""
    return sorted({fold for fold, _ in parts})


@pytest.mark.parametrize("split", EVERY_METHOD, ids=lambda split: split.split_name)
def test_predicted_ratings_are_those_of_numpy(
    built: Built, events: list[Event], split: Split
) -> None:
    parts = split_of_each(split, "every", events)
    kept = kept_by_core(split, "every", events)
    mine = [
        event
        for event in events
        if event.row.tenant_id == "every" and event.row.interaction_id in kept
    ]
    found = {
        (fold, model, interaction): predicted
        for tenant, name, fold, model, interaction, predicted in built.rows(
            "evaluation.rating_predictions",
            "tenant_id, split_name, fold, model, interaction_id, predicted_rating",
        )
        if (tenant, name) == ("every", split.split_name)
    }
    expected = {}
    for fold in scopes_of(split, parts):
        by_part = {
            part: [
                event
                for event in mine
                if parts.get((fold, event.row.interaction_id)) == part
            ]
            for part in ("train", "test")
        }
        predicted = expected_ratings(by_part["train"], by_part["test"])
        expected.update({(fold, *key): value for key, value in predicted.items()})
    assert found.keys() == expected.keys()
    for key, value in expected.items():
        assert found[key] == pytest.approx(value, abs=1e-9), key


@pytest.mark.parametrize("split", EVERY_METHOD, ids=lambda split: split.split_name)
def test_lists_are_those_of_a_plain_implementation(
    built: Built, events: list[Event], split: Split
) -> None:
    parts = split_of_each(split, "every", events)
    mine = [event for event in events if event.row.tenant_id == "every"]
    positives = core([event.row for event in mine if event.row.is_positive], split)
    found: dict[tuple[int, str, str], list[tuple[str, float]]] = defaultdict(list)
    for tenant, name, fold, model, user, rank, item, score in built.rows(
        "evaluation.baseline_recommendations",
        "tenant_id, split_name, fold, model, user_id, rank, item_id, score",
    ):
        if (tenant, name) == ("every", split.split_name):
            found[fold, model, user].append((item, score))
            assert rank == len(found[fold, model, user])
    expected = {}
    for fold in scopes_of(split, parts):
        seen: dict[str, set[str]] = defaultdict(set)
        for event in mine:
            of = parts.get((fold, event.row.interaction_id))
            if of == "train" and event.is_seen:
                seen[event.row.user_id].add(event.row.item_id)
        train = [r for r in positives if parts.get((fold, r.interaction_id)) == "train"]
        users = {
            row.user_id
            for row in positives
            if parts.get((fold, row.interaction_id)) == "test"
        }
        lists = expected_lists(train, seen, users)
        expected.update({(fold, *key): items for key, items in lists.items()})
    assert found.keys() == expected.keys()
    for key, items in expected.items():
        assert [item for item, _ in found[key]] == [item for item, _ in items], key
        assert [score for _, score in found[key]] == pytest.approx(
            [score for _, score in items], abs=1e-9
        )
    if split.split_name not in ("core_of_nothing", "users", "core_time"):
        assert {model for _, model, _ in found} == set(RANKING)


def test_the_data_reaches_the_caps_and_the_cold(built: Built) -> None:
    ((longest, nearest),) = rows_of(
        built.settings,
        """
        select
            (
                select max(items)
                from (
                    select count(distinct item_id) as items
                    from training.split_assignments
                    where tenant_id = 'every' and split = 'train'
                    group by user_id, split_name, fold
                )
            ),
            (select max(place) from evaluation.item_neighbours)
        """,
    )
    assert longest > HISTORY_LIMIT
    assert nearest == NEIGHBOUR_LIMIT
    cold = rows_of(
        built.settings,
        """
        select count(*)
        from evaluation.rating_predictions as predictions
        anti join evaluation.rating_fits as fits
            on fits.entity = 'user'
            and predictions.tenant_id = fits.tenant_id
            and predictions.split_name = fits.split_name
            and predictions.fold = fits.fold
            and predictions.user_id = fits.entity_id
        """,
    )
    assert cold[0][0] > 0


def test_settings_say_which_baselines_run_where(built: Built) -> None:
    runs = defaultdict(set)
    for tenant, name, model in built.rows(
        "evaluation.baseline_runs", "tenant_id, split_name, model"
    ):
        runs[tenant, name].add(model)
    assert {name for tenant, name in runs if tenant == "every"} == {
        split.split_name for split in EVERY_METHOD
    }
    assert runs["timed", "time"] == {*RATING, *RANKING}
    assert ("timed", "last_out") not in runs
    assert runs["untimed", "ratio"] == {"global_mean", "bias"}
    assert not [key for key in runs if key[0] == "silent"]


def test_one_thread_and_shuffled_rows_change_nothing(
    build: Build, built: Built, events: list[Event]
) -> None:
    shuffled = list(events)
    random.Random(SEED).shuffle(shuffled)
    again = build("shuffled", shuffled, duckdb_threads=1)
    for table in (
        *("rating_fits", "rating_predictions", "item_neighbours"),
        "baseline_recommendations",
    ):
        assert again.rows(f"evaluation.{table}") == built.rows(f"evaluation.{table}")


def test_what_is_held_out_reaches_no_prediction(
    build: Build, built: Built, events: list[Event]
) -> None:
    """Held-out positives get other items and ratings, and all else that lies behind the
    cut vanishes; only which test rows there are may change.
    """
    parts = split_of_each(TIME, "timed", events)
    changed = []
    for event in events:
        held_out = (
            event.row.tenant_id == "timed"
            and parts[0, event.row.interaction_id] != "train"
        )
        if held_out and event.row.is_positive:
            row = replace(event.row, item_id="i1" if event.row.place % 2 else "i2")
            changed.append(Event(row, 4.0, True))
        elif not held_out:
            changed.append(event)
    again = build("held-out", changed)
    where = "where tenant_id = 'timed' and split_name = 'time'"
    tables = {
        "rating_fits": "* exclude (entity_key)",
        "item_neighbours": "* exclude (item_key, neighbour_key)",
        "baseline_recommendations": "* exclude (user_key, item_key)",
    }
    for table, columns in tables.items():
        source = f"(from evaluation.{table} {where})"
        before = built.rows(source, columns)
        assert before and again.rows(source, columns) == before
    sides = [
        {
            (user, model): predicted
            for user, model, predicted in one.rows(
                f"(from evaluation.rating_predictions {where})",
                "user_id, model, predicted_rating",
            )
            if model in ("global_mean", "user_mean")
        }
        for one in (built, again)
    ]
    both = sides[0].keys() & sides[1].keys()
    assert both and all(sides[0][key] == sides[1][key] for key in both)


def test_the_singular_tests_pass_and_each_one_can_fail(copied: Settings) -> None:
    run = ["test", "--select", *SINGULAR_TESTS]
    result = run_dbt(copied, run)
    assert result.succeeded, result.failures
    with duckdb.connect(str(copied.warehouse)) as connection:
        connection.execute(
            "update training.split_cuts set train_until = "
            "train_until + interval '3 days' where split_name = 'time' "
            "and tenant_id = 'every'"
        )
        connection.execute(
            """
            insert into evaluation.baseline_recommendations
            select
                tenant_id, user_id, item_id, split_name, 'most_popular', '',
                split_number, user_key, item_key, fold, 1, 1
            from training.split_assignments
            where split = 'train'
            limit 1
            """
        )
    spoilt = run_dbt(copied, run)
    assert {failure.node for failure in spoilt.failures} == set(SINGULAR_TESTS)


def test_loaded_scores_are_judged_on_the_main_fold_of_the_first_split(
    copied: Settings, events: list[Event]
) -> None:
    parts = split_of_each(TIME, "timed", events)
    tested = [
        event.row
        for event in events
        if event.row.tenant_id == "timed"
        and event.rating is not None
        and parts[0, event.row.interaction_id] == "test"
    ]
    one, other = tested[0], tested[-1]
    assert (one.user_id, one.item_id) != (other.user_id, other.item_id)
    pair = ("timed", "mine", "2", one.user_id, one.item_id)
    early, late = datetime(2024, 1, 1), datetime(2024, 1, 2)
    with duckdb.connect(str(copied.warehouse)) as connection:
        connection.executemany(
            "insert into prepared.prediction_records values "
            "(?, ?, ?, ?, ?, 'canonical', 'predictions', 'f', 'l', ?, ?, 1, ?, 1)",
            [
                (*pair, 1.5, None, None),
                (*pair, 2.5, None, early),
                (*pair, 3.5, None, late),
                ("timed", "mine", "2", other.user_id, other.item_id, None, 1, None),
                ("timed", "elsewhere", "", "nobody", "nothing", 4.0, None, None),
                ("timed", "ranks", "", one.user_id, one.item_id, 4.0, 1, None),
            ],
        )
    models = ["predictions", "score_ranges", "rating_predictions"]
    result = run_dbt(copied, ["run", "--select", *models])
    assert result.succeeded, result.failures
    found = Built(copied).rows(
        "(from evaluation.rating_predictions "
        "where model in ('mine', 'elsewhere', 'ranks'))",
        "model, model_version, split_name, fold, interaction_id, user_id, item_id, "
        "predicted_rating",
    )
    assert {row[4] for row in found} == {row.interaction_id for row in tested}
    assert len(found) == len(tested)
    for model, version, split_name, fold, _, user, item, predicted in found:
        assert (model, version, split_name, fold) == ("mine", "2", "time", 0)
        is_scored = (user, item) == (one.user_id, one.item_id)
        assert predicted == (3.5 if is_scored else None)


@pytest.mark.parametrize(
    ("tenant", "reason"),
    [
        (
            Tenant("timed", baselines="bias popular   best"),
            "Tenant timed in seeds/tenant_settings.csv: baselines has popular best, "
            "which is no baseline; write some of global_mean user_mean",
        ),
        (
            Tenant("timed", baselines="none bias"),
            "baselines has none, which is no baseline",
        ),
        (
            Tenant("timed", baseline_splits="second"),
            "baseline_splits must be first or all.",
        ),
        (Tenant("timed", recent_days=0), "recent_days must be 1 to 36500."),
        (
            Tenant("untimed", baselines="most_popular_recent"),
            "most_popular_recent in baselines needs a time for every interaction, "
            "which the tenant does not have.",
        ),
    ],
    ids=["unknown names", "none and more", "splits", "days", "without times"],
)
def test_settings_that_make_no_sense_stop_the_build_with_a_sentence(
    copied: Settings, tenant: Tenant, reason: str
) -> None:
    with duckdb.connect(str(copied.warehouse)) as connection:
        write_tenants(connection, [TENANTS[0], tenant])
    result = run_dbt(copied, ["run", "--select", "baseline_runs"])
    (failure,) = result.failures
    assert reason in failure.message


def test_a_loaded_model_with_a_baselines_name_stops_the_build(
    copied: Settings,
) -> None:
    with duckdb.connect(str(copied.warehouse)) as connection:
        connection.execute(
            "insert into evaluation.predictions "
            "(tenant_id, model, model_version, user_id, item_id, source, entity, file, "
            "load_id, score, row_number) values "
            "('timed', 'bias', '', 'u', 'i', 's', 'e', 'f', 'l', 1.0, 1)"
        )
    result = run_dbt(copied, ["run", "--select", "score_ranges", "rating_predictions"])
    (failure,) = result.failures
    assert (
        "Tenant timed has loaded predictions of a model called bias, which is the name "
        "of a baseline; load them again with a model_version or under another name."
    ) in failure.message
