"""Made tables for the tests of comparisons: what the models read, without the models
that would make it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from winnow.build.dbt import run_dbt
from winnow.core.settings import Settings
from winnow.warehouse.sql_functions import add_functions

MODELS = (
    *("comparison_settings", "user_days", "comparison_sums", "comparison_tests"),
    *("model_comparisons", "daily_comparisons", "sample_ratio_checks"),
    "business_metrics",
)

TABLES = {
    "prepared.tenants": "tenant_id varchar",
    "prepared.items": "tenant_id varchar, item_id varchar, price double",
    "prepared.interactions": (
        "tenant_id varchar, interaction_id varchar, user_id varchar, item_id varchar, "
        "event_type varchar, rating double, price double, quantity double, "
        "interacted_at timestamp"
    ),
    "training.split_assignments": (
        "tenant_id varchar, interaction_id varchar, user_id varchar, item_id varchar, "
        "event_type varchar, split_name varchar, split varchar, fold bigint, "
        "interacted_at timestamp"
    ),
    "evaluation.predictions": (
        "tenant_id varchar, model varchar, model_version varchar, user_id varchar, "
        "item_id varchar"
    ),
    "evaluation.rating_predictions": (
        "tenant_id varchar, interaction_id varchar, user_id varchar, item_id varchar, "
        "split_name varchar, model varchar, model_version varchar, fold bigint, "
        "rating double, predicted_rating double"
    ),
    "evaluation.recommendations": (
        "tenant_id varchar, user_id varchar, item_id varchar, split_name varchar, "
        "model varchar, model_version varchar, candidates varchar, fold bigint, "
        "rank bigint, score double"
    ),
    "evaluation.user_metrics": (
        "tenant_id varchar, user_id varchar, split_name varchar, model varchar, "
        "model_version varchar, candidates varchar, metric varchar, k bigint, "
        "fold bigint, value double"
    ),
    "evaluation.batches": (
        "tenant_id varchar, split_name varchar, fold bigint, interaction_id varchar, "
        "day bigint"
    ),
    "seeds.tenant_settings": (
        "tenant_id varchar, comparison_baseline varchar, "
        "conversion_event_type varchar, conversion_depth bigint, "
        "satisfaction_rating_minimum double"
    ),
    "seeds.experiment_shares": (
        "tenant_id varchar, model varchar, planned_share double"
    ),
}
"""The tables that the models read, with the columns that they read of them."""

STAR = {
    "tenant_id": "*",
    "conversion_event_type": "purchase",
    "conversion_depth": 10,
    "satisfaction_rating_minimum": 4.0,
}

Rows = Any
"""Rows as mappings, or an Arrow table."""


def write_tables(warehouse: Path, tables: Mapping[str, Rows]) -> None:
    """Create every table of a new warehouse, with the rows that are given for it."""
    warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(warehouse)) as connection:
        fill_tables(connection, tables)


def fill_tables(
    connection: duckdb.DuckDBPyConnection, tables: Mapping[str, Rows]
) -> None:
    """Create every table, with the rows that are given for it; a column that a row does
    not have is null. The row of ``*`` and the tenants come by themselves.
    """
    for name, columns in TABLES.items():
        schema, _ = name.split(".")
        connection.execute(f"create schema if not exists {schema}")
        connection.execute(f"create table {name} ({columns})")
        rows = tables.get(name, ())
        if not isinstance(rows, pa.Table):
            rows = list(rows)
            if name == "seeds.tenant_settings":
                rows = [STAR, *rows]
            if not rows:
                continue
            empty = dict.fromkeys(keys_of(rows))
            rows = pa.Table.from_pylist([empty | dict(row) for row in rows])
        connection.register("given", rows)
        connection.execute(f"insert into {name} by name select * from given")
    connection.execute(
        "insert into prepared.tenants "
        "select tenant_id from evaluation.user_metrics union "
        "select tenant_id from evaluation.predictions union "
        "select tenant_id from evaluation.recommendations union "
        "select tenant_id from prepared.interactions"
    )


def keys_of(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """The keys of all rows, each once."""
    return list(dict.fromkeys(key for row in rows for key in row))


def run_models(settings: Settings, models: Sequence[str] = MODELS) -> list[str]:
    """Let dbt make the models; what failed, in its words."""
    result = run_dbt(settings, ["run", "--select", *models])
    return [failure.message for failure in result.failures]


def metric_rows(
    values: Mapping[str, Mapping[str, float]],
    *,
    tenant: str = "t",
    metric: str = "ndcg",
    k: int | None = 10,
    candidates: str = "full",
    split_name: str = "time",
    fold: int = 0,
) -> list[dict[str, Any]]:
    """Rows of ``evaluation.user_metrics`` from model -> user -> value."""
    return [
        {
            "tenant_id": tenant,
            "user_id": user,
            "split_name": split_name,
            "model": model,
            "model_version": "",
            "candidates": candidates,
            "metric": metric,
            "k": k,
            "fold": fold,
            "value": value,
        }
        for model, of_users in values.items()
        for user, value in of_users.items()
    ]


COMPARED = (
    *("comparison_settings", "user_days", "comparison_sums", "comparison_tests"),
    *("model_comparisons", "daily_comparisons", "sample_ratio_checks"),
)


def compiled_models(settings: Settings, resamples: int) -> dict[str, str]:
    """The SQL of the models that compare, with that many resamples, in their order."""
    write_tables(settings.warehouse, {})
    result = run_dbt(
        settings,
        [
            *("compile", "--quiet", "--select", *COMPARED),
            *("--vars", f"bootstrap_resamples: {resamples}"),
        ],
    )
    assert result.succeeded, result.failures
    folder = settings.target / "compiled" / "winnow" / "models" / "evaluation"
    files = {file.stem: file for file in folder.rglob("*.sql")}
    return {model: files[model].read_text("utf-8") for model in COMPARED}


def run_compiled(
    compiled: Mapping[str, str],
    tables: Mapping[str, Rows],
    *,
    threads: int = 2,
    of: Sequence[str] = COMPARED,
) -> dict[str, list[dict[str, Any]]]:
    """Let DuckDB alone make the models, in memory: the rows of each, in order. Far
    faster than dbt, which starts up for each run.
    """
    with duckdb.connect(config={"threads": threads}) as connection:
        connection.execute("set TimeZone = 'UTC'; set preserve_insertion_order = false")
        add_functions(connection)
        fill_tables(connection, tables)
        made = {}
        for model in of:
            connection.execute(f"create table evaluation.{model} as {compiled[model]}")
            found = connection.execute(
                f"select * from evaluation.{model} order by all"
            ).to_arrow_table()
            made[model] = found.to_pylist()
        return made
