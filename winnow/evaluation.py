"""What the evaluation layer says: metrics of models, comparisons, sample ratios."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
from rich import box
from rich.console import Console
from rich.table import Table

from ingest.errors import InputError
from ingest.settings import Settings
from winnow.build import Stage, build
from winnow.warehouse import has_table, read_only

_MODEL = "{name} || case {version} when '' then '' else ' ' || {version} end"


@dataclass(frozen=True)
class Scope:
    """One tenant's split and fold, and what the lists in it were made from."""

    tenant_id: str
    split_name: str
    fold: int
    candidates: str | None

    @property
    def title(self) -> str:
        """The scope in words."""
        fold = f", fold {self.fold}" if self.fold else ""
        kind = "" if self.candidates in (None, "full") else f", {self.candidates}"
        return f"Tenant {self.tenant_id}, split {self.split_name}{fold}{kind}"


@dataclass(frozen=True)
class Finding:
    """A comparison of two models by one metric, in a sentence."""

    model_a: str
    model_b: str
    metric: str
    verdict: str
    is_significant: bool


@dataclass(frozen=True)
class Evaluation:
    """A scope's metrics (model -> metric -> value) and findings."""

    scope: Scope
    metrics: tuple[str, ...]
    values: dict[str, dict[str, float]]
    findings: tuple[Finding, ...]


@dataclass(frozen=True)
class Evaluations:
    """All that was asked for, and the sample-ratio checks that failed, in sentences."""

    scopes: tuple[Evaluation, ...]
    mismatches: tuple[str, ...]


def build_evaluation(settings: Settings, stage: Stage | None = None) -> None:
    """Gate the raw tables, then make and test the evaluation layer anew, with the
    predictions that were loaded since; nothing is published.

    Raises InputError where nothing was built yet, and what ``winnow.build.build`` does.
    """
    if not _was_built(settings.warehouse):
        raise InputError(
            "Nothing has been built yet: load some data, then `winnow build`."
        )
    build(settings, ["+prediction_records", "path:models/evaluation"], stage)


def evaluations(
    warehouse: Path,
    *,
    tenant: str | None = None,
    split_name: str | None = None,
    k: int | None = None,
) -> Evaluations:
    """What is stored for one tenant or all, one split or each tenant's first, and lists
    of one length or all of them.

    Raises InputError for a tenant, split or k that nothing was evaluated for.
    """
    with read_only(warehouse) as connection:
        if not has_table(connection, "evaluation", "model_metrics"):
            raise InputError("Nothing has been evaluated yet: `winnow evaluate`.")
        _check(connection, tenant, split_name, k)
        where = [tenant, tenant, split_name, split_name, k, k]
        scopes: dict[Scope, Evaluation] = {}
        values: dict[Scope, dict[str, dict[str, float]]] = {}
        for *of, model, metric, value in connection.execute(
            _selected(
                "split_name, fold, candidates, "
                f"{_MODEL.format(name='model', version='model_version')}, "
                f"{_METRIC}, value",
                "evaluation.model_metrics",
                "segment_kind = 'all'",
            ),
            where,
        ).fetchall():
            values.setdefault(Scope(*of), {}).setdefault(model, {})[metric] = value
        findings: dict[Scope, list[Finding]] = {}
        for *of, model_a, model_b, metric, verdict, shown in connection.execute(
            _selected(
                "split_name, fold, candidates, "
                f"{_MODEL.format(name='model_a', version='model_version_a')}, "
                f"{_MODEL.format(name='model_b', version='model_version_b')}, "
                f"{_METRIC}, verdict, is_significant",
                "evaluation.model_comparisons",
                "true",
            ),
            where,
        ).fetchall():
            finding = Finding(model_a, model_b, metric, verdict, shown)
            findings.setdefault(Scope(*of), []).append(finding)
        for scope in sorted({*values, *findings}, key=str):
            of_models = values.get(scope, {})
            names = {name: None for found in of_models.values() for name in found}
            scopes[scope] = Evaluation(
                scope,
                tuple(sorted(names, key=_metric_order)),
                of_models,
                tuple(findings.get(scope, ())),
            )
        mismatches = connection.execute(
            "select 'Tenant ' || tenant_id || ', ' || model || ': ' || verdict "
            "from evaluation.sample_ratio_checks "
            "where is_mismatch and (? is null or tenant_id = ?) "
            "order by tenant_id, model",
            [tenant, tenant],
        ).fetchall()
    return Evaluations(tuple(scopes.values()), tuple(row[0] for row in mismatches))


def print_evaluations(found: Evaluations, console: Console) -> None:
    """Print, for each scope, its models x metrics and the verdicts."""
    if not found.scopes:
        console.print("No model has been evaluated: there are no predictions yet.")
    for one in found.scopes:
        if one.metrics:
            table = _new_table(one.scope.title)
            table.add_column("model", overflow="fold")
            for metric in one.metrics:
                table.add_column(metric, justify="right", no_wrap=True)
            for model, values in one.values.items():
                cells = [_shown(values.get(metric)) for metric in one.metrics]
                table.add_row(model, *cells)
            console.width = max(console.width, 30 + 14 * len(one.metrics))
            console.print(table)
        if one.findings:
            table = _new_table("Comparisons" if one.metrics else one.scope.title)
            for heading in ("A", "B", "metric", "verdict"):
                table.add_column(heading, overflow="fold")
            for finding in one.findings:
                style = "bold" if finding.is_significant else ""
                table.add_row(
                    finding.model_a,
                    finding.model_b,
                    finding.metric,
                    finding.verdict,
                    style=style,
                )
            console.width = max(console.width, 140)
            console.print(table)
    for mismatch in found.mismatches:
        console.print(f"Warning: {mismatch}.", soft_wrap=True)


_METRIC = "metric || coalesce('@' || k, '')"


def _selected(columns: str, table: str, condition: str) -> str:
    """A query of a table of the layer, of the first split where none is named."""
    return f"""
        select tenant_id, {columns} from {table} as found
        where {condition}
            and (? is null or tenant_id = ?)
            and (
                split_name = ?
                or ? is null and split_name in (
                    select splits.split_name from prepared.splits as splits
                    where splits.tenant_id = found.tenant_id and splits.is_first_split
                )
            )
            and (? is null or k is null or k = ?)
        order by all
    """


def _check(
    connection: duckdb.DuckDBPyConnection,
    tenant: str | None,
    split_name: str | None,
    k: int | None,
) -> None:
    chosen: list[tuple[str, str, str | int]] = [
        (what, column, value)
        for what, column, value in (
            ("tenant", "tenant_id", tenant),
            ("split", "split_name", split_name),
            ("k", "k", k),
        )
        if value is not None
    ]
    conditions: list[str] = []
    values: list[Any] = []
    for what, column, value in chosen:
        known = [
            str(row[0])
            for row in connection.execute(
                f"select distinct {column} from evaluation.model_metrics "
                f"where {' and '.join([f'{column} is not null', *conditions])} "
                "order by all",
                values,
            ).fetchall()
        ]
        if str(value) not in known:
            there = f"there are {', '.join(known)}" if known else "there is none yet"
            raise InputError(f"Nothing was evaluated for {what} {value}; {there}.")
        conditions.append(f"{column} = ?")
        values.append(value)


def _was_built(warehouse: Path) -> bool:
    if not warehouse.exists():
        return False
    with read_only(warehouse) as connection:
        return has_table(connection, "training", "split_assignments")


def _new_table(title: str) -> Table:
    return Table(title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def _metric_order(name: str) -> tuple[str, int]:
    metric, _, k = name.partition("@")
    return metric, int(k or 0)
