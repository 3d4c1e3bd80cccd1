"""The metrics of evaluation, by the project's own SQL: against ranx and scikit-learn,
and against a second implementation in plain Python, on ml-100k and on made cases.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import datetime
from typing import Any

import duckdb
import numpy as np
import pytest
from conftest import REAL_DATA, make_settings, rows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from ranking import (
    ACCURACY,
    MODELS,
    Case,
    CompiledModels,
    Plain,
    Positive,
    Prediction,
    Rating,
    fetch,
    tables_of,
    write_inputs,
)

from winnow.build.dbt import run_dbt
from winnow.core.settings import Settings

USER_KEY = ("tenant_id", "model", "candidates", "user_id", "metric", "k", "value")
MODEL_KEY = (
    *("tenant_id", "model", "candidates", "metric", "segment_kind", "segment"),
    *("k", "value"),
)
TOLERANCE = 1e-9
Values = dict[tuple[Any, ...], float]
Lists = dict[str, dict[str, float]]
"""Scores by user and item."""


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> CompiledModels:
    return CompiledModels(make_settings(tmp_path_factory.mktemp("compiled")))


@pytest.fixture
def database(models: CompiledModels) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def assert_equal(found: Values, expected: Values) -> None:
    assert found.keys() == expected.keys()
    assert found == pytest.approx(expected, abs=TOLERANCE)


def of_tenants(cases: list[Case], values: Callable[[Plain], Values]) -> Values:
    """The plain values of several cases, with their tenants."""
    return {
        (f"t{number}", *key): value
        for number, case in enumerate(cases)
        for key, value in values(Plain(case)).items()
    }


USERS = st.sampled_from(["u", "ü", "v", "w"])
ITEMS = st.sampled_from(["10", "9", "a", "b", "ß"])
SCORES = st.none() | st.sampled_from([-1.0, 0.0, 0.5, 0.5 + 1e-12, 3.0])
positives = st.builds(
    Positive,
    user=USERS,
    item=ITEMS,
    split=st.sampled_from(["train", "test", "test", "validation"]),
    weight=st.sampled_from([0.0, 0.3, 1.0, 5.0]),
    rating=st.none() | st.sampled_from([-2.0, 4.0, 4.5, 5.0]),
)
predictions = st.builds(
    Prediction,
    user=USERS | st.just("stranger"),
    item=ITEMS | st.just("unknown"),
    score=SCORES,
    rank=st.none() | st.integers(0, 4),
    at=st.none() | st.sampled_from([datetime(2024, 1, 1), datetime(2024, 1, 2)]),
    model=st.sampled_from(["m", "n"]),
)
unranked = predictions.map(lambda row: replace(row, rank=None, model="o"))
ratings = st.builds(
    Rating,
    user=USERS | st.just("rater"),
    rating=st.sampled_from([0.5, 1.0, 5.0]),
    predicted=st.none() | st.floats(-100, 100),
    model=st.sampled_from(["m", "r"]),
)


def unique(rows: st.SearchStrategy[Any], *key: str) -> st.SearchStrategy[list[Any]]:
    """Rows of which no two have the same key."""
    return st.lists(
        rows,
        max_size=25,
        unique_by=lambda row: tuple(getattr(row, name) for name in key),
    )


@st.composite
def cases(draw: st.DrawFn) -> Case:
    lists = draw(st.dictionaries(USERS, st.permutations(["9", "a", "b", "new"])))
    length = draw(st.integers(1, 4))
    candidates = st.tuples(USERS, ITEMS | st.just("never"))
    return Case(
        positives=draw(st.lists(positives, min_size=1, max_size=20)),
        predictions=draw(unique(predictions, "user", "item", "at", "model"))
        + draw(unique(unranked, "user", "item", "at")),
        baselines=[
            Prediction(user, item, None, place, model="b")
            for user, items in lists.items()
            for place, item in enumerate(items[:length], start=1)
        ],
        candidates=[
            (user, item, probability)
            for (user, item), probability in draw(
                st.dictionaries(candidates, st.sampled_from([0.25, 1.0]), max_size=8)
            ).items()
        ],
        ratings=draw(st.lists(ratings, max_size=8)),
        met=draw(st.lists(st.tuples(USERS, ITEMS), max_size=6)),
        categories=draw(
            st.dictionaries(
                ITEMS | st.just("listed"),
                st.lists(st.sampled_from(["x", "y", "z"]), max_size=4),
            )
        ),
        ks=tuple(sorted(draw(st.sets(st.integers(1, 6), min_size=1, max_size=3)))),
        gain=draw(st.sampled_from(["binary", "weight", "rating"])),
        recommend_seen=draw(st.booleans()),
    )


@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(several=st.lists(cases(), min_size=6, max_size=12))
def test_every_value_is_that_of_a_plain_implementation(
    models: CompiledModels, database: duckdb.DuckDBPyConnection, several: list[Case]
) -> None:
    """Ties, repeats, users without lists and without truth, short lists, graded gains,
    unknown users and items, stored candidates: each case a tenant of its own.
    """
    models.run(database, tables_of(several))
    found = fetch(database, "evaluation.user_metrics", USER_KEY)
    assert_equal(found, of_tenants(several, Plain.user_metrics))
    found = fetch(database, "evaluation.model_metrics", MODEL_KEY)
    assert_equal(found, of_tenants(several, Plain.model_metrics))


def test_equal_lists_have_equal_metrics_wherever_their_ranks_begin(
    models: CompiledModels, database: duckdb.DuckDBPyConnection
) -> None:
    test = [Positive("u", item, "test") for item in ("a", "b", "c")]
    listed = ["a", "never met", "b", "c"]
    predictions = [
        Prediction("u", item, None, place + first, model=f"from {first}")
        for first in (0, 1, 5)
        for place, item in enumerate(listed)
    ]
    models.run(database, Case(test, predictions).tables())
    values: dict[str, dict[Any, float]] = defaultdict(dict)
    for (model, *rest), value in fetch(
        database, "evaluation.user_metrics", ("model", "metric", "k", "value")
    ).items():
        values[model][tuple(rest)] = value
    assert values["from 0"] == values["from 1"] == values["from 5"]
    assert values["from 0"]["mrr", 1] == 1.0


@pytest.mark.parametrize("recommend_seen", [False, True])
def test_a_list_of_just_what_may_be_listed_is_perfect(
    models: CompiledModels, database: duckdb.DuckDBPyConnection, recommend_seen: bool
) -> None:
    """`again` was seen in train, and met in test once more. A user of whom nothing else
    is left is not judged.
    """
    positives = [
        *(Positive("u", "again", part) for part in ("train", "test")),
        *(Positive("v", "again", part) for part in ("train", "test")),
        Positive("u", "new", "test"),
    ]
    predictions = [
        Prediction("u", "again", None, 1),
        Prediction("u", "new", None, 2),
        Prediction("v", "again", None, 1),
    ]
    case = Case(positives, predictions, ks=(5,), recommend_seen=recommend_seen)
    models.run(database, case.tables())
    found = fetch(
        database,
        "(from evaluation.user_metrics where metric in ('recall', 'ndcg', 'map'))",
        ("user_id", "metric", "value"),
    )
    judged = ("u", "v") if recommend_seen else ("u",)
    assert found == {
        (user, metric): 1.0 for user in judged for metric in ("recall", "ndcg", "map")
    }


def by_ranx(
    relevant: Lists, lists: Lists, ks: tuple[int, ...]
) -> dict[tuple[str, str, int], float]:
    """ranx's value for each user, metric and k."""
    from ranx import Qrels, Run, evaluate

    gains = {u: {i: int(g) for i, g in items.items()} for u, items in relevant.items()}
    qrels, run = Qrels(gains), Run(lists)
    names = [f"{metric}@{k}" for metric in ACCURACY for k in ks]
    values = evaluate(qrels, run, names, return_mean=False, make_comparable=True)
    users = sorted(relevant)
    assert list(qrels.qrels.keys()) == users
    return {
        (user, name.partition("@")[0], int(name.partition("@")[2])): float(value)
        for name, of_users in values.items()
        for user, value in zip(users, of_users, strict=True)
    }


