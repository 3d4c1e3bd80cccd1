"""Made cases for the evaluation models, the project's own SQL run on them, and a second
implementation of every metric in plain Python, written from docs/evaluation.md.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import combinations
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
from keying import add_keys

from winnow.build.dbt import run_dbt
from winnow.core.settings import Settings

MODELS = (
    *("metric_settings", "relevant_items", "item_popularity", "user_segments"),
    *("recommendation_lists", "recommendation_places", "recommendations"),
    *("user_ranking_metrics", "user_list_metrics", "user_rating_metrics"),
    *("user_metrics", "exposure_metrics", "model_metrics"),
)
"""In an order in which they can be built."""
SPLIT = "s"
ACCURACY = ("precision", "recall", "ndcg", "mrr", "map", "hit_rate")

COLUMNS = {
    "seeds.tenant_settings": {
        "tenant_id": "varchar",
        "metric_ks": "varchar",
        "ndcg_gain": "varchar",
        "recommend_seen_items": "boolean",
    },
    "prepared.tenants": {"tenant_id": "varchar", "positive_rating_minimum": "double"},
    "prepared.splits": {
        "tenant_id": "varchar",
        "split_name": "varchar",
        "main_fold": "bigint",
        "is_first_split": "boolean",
    },
    "prepared.users": {
        "tenant_id": "varchar",
        "user_id": "varchar",
        "user_index": "bigint",
    },
    "prepared.items": {
        "tenant_id": "varchar",
        "item_id": "varchar",
        "item_index": "bigint",
        "categories": "varchar[]",
    },
    "prepared.interactions": {
        "tenant_id": "varchar",
        "interaction_id": "varchar",
        "user_id": "varchar",
        "item_id": "varchar",
        "rating": "double",
    },
    "training.split_assignments": {
        "tenant_id": "varchar",
        "interaction_id": "varchar",
        "user_id": "varchar",
        "item_id": "varchar",
        "split_name": "varchar",
        "split": "varchar",
        "event_weight": "double",
        "fold": "bigint",
    },
    "evaluation.seen_in_train": {
        "tenant_id": "varchar",
        "user_id": "varchar",
        "item_id": "varchar",
        "split_name": "varchar",
        "fold": "bigint",
    },
    "training.evaluation_candidates": {
        "tenant_id": "varchar",
        "user_id": "varchar",
        "item_id": "varchar",
        "sampling_probability": "double",
    },
    "evaluation.predictions": {
        "tenant_id": "varchar",
        "model": "varchar",
        "model_version": "varchar",
        "user_id": "varchar",
        "item_id": "varchar",
        "score": "double",
        "rank": "bigint",
        "predicted_at": "timestamp",
    },
    "evaluation.baseline_recommendations": {
        "tenant_id": "varchar",
        "user_id": "varchar",
        "item_id": "varchar",
        "split_name": "varchar",
        "model": "varchar",
        "model_version": "varchar",
        "fold": "bigint",
        "rank": "bigint",
        "score": "double",
    },
    "evaluation.rating_predictions": {
        "tenant_id": "varchar",
        "interaction_id": "varchar",
        "user_id": "varchar",
        "item_id": "varchar",
        "split_name": "varchar",
        "model": "varchar",
        "model_version": "varchar",
        "fold": "bigint",
        "rating": "double",
        "predicted_rating": "double",
    },
}
"""The columns that the evaluation models read."""


@dataclass(frozen=True)
class Positive:
    """A positive of one user, in train or test."""

    user: str
    item: str
    split: str
    weight: float = 1.0
    rating: float | None = None


@dataclass(frozen=True)
class Prediction:
    """A row that a model said."""

    user: str
    item: str
    score: float | None = None
    rank: int | None = None
    at: datetime | None = None
    model: str = "m"


@dataclass(frozen=True)
class Rating:
    """A rated test interaction and what was predicted for it."""

    user: str
    rating: float
    predicted: float | None
    model: str = "r"


@dataclass(frozen=True)
class Case:
    """Everything that the metrics of one tenant are made from."""

    positives: Sequence[Positive]
    predictions: Sequence[Prediction] = ()
    baselines: Sequence[Prediction] = ()
    candidates: Sequence[tuple[str, str, float]] = ()
    ratings: Sequence[Rating] = ()
    met: Sequence[tuple[str, str]] = ()
    categories: Mapping[str, list[str]] = field(default_factory=dict)
    ks: tuple[int, ...] = (1, 2, 3)
    gain: str = "binary"
    recommend_seen: bool = False
    positive_rating_minimum: float = 4.0

    def users(self) -> list[str]:
        """Everybody who is anywhere in the data; predictions may be of others."""
        named = {row.user for row in self.positives} | {u for u, _ in self.met}
        return sorted(named | {row.user for row in self.ratings})

    def items(self) -> list[str]:
        """The tenant's catalogue; predictions may be of other items."""
        named = {row.item for row in self.positives} | {i for _, i in self.met}
        drawn = {item for _, item, _ in self.candidates}
        return sorted(named | drawn | set(self.categories))

    def tables(self, tenant: str = "t") -> dict[str, list[dict[str, Any]]]:
        """The rows of every input."""
        scope = {"tenant_id": tenant, "split_name": SPLIT, "fold": 0}
        interactions = [
            {"interaction_id": f"p{n}", "user_id": row.user, "item_id": row.item}
            for n, row in enumerate(self.positives)
        ]
        return {
            "seeds.tenant_settings": [
                {
                    "tenant_id": tenant,
                    "metric_ks": " ".join(map(str, self.ks)),
                    "ndcg_gain": self.gain,
                    "recommend_seen_items": self.recommend_seen,
                }
            ],
            "prepared.tenants": [
                {
                    "tenant_id": tenant,
                    "positive_rating_minimum": self.positive_rating_minimum,
                }
            ],
            "prepared.splits": [
                {
                    "tenant_id": tenant,
                    "split_name": SPLIT,
                    "main_fold": 0,
                    "is_first_split": True,
                }
            ],
            "prepared.users": [
                {"tenant_id": tenant, "user_id": user, "user_index": n}
                for n, user in enumerate(self.users(), start=1)
            ],
            "prepared.items": [
                {
                    "tenant_id": tenant,
                    "item_id": item,
                    "item_index": n,
                    "categories": self.categories.get(item, []),
                }
                for n, item in enumerate(self.items(), start=1)
            ],
            "prepared.interactions": [
                {"tenant_id": tenant, **keys, "rating": row.rating}
                for keys, row in zip(interactions, self.positives, strict=True)
            ]
            + [
                {
                    "tenant_id": tenant,
                    "interaction_id": f"x{n}",
                    "user_id": user,
                    "item_id": item,
                    "rating": None,
                }
                for n, (user, item) in enumerate(self.met)
            ],
            "training.split_assignments": [
                {**scope, **keys, "split": row.split, "event_weight": row.weight}
                for keys, row in zip(interactions, self.positives, strict=True)
            ],
            "evaluation.seen_in_train": [
                {**scope, "user_id": user, "item_id": item}
                for user, item in sorted(
                    {
                        (row.user, row.item)
                        for row in self.positives
                        if row.split == "train"
                    }
                )
            ],
            "training.evaluation_candidates": [
                {
                    "tenant_id": tenant,
                    "user_id": user,
                    "item_id": item,
                    "sampling_probability": probability,
                }
                for user, item, probability in self.candidates
            ],
            "evaluation.predictions": [
                {
                    "tenant_id": tenant,
                    "model": row.model,
                    "model_version": "",
                    "user_id": row.user,
                    "item_id": row.item,
                    "score": row.score,
                    "rank": row.rank,
                    "predicted_at": row.at,
                }
                for row in self.predictions
            ],
            "evaluation.baseline_recommendations": [
                {
                    **scope,
                    "user_id": row.user,
                    "item_id": row.item,
                    "model": row.model,
                    "model_version": "",
                    "rank": row.rank,
                    "score": row.score,
                }
                for row in self.baselines
            ],
            "evaluation.rating_predictions": [
                {
                    **scope,
                    "interaction_id": f"r{n}",
                    "user_id": row.user,
                    "item_id": f"r{n}",
                    "model": row.model,
                    "model_version": "",
                    "rating": row.rating,
                    "predicted_rating": row.predicted,
                }
                for n, row in enumerate(self.ratings)
            ],
        }


