"""``winnow evaluate``: the table of metrics and the verdicts, and what it says where
there is nothing to say.
"""

from __future__ import annotations

import io
from typing import Any

import duckdb
import pytest
from comparing import metric_rows, run_models, write_tables
from conftest import Command, make_settings
from rich.console import Console

from ingest.errors import InputError
from ingest.settings import Settings
from winnow.evaluation import evaluations, print_evaluations


@pytest.fixture(scope="module")
def evaluated(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse with two tenants that were evaluated."""
    settings = make_settings(tmp_path_factory.mktemp("evaluated"))
    clear = {
        "als": {f"u{number}": 0.5 + number % 7 / 100 for number in range(30)},
        "pop": {f"u{number}": 0.1 + number % 5 / 100 for number in range(30)},
    }
    write_tables(
        settings.warehouse,
        {
            "evaluation.user_metrics": [
                *metric_rows(clear),
                *metric_rows(clear, metric="rmse", k=None),
                *metric_rows(clear, k=5, split_name="last_out"),
                *metric_rows(clear, tenant="other"),
            ],
            "evaluation.predictions": [
                {"tenant_id": "t", "model": "als", "user_id": f"u{number}"}
                for number in range(40)
            ],
            "seeds.experiment_shares": [
                {"tenant_id": "t", "model": model, "planned_share": 1.0}
                for model in ("als", "pop")
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
                unnest(['time', 'last_out']) as split_name,
                unnest([true, false]) as is_first_split
            from prepared.tenants;
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


def said(settings: Settings, **filters: Any) -> str:
    text = io.StringIO()
    console = Console(width=160, file=text)
    print_evaluations(evaluations(settings.warehouse, **filters), console)
    return text.getvalue()


def test_it_prints_models_by_metrics_and_who_is_better(evaluated: Settings) -> None:
    text = said(evaluated, tenant="t")
    assert "Tenant t, split time" in text and "other" not in text
    assert "last_out" not in text
    lines = [" ".join(line.split()) for line in text.splitlines()]
    assert "model ndcg@10 rmse" in lines
    # Of all users: what a segment has is left out.
    assert "als 0.5283 0.5283" in lines
    assert any(
        line.startswith("als pop ndcg@10 als better, +")
        and line.endswith("% ndcg@10, p < 0.001 after Holm")
        for line in lines
    )
    assert any("pop better" in line and "rmse (lower is" in line for line in lines)
    assert (
        "Warning: Tenant t, pop: users are not divided as planned (p < 0.000001): 0 of "
        "40 users, about 20 planned; do not trust what is compared." in text
    )


def test_a_split_and_a_length_can_be_chosen(evaluated: Settings) -> None:
    assert "ndcg@5" in said(evaluated, split_name="last_out")
    everyone = said(evaluated)
    assert "Tenant other" in everyone and "Tenant t" in everyone
    assert "ndcg@10" in said(evaluated, k=10)


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
        ({"k": 7}, "Nothing was evaluated for k 7; there are 5, 10."),
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