def ndcg_of_sklearn(gains: dict[str, float], ordered: list[str], k: int) -> float:
    """scikit-learn's discounted gain of a list, by that of the best one."""
    from sklearn.metrics import dcg_score

    padding = [0.0] * (k + 1)
    scores = np.arange(1000.0, 0, -1)

    def score(row: list[float]) -> float:
        padded = row + padding
        return float(dcg_score([padded], [scores[: len(padded)]], k=k))

    best = sorted(gains.values(), reverse=True)
    return score([gains.get(item, 0.0) for item in ordered]) / score(best)


@pytest.mark.scale
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(
    relevant=st.dictionaries(
        st.sampled_from([f"u{n}" for n in range(12)]),
        st.dictionaries(
            st.sampled_from([f"i{n}" for n in range(9)]),
            st.integers(1, 5),
            min_size=1,
        ),
        min_size=1,
    ),
    lists=st.dictionaries(
        st.sampled_from([f"u{n}" for n in range(14)]),
        st.dictionaries(
            st.sampled_from([f"i{n}" for n in range(12)]),
            st.sampled_from([0.0, 0.5, 1.0, 2.0]),
            min_size=1,
        ),
        min_size=1,
    ),
    gain=st.sampled_from(["binary", "weight"]),
)
def test_accuracy_is_that_of_ranx_and_scikit_learn(
    models: CompiledModels,
    database: duckdb.DuckDBPyConnection,
    relevant: dict[str, dict[str, int]],
    lists: Lists,
    gain: str,
) -> None:
    """ranx leaves the order of equal scores open: it is given distinct scores in the
    order that we promise, by item.
    """
    ks = (1, 3, 7)
    case = Case(
        [
            Positive(user, item, "test", weight)
            for user, items in relevant.items()
            for item, weight in items.items()
        ],
        [
            Prediction(user, item, score)
            for user, items in lists.items()
            for item, score in items.items()
        ]
        + [Prediction("u0", "nobody has met it", -1.0)],
        ks=ks,
        gain=gain,
    )
    models.run(database, case.tables())
    ordered = {
        user: sorted(items, key=lambda item: (-items[item], item))
        for user, items in lists.items()
    }
    binary = gain == "binary"
    gains = {
        user: {item: 1.0 if binary else float(g) for item, g in items.items()}
        for user, items in relevant.items()
    }
    scores = {
        user: {item: 1000.0 - place for place, item in enumerate(items)}
        for user, items in ordered.items()
    }
    found = fetch(
        database,
        "(from evaluation.user_metrics where metric in "
        f"{ACCURACY} and candidates = 'full')",
        ("user_id", "metric", "k", "value"),
    )
    assert_equal(found, by_ranx(gains, scores, ks))
    for user, of_user in gains.items():
        for k in ks:
            expected = ndcg_of_sklearn(of_user, ordered.get(user, []), k)
            assert found[user, "ndcg", k] == pytest.approx(expected, abs=TOLERANCE)