Tables = dict[str, list[dict[str, Any]]]


def tables_of(cases: Sequence[Case]) -> Tables:
    """The rows of several tenants, t0, t1, ..., one for each case."""
    tables: Tables = {table: [] for table in COLUMNS}
    for number, case in enumerate(cases):
        for table, rows in case.tables(f"t{number}").items():
            tables[table] += rows
    return tables


def write_inputs(
    connection: duckdb.DuckDBPyConnection,
    tables: Mapping[str, Sequence[Mapping[str, Any]] | pa.Table],
) -> None:
    """Make every input anew, from rows or from an Arrow table of its columns."""
    for schema in ("seeds", "prepared", "training", "evaluation"):
        connection.execute(f"create schema if not exists {schema}")
    for table, columns in COLUMNS.items():
        typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        names = ", ".join(f'"{name}"' for name in columns)
        connection.execute(f"create or replace table {table} ({typed})")
        rows = tables[table]
        if not isinstance(rows, pa.Table):
            if not rows:
                continue
            rows = pa.table({name: [row[name] for row in rows] for name in columns})
        connection.register("given_rows", rows)
        connection.execute(f"insert into {table} select {names} from given_rows")
        connection.unregister("given_rows")
    add_keys(connection)


class CompiledModels:
    """The project's evaluation models as dbt compiles them, run in memory."""

    def __init__(self, settings: Settings) -> None:
        """Compile them."""
        result = run_dbt(settings, ["compile", "--select", *MODELS])
        assert result.succeeded, result.failures
        (folder,) = settings.target.glob("compiled/winnow/models/evaluation")
        files = {file.stem: file for file in folder.rglob("*.sql")}
        self.sql = {name: files[name].read_text() for name in MODELS}

    def run(
        self,
        connection: duckdb.DuckDBPyConnection,
        tables: Mapping[str, Sequence[Mapping[str, Any]] | pa.Table],
    ) -> None:
        """Write the inputs and build every model."""
        write_inputs(connection, tables)
        for name, sql in self.sql.items():
            connection.execute(f"create or replace table evaluation.{name} as {sql}")


