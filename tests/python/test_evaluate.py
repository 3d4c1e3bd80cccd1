"""``winnow evaluate``: the table of metrics and the verdicts, and what it says where
there is nothing to say.
"""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import duckdb
import pytest
from comparing import metric_rows, run_models, write_tables
from conftest import Command, make_settings
from rich.console import Console

from winnow.build.prediction_warnings import load_warnings
from winnow.core.errors import InputError
from winnow.core.settings import Settings
from winnow.evaluation import results as evaluation
from winnow.evaluation.results import (
    evaluations,
    print_evaluations,
    write_csv,
    write_json,
)

NAME = "[red]very long[/x] name\x1b]0;t\x07 of a model"
"""A name that is markup, and sends a title to a terminal."""


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse with two tenants that were evaluated: `t` has two models of its own
    and three baselines.
    """
    settings = make_settings(tmp_path_factory.mktemp("evaluated"))

    def users(first: float, spread: int) -> dict[str, float]:
        return {f"u{number}": first + number % spread / 100 for number in range(30)}

    clear = {
        "als": users(0.5, 7),
        NAME: users(0.4, 3),
        "popular": users(0.1, 5),
        "recent": users(0.2, 4),
    }
    ratings = {"als": users(0.5, 7), "mean": users(0.9, 4)}
    write_tables(
        settings.warehouse,
        {
            "evaluation.user_metrics": [
                *(
                    row
                    for k in (5, 10, 20)
                    for metric in ("ndcg", "popularity_bias", "recall")
                    for row in metric_rows(clear, k=k, metric=metric)
                ),
                *metric_rows(ratings, metric="rmse", k=None),
                *metric_rows(clear, k=5, split_name="last_out"),
                *metric_rows(clear, tenant="other"),
            ],
            "evaluation.predictions": [
                {"tenant_id": "t", "model": "als", "user_id": f"u{number}"}
                for number in range(40)
            ],
            "seeds.experiment_shares": [
                {"tenant_id": "t", "model": model, "planned_share": 1.0}
                for model in ("als", "popular")
            ],
        },
    )
    assert run_models(settings) == []
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(
            """
            create table prepared.splits as
            select
                tenant_id,
                unnest(['time', 'last_out', 'unused']) as split_name,
                unnest([true, false, false]) as is_first_split
            from prepared.tenants;
            create table evaluation.metric_settings as
            select tenant_id, [5, 10, 20] as ks from prepared.tenants;
            create table evaluation.baseline_runs as
            select tenant_id, unnest(['popular', 'recent', 'mean']) as model
            from prepared.tenants;
            create table evaluation.repeat_consumption as
            select
                't' as tenant_id, 'time' as split_name, 0 as fold,
                40 as test_item_count, 20 as seen_item_count, 8 as test_user_count,
                2 as unjudged_user_count, false as recommend_seen_items;
            create table evaluation.prediction_warnings as
            select
                't' as tenant_id, 'als' as model, '' as model_version,
                'no_tested_user' as warning,
                'none of its 299 users has test data; do the ids match? '
                || '''1'' against ''u2585''' as message,
                299 as affected_count, 299 as checked_count;
            create table evaluation.model_metrics as
            select
                tenant_id, split_name, model, model_version, candidates, metric,
                'all' as segment_kind, 'all' as segment, k, fold,
                count(*) as user_count, avg(value) as value
            from evaluation.user_metrics
            group by all
            union all
            select
                't', 'time', 'als', '', 'full', 'ndcg', 'activity', 'low', 10, 0, 1, 0.9
            """
        )
    return settings


def said(
    settings: Settings, *, width: int = 80, everything: bool = False, **filters: Any
) -> str:
    text = io.StringIO()
    console = Console(width=width, file=text)
    found = evaluations(settings.warehouse, **filters)
    print_evaluations(found, console, everything=everything)
    return text.getvalue()


def flat(text: str) -> str:
    """The text on one line, with single blanks."""
    return " ".join(text.split())


def test_own_models_stand_beside_the_best_baseline_at_one_k(
    evaluated: Settings,
) -> None:
    text = said(evaluated, tenant="t")
    assert "Tenant t, split time" in text and "Tenant other" not in text
    assert "last_out" not in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    # Of all users: what a segment has is left out. The best baselines of each kind.
    assert any(line.startswith("ndcg@10 0.4100 0.5283") for line in lines)
    assert any(line.startswith("rmse - 0.5283") for line in lines)
    assert "and popular" not in text and "@5" not in text and "@20" not in text
    assert "recent is the best baseline by ndcg@10." in flat(text)
    assert "mean is the best baseline by rmse." in flat(text)
    assert "k is 10; others are 5, 20 (--k, --all)." in flat(text)
    assert "als and recent" in lines and "a model and als" not in text
    assert "als better" in flat(text) and "rmse (lower is better)" in flat(text)


def test_the_rule_for_seen_items_and_warnings_stand_below_the_metrics(
    evaluated: Settings,
) -> None:
    text = flat(said(evaluated, tenant="t"))
    assert (
        "Items that users had seen in train are neither recommended nor relevant: 20 "
        "of 40 test items (50%). 2 of 8 users have no others and are not judged. Where "
        "users are to get the same again, set recommend_seen_items in "
        "seeds/tenant_settings.csv."
    ) in text
    assert (
        "Warning: Tenant t, popular: users are not divided as planned (p < 0.000001): "
        "0 of 40 users, about 20 planned; do not trust what is compared."
    ) in text
    assert (
        "Warning: Tenant t, als: none of its 299 users has test data; do the ids "
        "match? '1' against 'u2585'."
    ) in text
    assert "299 users" not in said(evaluated, tenant="other")


@pytest.mark.parametrize("everything", [False, True])
@pytest.mark.parametrize("width", [60, 80, 120])
def test_every_line_fits_the_width_and_names_are_text(
    evaluated: Settings, width: int, everything: bool
) -> None:
    text = said(evaluated, width=width, everything=everything)
    assert max(map(len, text.splitlines())) <= width
    assert "\x1b" not in text and "\x07" not in text
    shown = NAME.replace("\x1b", r"\x1b").replace("\x07", r"\x07")
    assert f"{shown} and recent" in flat(text)


def test_all_prints_every_k_and_every_baseline(evaluated: Settings) -> None:
    text = said(evaluated, tenant="t", everything=True)
    for label in ("ndcg@5", "ndcg@10", "ndcg@20", "recall@20", "rmse"):
        assert label in text
    assert "popular" in text and "als and popular" in text
    assert "best baseline" not in text and "a model and als" in text


def test_a_split_and_a_length_can_be_chosen(evaluated: Settings) -> None:
    assert "ndcg@5" in said(evaluated, split_name="last_out")
    everyone = said(evaluated)
    assert "Tenant other" in everyone and "Tenant t" in everyone
    chosen = said(evaluated, k=20)
    assert "ndcg@20" in chosen and "ndcg@10" not in chosen


def test_json_and_csv_have_every_value(evaluated: Settings) -> None:
    found = evaluations(evaluated.warehouse, tenant="t")
    text = io.StringIO()
    write_json(found, text)
    document = json.loads(text.getvalue())
    assert set(document) == {
        *("metrics", "comparisons", "repeats", "warnings", "mismatches")
    }
    (row,) = (
        row
        for row in document["metrics"]
        if (row["model"], row["metric"], row["k"]) == (NAME, "ndcg", 20)
    )
    assert row["value"] == pytest.approx(0.41) and row["user_count"] == 30
    assert row["is_baseline"] is False
    assert document["warnings"][0]["warning"] == "no_tested_user"
    assert document["repeats"][0]["seen_item_count"] == 20
    assert {row["k"] for row in document["comparisons"]} == {5, 10, 20, None}
    text = io.StringIO()
    write_csv(found, text)
    rows = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert len(rows) == len(document["metrics"]) == 4 * 9 + 2
    assert {row["is_baseline"] for row in rows} == {"true", "false"}
    assert {row["k"] for row in rows} == {"", "5", "10", "20"}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (
            ("--tenant", "who"),
            "There is no tenant who to evaluate; there are other, t.",
        ),
        (
            ("--split", "who"),
            "There is no split who to evaluate; there are last_out, time.",
        ),
        (
            ("--split", "unused"),
            "There is no split unused to evaluate; there are last_out, time.",
        ),
        (
            ("--k", "7"),
            "There is no k 7 to evaluate; there are 5, 10, 20 (metric_ks in "
            "seeds/tenant_settings.csv says which are made).",
        ),
        (("--json", "--csv"), "Either --json or --csv: both would be printed at once."),
    ],
)
def test_what_cannot_be_evaluated_is_told_before_anything_is_built(
    evaluated: Settings,
    winnow: Command,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    sentence: str,
) -> None:
    monkeypatch.setenv("WINNOW_WAREHOUSE", str(evaluated.warehouse))
    monkeypatch.setattr(evaluation, "build", lambda *_: pytest.fail("it is built"))
    status, out, error = winnow("evaluate", *arguments)
    assert (status, out, error) == (2, "", f"winnow: {sentence}\n")


@pytest.mark.parametrize("option", ["--json", "--csv"])
def test_nothing_but_the_document_is_on_stdout(
    evaluated: Settings, winnow: Command, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.setenv("WINNOW_WAREHOUSE", str(evaluated.warehouse))
    monkeypatch.setattr(evaluation, "build", lambda *_: None)
    status, out, _ = winnow("evaluate", option, "--tenant", "t")
    assert status == 0
    if option == "--json":
        assert json.loads(out)["metrics"]
    else:
        assert out.splitlines()[0].startswith("tenant_id,split_name,fold,candidates,")


@pytest.mark.parametrize(
    ("filters", "sentence"),
    [
        (
            {"tenant": "who"},
            "Nothing was evaluated for tenant who; there are other, t.",
        ),
        (
            {"tenant": "other", "split_name": "last_out"},
            "Nothing was evaluated for split last_out; there are time.",
        ),
        ({"k": 7}, "Nothing was evaluated for k 7; there are 5, 10, 20."),
    ],
)
def test_what_was_not_evaluated_is_named(
    evaluated: Settings, filters: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(InputError) as error:
        evaluations(evaluated.warehouse, **filters)
    assert str(error.value) == sentence


def test_without_a_build_it_says_what_to_do(winnow: Command) -> None:
    status, _, error = winnow("evaluate")
    assert status == 2
    assert error == (
        "winnow: Nothing has been built yet: load some data, then `winnow build`.\n"
    )


def test_a_load_says_which_models_are_of_ids_that_the_last_build_does_not_have(
    tmp_path: Path,
) -> None:
    warehouse = tmp_path / "w.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            """
            create schema raw;
            create schema prepared;
            create table raw.canonical_predictions as
            select
                't' as tenant_id, 'l' as load_id, 'right' as model,
                null::varchar as model_version, ' u' || n || ' ' as user_id,
                'i' || n as item_id
            from range(30) as numbers (n)
            union all
            select 't', 'l', 'ids', '2', n::varchar, 'i' || n || '.0'
            from range(299) as numbers (n)
            union all
            select 't', 'l', 'some', '', 'u' || n, 'i1'
            from range(25, 35) as numbers (n)
            union all
            select 't', 'earlier', 'before', '', 'nobody', 'nothing';
            create table prepared.users as
            select 't' as tenant_id, 'u' || n as user_id from range(30) as numbers (n);
            create table prepared.items as
            select 't' as tenant_id, 'i' || n as item_id from range(30) as numbers (n);
            """
        )
    assert load_warnings(warehouse, "t", "l") == (
        "Tenant t, ids 2: none of its 299 users is in the last build; do the ids "
        "match? '0' against 'u0'.",
        "Tenant t, some: 5 of its 10 users are not in the last build; do the ids "
        "match? 'u30' against 'u0'.",
        "Tenant t, ids 2: none of its 299 items is in the last build; do the ids "
        "match? 'i0.0' against 'i0'.",
    )
    assert load_warnings(warehouse, "unbuilt", "l") == ()