@pytest.fixture(scope="module")
def films() -> Case:
    """ml-100k, a fifth of it held out, with lists and ratings of simple models:
    item-item cosine (scores), most popular (ranks), noise on stored candidates.
    """
    source = REAL_DATA / "ml-100k"
    if not source.is_dir():
        pytest.skip(f"needs the published data set ml-100k in {REAL_DATA}")
    rng = np.random.default_rng(17)
    rated = np.loadtxt(source / "u.data", dtype=int)[:, :3]
    is_test = rng.random(len(rated)) < 0.2
    is_test |= rated[:, 0] > 940  # users without train
    is_liked = rated[:, 2] >= 4
    liked = np.zeros((944, 1683))
    fitted = rated[~is_test & is_liked]
    liked[fitted[:, 0], fitted[:, 1]] = 1
    norms = np.sqrt(liked.sum(axis=0)) + 1e-9
    cosines = np.round(liked @ (liked.T @ liked / norms[:, None] / norms), 2)
    popular = np.argsort(-liked.sum(axis=0), kind="stable")
    genres = (source / "u.item").read_text("latin-1").splitlines()
    fields = [line.split("|") for line in genres]
    predictions, baselines, candidates = [], [], []
    for user in range(1, 944):
        if user % 50 == 0:
            continue  # nothing is recommended to these
        for item in np.argsort(-cosines[user], kind="stable")[: user % 70]:
            row = Prediction(str(user), str(item), float(cosines[user, item]))
            predictions.append(replace(row, model="cosine"))
        unliked = [int(item) for item in popular if not liked[user, item] and item]
        baselines += [
            Prediction(str(user), str(item), None, place, model="popular")
            for place, item in enumerate(unliked[:25], start=1)
        ]
    for user in range(1, 101):
        known = set(rated[rated[:, 0] == user, 1].tolist())
        free = [item for item in range(1, 1683) if item not in known]
        for item in rng.choice(free, 99, replace=False):
            candidates.append((str(user), str(item), 99 / len(free)))
        held_out = is_test & is_liked & (rated[:, 0] == user)
        pool = [item for u, item, _ in candidates if u == str(user)]
        pool += [str(item) for item in rated[held_out, 1]]
        predictions += [
            Prediction(str(user), item, float(rng.integers(20)), model="sampled")
            for item in pool
        ]
    means = {u: rated[~is_test & (rated[:, 0] == u), 2].mean() for u in range(1, 941)}
    return Case(
        positives=[
            Positive(str(user), str(item), "test" if held_out else "train")
            for (user, item, _), held_out in zip(
                rated[is_liked].tolist(), is_test[is_liked], strict=True
            )
        ],
        predictions=predictions,
        baselines=baselines,
        candidates=candidates,
        ratings=[
            Rating(str(user), float(rating), means.get(user), model="user mean")
            for user, _, rating in rated[is_test].tolist()
        ],
        met=[(str(user), str(item)) for user, item, _ in rated[~is_liked].tolist()],
        categories={
            line[0]: [str(n) for n, flag in enumerate(line[5:]) if flag == "1"]
            for line in fields
        },
        ks=(5, 10, 20),
    )