def fetch(
    connection: duckdb.DuckDBPyConnection, table: str, columns: Iterable[str]
) -> dict[tuple[Any, ...], Any]:
    """Rows by key; the last of the columns is the value. Keys must be unique."""
    rows = connection.execute(f"select {', '.join(columns)} from {table}").fetchall()
    found = {row[:-1]: row[-1] for row in rows}
    assert len(found) == len(rows), "a key stands in several rows"
    return found


UserKey = tuple[str, str, str, str, int | None]
"""Model, candidates, user, metric and k."""
ModelKey = tuple[str, str, str, str, str, int | None]
"""Model, candidates, metric, kind of segment, segment and k."""
List = tuple[str, str]
"""Model and candidates."""


class Plain:
    """The metrics of a case in plain Python."""

    def __init__(self, case: Case) -> None:
        """Find what is relevant, popular and recommended."""
        self.case = case
        self.relevant: dict[str, dict[str, float]] = defaultdict(dict)
        self.train: dict[str, list[str]] = defaultdict(list)
        for row in case.positives:
            if row.split == "train":
                self.train[row.user].append(row.item)
        for row in case.positives:
            if row.split == "test" and self.may_list(row.user, row.item):
                gains = self.relevant[row.user]
                gain = max(self.gain(row), 0.0)
                gains[row.item] = max(gains.get(row.item, 0.0), gain)
        self.popularity = Counter(
            item for items in self.train.values() for item in set(items)
        )
        self.lists = self.recommended()
        self.segments = self.segmented()

    def may_list(self, user: str, item: str) -> bool:
        """Whether a list may hold the item, which is relevant only then."""
        return self.case.recommend_seen or item not in self.train.get(user, ())

    def gain(self, row: Positive) -> float:
        """What a test positive is worth."""
        if self.case.gain == "weight":
            return row.weight
        if self.case.gain == "rating":
            least = self.case.positive_rating_minimum
            return least if row.rating is None else row.rating
        return 1.0

    def recommended(self) -> dict[List, dict[str, list[str]]]:
        """The list of each user with something to find, for each list."""
        lists: dict[List, dict[str, list[str]]] = {}
        for model in {row.model for row in self.case.baselines}:
            rows = [row for row in self.case.baselines if row.model == model]
            lists[model, "full"] = in_order(rows, self.relevant)
        pools = {user: set(gains) for user, gains in self.relevant.items()}
        for user, item, _ in self.case.candidates:
            pools.setdefault(user, set()).add(item)
        samples = {
            (u, i) for u, i, probability in self.case.candidates if probability < 1
        }
        known = {(row.user, row.item) for row in self.case.positives}
        known |= set(self.case.met)
        for model in {row.model for row in self.case.predictions}:
            newest: dict[tuple[str, str], Prediction] = {}
            rows = [row for row in self.case.predictions if row.model == model]
            for row in sorted(rows, key=lambda row: row.at or datetime.min):
                newest[row.user, row.item] = row
            if all(row.rank is None for row in rows) and set(newest) <= known:
                continue
            in_pool = {key for key in newest if key[1] in pools.get(key[0], ())}
            with_pool = {key for key in newest if key[0] in pools}
            whole = {(u, i) for u, _ in with_pool for i in pools[u]}
            is_sample = bool(in_pool & samples)
            if not (is_sample and in_pool == with_pool):
                lists[model, "full"] = in_order(
                    [row for key, row in newest.items() if self.may_list(*key)],
                    self.relevant,
                )
            if is_sample and in_pool in (with_pool, whole):
                rows = [newest[key] for key in in_pool]
                lists[model, "sampled"] = in_order(rows, self.relevant)
        return lists

    def user_metrics(self) -> dict[UserKey, float]:
        """Every value of every user."""
        found: dict[UserKey, float] = {}
        for (model, candidates), lists in self.lists.items():
            for user, gains in self.relevant.items():
                for k in self.case.ks:
                    items = lists.get(user, [])[:k]
                    values = accuracy(items, gains, k)
                    if candidates == "full" and items:
                        values |= self.likeness(user, items)
                    for metric, value in values.items():
                        found[model, candidates, user, metric, k] = value
        for (model, user), errors in self.errors().items():
            mse = sum(error**2 for error in errors) / len(errors)
            mae = sum(map(abs, errors)) / len(errors)
            values = {"mse": mse, "rmse": math.sqrt(mse), "mae": mae}
            for metric, value in values.items():
                found[model, "full", user, metric, None] = value
        return found

    def errors(self) -> dict[tuple[str, str], list[float]]:
        """Errors by model and user."""
        errors: dict[tuple[str, str], list[float]] = defaultdict(list)
        for row in self.case.ratings:
            if row.predicted is not None:
                errors[row.model, row.user].append(row.predicted - row.rating)
        return errors

    def likeness(self, user: str, items: list[str]) -> dict[str, float]:
        """What a list is like, as far as it can be said."""
        found = {}
        if self.train:
            shares = [max(self.popularity[i], 1) / len(self.train) for i in items]
            found["novelty"] = -sum(map(math.log2, shares)) / len(items)
        kinds = [set(self.case.categories.get(item, ())) for item in items]
        kinds = [kind for kind in kinds if kind]
        if len(kinds) >= 2:
            pairs = list(combinations(kinds, 2))
            cosines = [len(a & b) / math.sqrt(len(a) * len(b)) for a, b in pairs]
            found["diversity"] = 1 - sum(cosines) / len(pairs)
        profile = set(self.train.get(user, ()))
        if profile:
            usual = sum(self.popularity[item] for item in profile) / len(profile)
            given = sum(self.popularity[item] for item in items) / len(items)
            found["popularity_bias"] = given / usual - 1
        return found

    def segmented(self) -> dict[str, dict[str, str]]:
        """The segments of each evaluated user, by kind."""
        users = set(self.relevant) | {row.user for row in self.case.ratings}
        counts = {user: len(self.train.get(user, ())) for user in users}
        ordered = sorted(self.popularity, key=lambda i: (-self.popularity[i], i))
        head = set(ordered[: math.ceil(len(ordered) / 5)])
        shares = {
            user: len(set(self.train[user]) & head) / len(set(self.train[user]))
            for user in users
            if counts[user]
        }
        found = {}
        for user in users:
            activity = middle(counts.values(), counts[user])
            kind = "low" if activity < 1 / 3 - 1e-12 else "medium"
            popularity = "no_history"
            if user in shares:
                place = middle(shares.values(), shares[user])
                popularity = "niche" if place < 1 / 5 - 1e-12 else "diverse"
                popularity = "blockbuster" if place > 4 / 5 + 1e-12 else popularity
            found[user] = {
                "all": "all",
                "activity": "high" if activity >= 2 / 3 - 1e-12 else kind,
                "popularity": popularity,
                "user_age": "old" if counts[user] else "new",
            }
        return found

    def model_metrics(self) -> dict[ModelKey, float]:
        """Every value of every model and segment."""
        of_users = self.user_metrics()
        found: dict[ModelKey, float] = {}
        for kind in ("all", "activity", "popularity", "user_age"):
            members: dict[str, set[str]] = defaultdict(set)
            for user, segments in self.segments.items():
                members[segments[kind]].add(user)
            for segment, users in members.items():
                means: dict[tuple[str, str, str, int | None], list[float]]
                means = defaultdict(list)
                for (model, candidates, user, metric, k), value in of_users.items():
                    if user in users and k is not None:
                        means[model, candidates, metric, k].append(value)
                for (model, candidates, metric, k), values in means.items():
                    key = (model, candidates, metric, kind, segment, k)
                    found[key] = sum(values) / len(values)
                found |= self.of_lists(kind, segment, users)
                found |= self.of_ratings(kind, segment, users)
        return found

    def of_lists(
        self, kind: str, segment: str, users: set[str]
    ) -> dict[ModelKey, float]:
        """What the lists of a segment's users are like together."""
        found: dict[ModelKey, float] = {}
        found_users = users & set(self.relevant)
        if not found_users:
            return found
        catalogue = self.case.items()
        for (model, candidates), lists in self.lists.items():
            for k in self.case.ks:
                given = [lists[user][:k] for user in found_users if lists.get(user)]
                key = (kind, segment, k)
                covered = len(given) / len(found_users)
                found[model, candidates, "user_coverage", *key] = covered
                if candidates == "sampled":
                    continue
                shown = Counter(item for items in given for item in items)
                counts = sorted(shown[item] for item in catalogue)
                reached = sum(count > 0 for count in counts)
                found[model, candidates, "coverage", *key] = reached / len(counts)
                if reached:
                    found[model, candidates, "exposure_gini", *key] = gini(counts)
        return found

    def of_ratings(
        self, kind: str, segment: str, users: set[str]
    ) -> dict[ModelKey, float]:
        """How far off a segment's predicted ratings are."""
        found: dict[ModelKey, float] = {}
        for model in {row.model for row in self.case.ratings}:
            key = (kind, segment, None)
            raters = {row.user for row in self.case.ratings if row.model == model}
            raters &= users
            if not raters:
                continue
            of_users = {u: e for (m, u), e in self.errors().items() if m == model}
            reached = {user for user in raters if user in of_users}
            covered = len(reached) / len(raters)
            found[model, "full", "user_coverage", *key] = covered
            errors = [error for user in reached for error in of_users[user]]
            if errors:
                mse = sum(error**2 for error in errors) / len(errors)
                mae = sum(map(abs, errors)) / len(errors)
                found[model, "full", "mse", *key] = mse
                found[model, "full", "rmse", *key] = math.sqrt(mse)
                found[model, "full", "mae", *key] = mae
        return found


