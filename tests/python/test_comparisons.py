"""Which model is better: every figure against scipy and statsmodels, the models run as
they are on made tables.
"""

from __future__ import annotations

import math
import random
import warnings
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pytest
from comparing import (
    MODELS,
    compiled_models,
    metric_rows,
    run_compiled,
    run_models,
    write_tables,
)
from conftest import make_settings, rows_of
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy import stats
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.power import TTestPower

from winnow.warehouse.statistics import (
    BUCKETS,
    bca_intervals,
    bootstrap_means,
    resample_counts,
    sequential_p_values,
)

SEED = 7
RESAMPLES = 499
Floats = NDArray[np.float64]
Values = Mapping[str, Mapping[str, float]]


@pytest.fixture(scope="module")
def compiled(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The SQL of the models, compiled once."""
    home = tmp_path_factory.mktemp("comparisons")
    return compiled_models(make_settings(home), RESAMPLES)


Compare = Callable[..., list[dict[str, Any]]]


@pytest.fixture(scope="module")
def compare(compiled: dict[str, str]) -> Compare:
    """Rows of model_comparisons from rows of user_metrics."""

    def comparisons(rows: Any, *tenants: dict[str, Any], **how: Any) -> Any:
        tables = {"evaluation.user_metrics": rows, "seeds.tenant_settings": tenants}
        return run_compiled(compiled, tables, **how)["model_comparisons"]

    return comparisons


def close(value: float) -> Any:
    """The value to nine places."""
    return pytest.approx(value, rel=1e-9, abs=1e-9)


def one(rows: list[dict[str, Any]], **keys: Any) -> dict[str, Any]:
    """The row of the keys; there is one."""
    found = [row for row in rows if all(row[key] == keys[key] for key in keys)]
    assert len(found) == 1, found
    return found[0]


def paired(values: Values, a: str, b: str) -> tuple[Floats, Floats]:
    """Values of two models, of the users that both have, by user."""
    users = sorted(set(values[a]) & set(values[b]), key=lambda user: user.encode())
    return (
        np.array([values[a][user] for user in users], dtype=float),
        np.array([values[b][user] for user in users], dtype=float),
    )


@cache
def counts_of_resamples(users: int) -> Floats:
    """How often each of so many users is in each resample: the same in every test."""
    return resample_counts(SEED, users, RESAMPLES).astype(float)


def scipys_bca(differences: Floats) -> tuple[float, float]:
    """scipy's own interval from the same resamples, whose means are taken here."""
    counts = counts_of_resamples(len(differences))
    found = stats.bootstrap(
        (differences,),
        np.mean,
        n_resamples=0,
        batch=1000,
        method="BCa",
        bootstrap_result=SimpleNamespace(
            bootstrap_distribution=counts @ differences / len(differences)
        ),
    )
    interval = found.confidence_interval
    return float(interval.low), float(interval.high)


# Eighths are exact as doubles, and so are sums of them: resamples that tie with the
# data tie in scipy too, and a resample of three users often does.
eighths = st.integers(-40, 40).map(lambda number: number / 8)
values_of_users = st.dictionaries(
    st.sampled_from([f"u{number}" for number in range(12)]), eighths, max_size=12
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    values=st.fixed_dictionaries(dict.fromkeys(("a", "b", "c"), values_of_users)),
    metric=st.sampled_from(["ndcg", "rmse", "novelty"]),
)
def test_every_figure_is_scipys_and_statsmodels(
    compare: Compare, values: Values, metric: str
) -> None:
    rows = compare([*metric_rows(values, metric=metric)])
    models = sorted(model for model in values if values[model])
    assert [(row["model_a"], row["model_b"]) for row in rows] == [
        (a, b) for a in models for b in models if a < b
    ]
    tested = []
    for row in rows:
        a, b = paired(values, row["model_a"], row["model_b"])
        assert row["user_count"] == len(a)
        assert row["user_count_a"] == len(values[row["model_a"]])
        assert row["user_count_b"] == len(values[row["model_b"]])
        if len(a):
            assert row["mean_a"] == close(a.mean())
            assert row["mean_b"] == close(b.mean())
            assert row["difference"] == close((b - a).mean())
        if len(a) < 2 or (b - a).std() == 0:
            assert row["p_value"] is None and row["bootstrap_low"] is None
            assert not row["is_significant"]
            continue
        tested.append(row)
        expected = stats.ttest_rel(b, a)
        interval = expected.confidence_interval()
        assert row["t_statistic"] == close(expected.statistic)
        assert row["p_value"] == close(expected.pvalue)
        assert row["degrees_of_freedom"] == expected.df
        assert row["interval_low"] == close(interval.low)
        assert row["interval_high"] == close(interval.high)
        effect = (b - a).mean() / (b - a).std(ddof=1)
        assert row["effect_size"] == close(effect)
        low, high = scipys_bca(b - a)
        assert row["bootstrap_low"] == close(low)
        assert row["bootstrap_high"] == close(high)
        assert row["resample_count"] == RESAMPLES
    if tested:
        shown, corrected, *_ = multipletests(
            [row["p_value"] for row in tested], 0.05, "holm"
        )
        for row, is_shown, p_value in zip(tested, shown, corrected, strict=True):
            assert row["p_value_holm"] == close(p_value)
            assert row["is_significant"] == is_shown
            assert row["family_size"] == len(tested)


@settings(max_examples=25, deadline=None)
@given(
    shift=st.sampled_from([0.0, 1e3, 1e9]),
    scale=st.sampled_from([1e-6, 1.0, 1e4]),
    seed=st.integers(0, 1000),
)
def test_large_and_small_values_lose_nothing_that_doubles_keep(
    compare: Compare, shift: float, scale: float, seed: int
) -> None:
    """Beside exact fractions: scipy itself loses digits where values are large."""
    numbers = np.random.default_rng(seed)
    b = shift * scale + scale * numbers.random(9)
    a = shift * scale + scale * numbers.random(9)
    unit = 2.0 ** math.ceil(math.log2(max(a.max(), b.max()))) / 2**46
    exact = [Fraction(right) - Fraction(left) for left, right in zip(a, b, strict=True)]
    mean = sum(exact) / len(exact)
    variance = sum((one - mean) ** 2 for one in exact) / (len(exact) - 1)
    values = {
        model: {f"u{number}": value for number, value in enumerate(of_model)}
        for model, of_model in (("a", a.tolist()), ("b", b.tolist()))
    }
    (row,) = compare(metric_rows(values))
    assert row["difference"] == pytest.approx(float(mean), abs=unit, rel=1e-12)
    error = math.sqrt(variance / len(exact))
    assert row["standard_error"] == pytest.approx(error, abs=unit, rel=1e-12)


def test_users_are_those_of_both_models_and_the_verdict_says_so(
    compare: Compare,
) -> None:
    numbers = random.Random(SEED)
    values: dict[str, dict[str, float]] = {
        "a": {f"u{number}": numbers.random() for number in range(40)}
    }
    values["b"] = {
        user: value + 0.2 + numbers.gauss(0, 0.05)
        for user, value in list(values["a"].items())[10:]
    } | {"stranger": 0.5}
    (row,) = compare(metric_rows(values))
    assert (row["user_count"], row["user_count_a"], row["user_count_b"]) == (30, 40, 31)
    assert row["verdict"].startswith("b better, +")
    assert row["verdict"].endswith(
        "% ndcg@10, p < 0.001 after Holm; on the 30 users of both"
    )


@pytest.mark.parametrize(
    ("a", "b", "verdict"),
    [
        ({"u": 1.0}, {"v": 1.0}, "not compared: no user has both models"),
        (
            {"u": 1.0, "v": 1.0},
            {"u": 1.0},
            "not compared: only one user has both models; on the 1 users of both",
        ),
        (
            {"u": 0.1, "v": 0.2},
            {"u": 0.1, "v": 0.2},
            "no difference: 2 users, each with the same value in both",
        ),
        (
            {"u": 0.0, "v": 0.25},
            {"u": 0.5, "v": 0.75},
            "not tested: the same difference in each of 2 users",
        ),
        (
            {"u": 1.0, "v": 2.0, "w": 3.0},
            {"u": 2.0, "v": 1.0, "w": 3.0},
            "no difference shown (p = 1 after Holm): the means are equal",
        ),
    ],
)
def test_there_is_a_sentence_where_there_is_no_test(
    compare: Compare, a: dict[str, float], b: dict[str, float], verdict: str
) -> None:
    (row,) = compare(metric_rows({"a": a, "b": b}))
    assert row["verdict"] == verdict
    assert row["users_needed"] is None
    assert not row["is_significant"]


def test_the_same_difference_is_seen_even_where_it_is_no_round_number(
    compare: Compare,
) -> None:
    values = {
        "a": {f"u{number}": 0.0 for number in range(1000)},
        "b": {f"u{number}": 1 / 3 for number in range(1000)},
    }
    (row,) = compare(metric_rows(values))
    assert row["p_value"] is None and row["improvement_percent"] is None
    assert row["difference"] == close(1 / 3)


def test_better_is_lower_for_errors_and_higher_for_hits(compare: Compare) -> None:
    numbers = random.Random(SEED)
    low = {f"u{number}": 0.5 + numbers.gauss(0, 0.01) for number in range(50)}
    high = {user: value + 0.5 + numbers.gauss(0, 0.01) for user, value in low.items()}
    values = {"low": low, "high": high, "zero": dict.fromkeys(low, 0.0)}
    rows = compare(
        [
            row
            for metric in ("rmse", "mae", "mse", "recall", "popularity_bias")
            for row in metric_rows(values, metric=metric, k=None)
        ]
    )

    def said(metric: str) -> dict[str, Any]:
        return one(rows, metric=metric, model_a="high", model_b="low")

    for metric in ("rmse", "mae", "mse"):
        row = said(metric)
        assert row["better_when"] == "lower" and row["difference"] < 0
        assert 40 < row["improvement_percent"] < 60
        percent = f"{row['improvement_percent']:+.1f} %"
        assert row["verdict"] == (
            f"low better, {percent} {metric} (lower is better), p < 0.001 after Holm"
        )
    row = said("recall")
    assert row["better_when"] == "higher" and row["improvement_percent"] < 0
    assert row["verdict"].startswith("high better, +")
    # The percents of the sentence are of the model that is worse.
    share = -row["difference"] / row["mean_b"]
    assert f" {100 * share:+.1f} % recall," in row["verdict"]
    row = said("popularity_bias")
    assert row["better_when"] is None
    assert row["verdict"].startswith("high higher, +")
    # The mean of the other is 0: no percent.
    row = one(rows, metric="recall", model_a="low", model_b="zero")
    assert row["improvement_percent"] == pytest.approx(-100)
    assert row["verdict"].startswith(
        f"low better, {abs(row['difference']):+.3g} recall"
    )


def test_the_users_needed_are_those_of_the_power_analysis(compare: Compare) -> None:
    numbers = np.random.default_rng(SEED)
    a = numbers.random(200)
    b = a + numbers.normal(0.004, 0.1, 200)
    values = {
        model: {f"u{number}": value for number, value in enumerate(of_model.tolist())}
        for model, of_model in (("a", a), ("b", b))
    }
    (row,) = compare(metric_rows(values))
    assert not row["is_significant"]
    needed = TTestPower().solve_power(
        abs(row["effect_size"]), alpha=0.05, power=0.8, alternative="two-sided"
    )
    assert row["users_needed"] + 200 == pytest.approx(needed, rel=0.02)
    assert row["verdict"] == (
        f"no difference shown (p = {row['p_value_holm']:.2g} after Holm); about "
        f"{row['users_needed']:,} more users needed"
    )


def test_sampled_is_never_compared_with_full_nor_scopes_with_each_other(
    compare: Compare,
) -> None:
    of_a = {"a": {"u": 0.1, "v": 0.3, "w": 0.5}}
    of_b = {"b": {"u": 0.2, "v": 0.3, "w": 0.9}}
    rows = compare(
        [
            *metric_rows(of_a),
            *metric_rows(of_b, candidates="sampled"),
            *metric_rows(of_b, k=5),
            *metric_rows(of_b, metric="recall"),
            *metric_rows(of_b, tenant="other"),
            *metric_rows(of_b, split_name="last_out"),
            *metric_rows(of_b, fold=1),
        ]
    )
    assert rows == []
    rows = compare(
        [
            *metric_rows(of_a),
            *metric_rows(of_b),
            *metric_rows(of_a, candidates="sampled"),
            *metric_rows(of_b, candidates="sampled"),
        ]
    )
    assert [row["candidates"] for row in rows] == ["full", "sampled"]
    # Two families, of one test each.
    assert {row["family_size"] for row in rows} == {1}


def test_a_baseline_is_compared_with_each_and_stands_first(compare: Compare) -> None:
    values = {
        model: {"u": number / 8, "v": number / 4, "w": 0.5}
        for number, model in enumerate(("als", "bpr", "popular", "random"))
    }
    named = {"tenant_id": "t", "comparison_baseline": "popular"}
    rows = compare([*metric_rows(values), *metric_rows(values, tenant="other")], named)
    pairs = {
        tenant: [
            (row["model_a"], row["model_b"])
            for row in rows
            if row["tenant_id"] == tenant
        ]
        for tenant in ("t", "other")
    }
    assert pairs["t"] == [
        ("popular", "als"), ("popular", "bpr"), ("popular", "random")
    ]  # fmt: skip
    assert len(pairs["other"]) == 6
    wrong = {"tenant_id": "t", "comparison_baseline": "pupolar"}
    with pytest.raises(
        duckdb.Error,
        match=r"Tenant t in seeds/tenant_settings\.csv: comparison_baseline is "
        "pupolar, and no model of that name was evaluated, only als, bpr, popular, "
        "random",
    ):
        compare(metric_rows(values), wrong)


def many_users(count: int) -> list[dict[str, Any]]:
    """Values of two models that are skewed and differ little."""
    numbers = np.random.default_rng(SEED)
    a = np.where(numbers.random(count) < 0.7, 0.0, numbers.random(count))
    b = np.where(numbers.random(count) < 0.9, a, numbers.random(count) ** 3)
    return [
        row
        for metric, power in (("ndcg", 1.0), ("mrr", 2.0))
        for row in metric_rows(
            {
                model: {
                    f"user {number}": float(value)
                    for number, value in enumerate(of_model)
                }
                for model, of_model in (("a", a**power), ("b", b**power))
            },
            metric=metric,
        )
    ]


@pytest.mark.parametrize("count", [500, 6000])
def test_threads_and_the_order_of_rows_change_no_bit(
    compare: Compare, count: int
) -> None:
    """With users as buckets, and with more of them than buckets."""
    rows = many_users(count)
    first = compare(rows, threads=1)
    random.Random(SEED).shuffle(rows)
    assert compare(rows, threads=4) == first
    assert first[0]["bootstrap_low"] is not None


def test_buckets_of_users_give_the_interval_that_users_give(
    compiled: dict[str, str],
) -> None:
    rows = many_users(20_000)
    made = run_compiled(compiled, {"evaluation.user_metrics": rows})
    sums = one(made["comparison_sums"], metric="ndcg")
    assert len(sums["bucket_sums"]) == len(sums["bucket_sizes"]) <= BUCKETS
    assert sum(sums["bucket_sizes"]) == 20_000
    by_user = {(row["model"], row["user_id"], row["metric"]): row for row in rows}
    differences = np.array(
        [
            by_user["b", user, "ndcg"]["value"] - row["value"]
            for (model, user, metric), row in by_user.items()
            if model == "a" and metric == "ndcg"
        ]
    )
    deviations = differences - differences.mean()
    acceleration = (deviations**3).sum() / (6 * (deviations**2).sum() ** 1.5)
    ((low, high),) = (
        bca_intervals(
            np.array([sums["bucket_sums"]]),
            np.array([sums["bucket_sizes"]]),
            np.array([acceleration]),
            SEED,
            9999,
        )
        / 2**46
    )
    expected = stats.bootstrap(
        (differences,), np.mean, n_resamples=5000, batch=50, rng=1, method="BCa"
    ).confidence_interval
    width = expected.high - expected.low
    assert low == pytest.approx(expected.low, abs=0.05 * width)
    assert high == pytest.approx(expected.high, abs=0.05 * width)


def test_resamples_are_the_same_for_good() -> None:
    counts = resample_counts(SEED, 100, 1000)
    assert (counts.sum(axis=1) == 100).all()
    # Each user is drawn as often as any other: chi-square over all draws.
    _, p_value = stats.chisquare(counts.sum(axis=0, dtype=int))
    assert 0.001 < p_value < 0.999
    assert resample_counts(SEED, 4, 5).tolist() == FIRST_RESAMPLES
    assert (resample_counts(SEED + 1, 100, 1000) != counts).any()


FIRST_RESAMPLES = [
    [1, 0, 0, 3],
    [0, 2, 2, 0],
    [2, 1, 1, 0],
    [0, 1, 1, 2],
    [1, 2, 0, 1],
]


def test_many_groups_of_large_sums_are_added_exactly() -> None:
    numbers = np.random.default_rng(SEED)
    sums = np.rint(numbers.normal(0, 2.0**44, (3, 900)))
    sizes = numbers.integers(1, 9, (3, 900)).astype(float)
    means, observed = bootstrap_means(sums, sizes, SEED, 200)
    order = numbers.permutation(3)
    again, _ = bootstrap_means(sums[order], sizes[order], SEED, 200)
    assert (again == means[order]).all()
    counts = resample_counts(SEED, 900, 200).astype(float)
    expected = (counts @ sums.T / (counts @ sizes.T)).T
    np.testing.assert_allclose(means, expected, rtol=0, atol=2.0**44 * 1e-11)
    np.testing.assert_allclose(
        observed, sums.sum(1) / sizes.sum(1), atol=2.0**44 / 1e11
    )


def test_an_interval_covers_the_mean_as_often_as_it_says() -> None:
    """400 samples of 60 from a skewed distribution; at 95 % some 380 cover its mean."""
    numbers = np.random.default_rng(SEED)
    samples = numbers.exponential(1, (400, 60))
    deviations = samples - samples.mean(axis=1, keepdims=True)
    accelerations = (deviations**3).sum(1) / (6 * (deviations**2).sum(1) ** 1.5)
    sums = np.rint(samples * 2**40)
    ends = bca_intervals(sums, np.ones_like(sums), accelerations, SEED, 999) / 2**40
    covered = ((ends[:, 0] <= 1) & (ends[:, 1] >= 1)).sum()
    assert 362 <= covered <= 392


def test_bounds_of_looks_are_the_published_ones() -> None:
    """Five equal looks, two-sided 5 %, O'Brien-Fleming-like spending: the critical
    values of Lan and DeMets' programs (ldbounds prints 4.8769 3.3569 2.6803 2.2898
    2.0310).
    """
    limits = sequential_p_values((0.2, 0.4, 0.6, 0.8, 1.0), 0.05)
    bounds = stats.norm.isf(np.array(limits) / 2)
    np.testing.assert_allclose(
        bounds, [4.8769, 3.3569, 2.6803, 2.2898, 2.0310], atol=2e-4
    )
    assert sequential_p_values((1.0,), 0.05) == pytest.approx((0.05,))
    for wrong in ((), (0.5, 0.5), (0.5, 0.4), (0.0, 1.0), (0.5, 1.5)):
        with pytest.raises(ValueError, match="must rise"):
            sequential_p_values(wrong, 0.05)


def test_looking_often_finds_nothing_more_often_than_it_may() -> None:
    numbers = np.random.default_rng(SEED)
    shares = tuple(look / 10 for look in range(1, 11))
    steps = numbers.normal(0, math.sqrt(0.1), (40_000, 10))
    z = steps.cumsum(axis=1) / np.sqrt(shares)
    p_values = 2 * stats.norm.sf(abs(z))
    found = (p_values <= np.array(sequential_p_values(shares, 0.05))).any(axis=1)
    assert found.mean() == pytest.approx(0.05, abs=0.004)
    assert (p_values <= 0.05).any(axis=1).mean() > 0.15


def test_each_day_is_a_look_and_the_last_one_is_the_test_of_all(
    compiled: dict[str, str],
) -> None:
    numbers = np.random.default_rng(SEED)
    users = [f"u{number}" for number in range(300)]
    a = dict(zip(users, numbers.random(300).tolist(), strict=True))
    b = {user: value + numbers.normal(0.015, 0.1) for user, value in a.items()}
    days = {user: 1 + number % 4 for number, user in enumerate(users)}
    tables = {
        "evaluation.user_metrics": [
            *metric_rows({"a": a, "b": b}),
            *metric_rows({"a": a, "b": b}, split_name="unplanned"),
        ],
        "prepared.interactions": [
            {"tenant_id": "t", "interaction_id": f"{user} {part}", "user_id": user}
            for user in users
            for part in range(2)
        ],
        "evaluation.batches": [
            {
                "tenant_id": "t",
                "split_name": "time",
                "fold": 0,
                "interaction_id": f"{user} {part}",
                "day": days[user] if part else 1,
            }
            for user in users
            for part in range(2)
        ],
    }
    made = run_compiled(compiled, tables)
    looks = sorted(made["daily_comparisons"], key=lambda row: int(row["day"]))
    assert [row["day"] for row in looks] == [1, 2, 3, 4]
    assert {row["split_name"] for row in looks} == {"time"}
    limits = sequential_p_values((0.25, 0.5, 0.75, 1.0), 0.05)
    for row, limit in zip(looks, limits, strict=True):
        come = [user for user in users if days[user] <= row["day"]]
        expected = stats.ttest_rel([b[user] for user in come], [a[u] for u in come])
        assert row["user_count"] == len(come)
        assert row["p_value"] == close(expected.pvalue)
        assert row["p_value_limit"] == pytest.approx(limit, rel=1e-6)
        assert row["is_significant"] == (expected.pvalue <= limit)
        assert f"look {row['day']} of 4" in row["verdict"]
    whole = one(made["model_comparisons"], split_name="time")
    assert whole["p_value"] == looks[-1]["p_value"]
    assert whole["p_value_limit"] == looks[-1]["p_value_limit"] < 0.05
    assert whole["look_count"] == 4 and "look 4 of 4" in whole["verdict"]
    unplanned = one(made["model_comparisons"], split_name="unplanned")
    assert unplanned["p_value_limit"] == 0.05 and unplanned["look_count"] == 1
    assert "look" not in unplanned["verdict"]


def test_ratios_are_those_of_the_chi_square_test(compiled: dict[str, str]) -> None:
    counts = {"a": 520, "b": 400, "c": 80}
    tables = {
        "seeds.experiment_shares": [
            {"tenant_id": "t", "model": model, "planned_share": share}
            for model, share in (("a", 4.5), ("b", 4.5), ("c", 1.0))
        ],
        "evaluation.predictions": [
            {"tenant_id": "t", "model": model, "user_id": f"{model}{number}"}
            for model, count in counts.items()
            for number in range(count)
        ],
    }
    rows = run_compiled(compiled, tables)["sample_ratio_checks"]
    expected = stats.chisquare(list(counts.values()), [450, 450, 100])
    for row in rows:
        assert row["chi_square"] == close(expected.statistic)
        assert row["p_value"] == close(expected.pvalue)
        assert row["is_mismatch"]
    assert rows[0]["verdict"] == (
        "users are not divided as planned (p = 4e-05): 520 of 1,000 users, about 450 "
        "planned; do not trust what is compared"
    )


@pytest.mark.parametrize(
    ("shares", "problem"),
    [
        ([("a", 0.5), ("b", 0.0)], "the planned_share of b must be above 0"),
        ([("a", 0.5)], "a stands alone; an experiment has two models or more"),
    ],
)
def test_an_experiment_that_makes_no_sense_is_refused(
    compiled: dict[str, str], shares: list[tuple[str, float]], problem: str
) -> None:
    tables = {
        "seeds.experiment_shares": [
            {"tenant_id": "t", "model": model, "planned_share": share}
            for model, share in shares
        ],
        "evaluation.predictions": [{"tenant_id": "t", "model": "a", "user_id": "u"}],
    }
    sentence = f"Tenant t in seeds/experiment_shares.csv: {problem}."
    with pytest.raises(duckdb.Error, match=sentence):
        run_compiled(compiled, tables)


def ml_100k_values(folder: Path) -> dict[str, dict[str, dict[str, float]]]:
    """Metric -> model -> user -> value on u1 of ml-100k, of models as simple as can be:
    the mean of all ratings, of the user's and of the item's, and for hits the ten items
    that were rated most, and that were rated 4 or 5 most.
    """

    def ratings(name: str) -> list[tuple[str, str, float]]:
        lines = (folder / name).read_text("utf-8").splitlines()
        return [
            (user, item, float(rating))
            for user, item, rating, _ in (line.split("\t") for line in lines)
        ]

    train, test = ratings("u1.base"), ratings("u1.test")
    mean = sum(rating for *_, rating in train) / len(train)

    def means(place: int) -> Callable[[str], float]:
        of: dict[str, list[float]] = {}
        for row in train:
            of.setdefault(str(row[place]), []).append(row[2])
        return lambda key: sum(of[key]) / len(of[key]) if key in of else mean

    of_user, of_item = means(0), means(1)
    predictions: dict[str, Callable[[str, str], float]] = {
        "global_mean": lambda _user, _item: mean,
        "user_mean": lambda user, _item: of_user(user),
        "item_mean": lambda _user, item: of_item(item),
    }
    errors: dict[str, dict[str, list[float]]] = {}
    for model, predicted in predictions.items():
        for user, item, rating in test:
            of_model = errors.setdefault(model, {})
            of_model.setdefault(user, []).append(predicted(user, item) - rating)
    found: dict[str, dict[str, dict[str, float]]] = {
        "mae": {
            model: {user: float(np.abs(of).mean()) for user, of in of_model.items()}
            for model, of_model in errors.items()
        },
        "mse": {
            model: {
                user: float(np.square(row).mean()) for user, row in of_model.items()
            }
            for model, of_model in errors.items()
        },
    }
    found["rmse"] = {
        model: {user: math.sqrt(value) for user, value in of_model.items()}
        for model, of_model in found["mse"].items()
    }
    liked: dict[str, set[str]] = {}
    for user, item, rating in test:
        if rating >= 4:
            liked.setdefault(user, set()).add(item)
    seen: dict[str, set[str]] = {}
    for user, item, _ in train:
        seen.setdefault(user, set()).add(item)
    found["precision"] = {}
    for model, minimum in (("most_rated", 0.0), ("most_liked", 4.0)):
        counts: dict[str, int] = {}
        for _, item, rating in train:
            counts[item] = counts.get(item, 0) + (rating >= minimum)
        ranked = sorted(counts, key=lambda item: (-counts[item], item))
        found["precision"][model] = {
            user: len(
                items.intersection(
                    [item for item in ranked if item not in seen.get(user, ())][:10]
                )
            )
            / 10
            for user, items in liked.items()
        }
    return found


def test_real_differences_give_what_scipy_and_statsmodels_give(
    compare: Compare, real_data: Callable[[str], Path]
) -> None:
    found = ml_100k_values(real_data("ml-100k"))
    rows = compare(
        [
            row
            for metric, values in found.items()
            for row in metric_rows(
                values, metric=metric, k=10 if metric == "precision" else None
            )
        ]
    )
    assert len(rows) == 3 * 3 + 1
    for row in rows:
        a, b = paired(found[row["metric"]], row["model_a"], row["model_b"])
        expected = stats.ttest_rel(b, a)
        interval = expected.confidence_interval()
        assert row["user_count"] == len(a) > 400
        assert row["t_statistic"] == close(expected.statistic)
        assert row["p_value"] == close(expected.pvalue)
        assert row["interval_low"] == close(interval.low)
        assert row["interval_high"] == close(interval.high)
        # Tenths tie with the data's mean in exact arithmetic only: hence whole ones.
        scale = 10 if row["metric"] == "precision" else 1
        differences = b - a if scale == 1 else np.rint((b - a) * scale)
        low, high = scipys_bca(differences)
        assert row["bootstrap_low"] == close(low / scale)
        assert row["bootstrap_high"] == close(high / scale)
    shown, corrected, *_ = multipletests([row["p_value"] for row in rows], 0.05, "holm")
    for row, is_shown, p_value in zip(rows, shown, corrected, strict=True):
        assert row["p_value_holm"] == close(p_value)
        assert row["is_significant"] == is_shown
    best = one(rows, metric="rmse", model_a="global_mean", model_b="item_mean")
    assert best["verdict"].endswith("(lower is better), p < 0.001 after Holm")


def test_dbt_makes_the_tables_as_their_contracts_say(tmp_path: Path) -> None:
    here = make_settings(tmp_path)
    values = {"a": {"u": 0.5, "v": 1.0, "w": 0.25}, "b": {"u": 0.75, "v": 1.0}}
    write_tables(here.warehouse, {"evaluation.user_metrics": metric_rows(values)})
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert run_models(here) == []
    assert len(MODELS) == 8
    assert rows_of(
        here, "select model_a, model_b, user_count from evaluation.model_comparisons"
    ) == [("a", "b", 2)]