@pytest.fixture(scope="module")
def built(films: Case, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """The films' warehouse, built by dbt, contracts and data tests included."""
    home = make_settings(tmp_path_factory.mktemp("films"))
    home.warehouse.parent.mkdir(exist_ok=True)
    with duckdb.connect(str(home.warehouse)) as connection:
        write_inputs(connection, films.tables())
    data_tests = [f"{model},test_type:generic" for model in MODELS]
    for command in (["run"], ["test"]):
        selected = [*MODELS] if command == ["run"] else data_tests
        result = run_dbt(home, [*command, "--select", *selected])
        assert result.succeeded, result.failures
        assert result.nodes >= len(MODELS)
    return home


def lists_of(home: Settings, model: str, candidates: str) -> Lists:
    """What was recommended, with scores that fall with the places."""
    lists: Lists = defaultdict(dict)
    for user, item, rank in rows_of(
        home,
        "select user_id, item_id, rank from evaluation.recommendations "
        f"where model = '{model}' and candidates = '{candidates}'",
    ):
        lists[user][item] = 1000.0 - rank
    return dict(lists)


@pytest.mark.scale
@pytest.mark.parametrize(
    ("model", "candidates"),
    [("cosine", "full"), ("popular", "full"), ("sampled", "sampled")],
)
def test_ml_100k_is_as_ranx_says(
    films: Case, built: Settings, model: str, candidates: str
) -> None:
    relevant: Lists = defaultdict(dict)
    for row in films.positives:
        if row.split == "test":
            relevant[row.user][row.item] = 1.0
    expected = by_ranx(relevant, lists_of(built, model, candidates), films.ks)
    where = f"where model = '{model}' and candidates = '{candidates}'"
    with duckdb.connect(str(built.warehouse), read_only=True) as connection:
        found = fetch(
            connection,
            f"(from evaluation.user_metrics {where} and metric in {ACCURACY})",
            ("user_id", "metric", "k", "value"),
        )
        overall = fetch(
            connection,
            f"(from evaluation.model_metrics {where} and segment_kind = 'all' "
            f"and metric in {ACCURACY})",
            ("metric", "k", "value"),
        )
    assert_equal(found, expected)
    values = defaultdict(list)
    for (_, metric, k), value in expected.items():
        values[metric, k].append(value)
    assert_equal(overall, {key: float(np.mean(v)) for key, v in values.items()})
    assert 0 < overall["ndcg", 10] < 1


def test_ml_100k_ratings_are_as_scikit_learn_says(films: Case, built: Settings) -> None:
    from sklearn.metrics import (
        mean_absolute_error,
        mean_squared_error,
        root_mean_squared_error,
    )

    given_and_said = [
        (row.rating, row.predicted)
        for row in films.ratings
        if row.predicted is not None
    ]
    actual, predicted = map(list, zip(*given_and_said, strict=True))
    with duckdb.connect(str(built.warehouse), read_only=True) as connection:
        found = fetch(
            connection,
            "(from evaluation.model_metrics where model = 'user mean' "
            "and segment_kind = 'all' and metric <> 'user_coverage')",
            ("metric", "k", "value"),
        )
    assert_equal(
        found,
        {
            ("rmse", None): root_mean_squared_error(actual, predicted),
            ("mse", None): mean_squared_error(actual, predicted),
            ("mae", None): mean_absolute_error(actual, predicted),
        },
    )
    of_users = rows_of(
        built, "select avg(value) from evaluation.user_metrics where metric = 'rmse'"
    )
    assert abs(of_users[0][0] - found["rmse", None]) > 0.01


def test_every_value_of_ml_100k_is_that_of_a_plain_implementation(
    films: Case, built: Settings
) -> None:
    plain = Plain(films)
    assert set(plain.lists) == {
        ("cosine", "full"),
        ("popular", "full"),
        ("sampled", "sampled"),
    }
    with duckdb.connect(str(built.warehouse), read_only=True) as connection:
        of_users = fetch(connection, "evaluation.user_metrics", USER_KEY)
        of_models = fetch(connection, "evaluation.model_metrics", MODEL_KEY)
    assert_equal(of_users, {("t", *k): v for k, v in plain.user_metrics().items()})
    assert_equal(of_models, {("t", *k): v for k, v in plain.model_metrics().items()})
    segments = {key[4:6] for key in of_models}
    assert segments >= {
        *(("activity", "low"), ("activity", "medium"), ("activity", "high")),
        *(("popularity", "niche"), ("popularity", "diverse")),
        *(("popularity", "blockbuster"), ("popularity", "no_history")),
        *(("user_age", "new"), ("user_age", "old"), ("all", "all")),
    }


def test_one_thread_and_shuffled_rows_change_no_bit(
    films: Case, models: CompiledModels, built: Settings
) -> None:
    numbers = random.Random(3)
    tables = films.tables()
    for rows in tables.values():
        numbers.shuffle(rows)
    with duckdb.connect(config={"threads": 1}) as connection:
        models.run(connection, tables)
        for name in ("user_metrics", "model_metrics", "recommendations"):
            query = f"select * from evaluation.{name} order by all"
            again = connection.execute(query).fetchall()
            assert again == rows_of(built, query)
            assert again


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        *(("metric_ks", ks, "metric_ks must be") for ks in (None, "", " ", "0")),
        *(("metric_ks", ks, "metric_ks must be") for ks in ("1001", "5 5", "5,10")),
        *(
            ("metric_ks", ks, "metric_ks must be")
            for ks in ("-5", "2.5", "five", "1e2")
        ),
        ("ndcg_gain", "graded", "ndcg_gain must be binary, weight or rating"),
        ("ndcg_gain", None, "ndcg_gain must be binary, weight or rating"),
    ],
)
def test_settings_that_make_no_sense_fail_with_a_sentence(
    models: CompiledModels,
    database: duckdb.DuckDBPyConnection,
    column: str,
    value: str | None,
    said: str,
) -> None:
    tables = Case([Positive("u", "a", "test")]).tables("shop")
    tables["seeds.tenant_settings"][0][column] = value
    sentence = f"Tenant shop in seeds/tenant_settings.csv: {said}"
    with pytest.raises(duckdb.Error, match=sentence):
        models.run(database, tables)