def in_order(rows: Iterable[Prediction], users: Iterable[str]) -> dict[str, list[str]]:
    """The lists of the users: by rank, then score, then item."""
    lists: dict[str, list[Prediction]] = defaultdict(list)
    wanted = set(users)
    for row in rows:
        if row.user in wanted:
            lists[row.user].append(row)

    def place(row: Prediction) -> tuple[float, float, str]:
        score = math.inf if row.score is None else -row.score
        return (math.inf if row.rank is None else row.rank, score, row.item)

    return {u: [row.item for row in sorted(rs, key=place)] for u, rs in lists.items()}


def accuracy(items: list[str], gains: Mapping[str, float], k: int) -> dict[str, float]:
    """The accuracy of the first k items of a list."""
    hits = [place for place, item in enumerate(items, start=1) if item in gains]
    best = sorted(gains.values(), reverse=True)[:k]
    ideal = sum(gain / math.log2(n + 1) for n, gain in enumerate(best, start=1))
    found = sum(gains[items[place - 1]] / math.log2(place + 1) for place in hits)
    precisions = [number / place for number, place in enumerate(hits, start=1)]
    return {
        "precision": len(hits) / k,
        "recall": len(hits) / len(gains),
        "ndcg": found / ideal if ideal else 0.0,
        "mrr": 1 / hits[0] if hits else 0.0,
        "map": sum(precisions) / len(gains),
        "hit_rate": float(bool(hits)),
    }


def middle(values: Iterable[float], value: float) -> float:
    """Share of the values below this one, those equal to it counting half."""
    given = list(values)
    below = sum(other < value for other in given)
    return (below + sum(other == value for other in given) / 2) / len(given)


def gini(counts: Sequence[int]) -> float:
    """The Gini coefficient from the differences of all pairs."""
    values = np.asarray(counts)
    differences = int(np.abs(values[:, None] - values).sum())
    return differences / (2 * len(counts) * sum(counts))
