"""What the evaluation layer says: metrics of models, comparisons, sample ratios."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import IO, Any

import duckdb
from rich import box
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from winnow.build.build import Stage, build
from winnow.build.prediction_warnings import PredictionWarning, prediction_warnings
from winnow.core.errors import InputError
from winnow.core.settings import Settings
from winnow.core.visible_text import shown
from winnow.warehouse.reading import has_table, read_only

_MAIN_METRICS = {"ndcg": max, "rmse": min}
"""By which the best baseline is told, of lists and of ratings."""
_METRIC_WIDTH = 21
_MODEL_WIDTH = 14


@dataclass(frozen=True, order=True)
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
        return shown(f"Tenant {self.tenant_id}, split {self.split_name}{fold}{kind}")


@dataclass(frozen=True, order=True)
class Model:
    """A model with its version, which is empty where there is only one."""

    model: str
    model_version: str

    @property
    def name(self) -> str:
        """Both in one text."""
        return shown(f"{self.model} {self.model_version}".rstrip())


@dataclass(frozen=True)
class Value:
    """A metric of a model over all users of a scope. ``k`` is None for ratings."""

    model: Model
    is_baseline: bool
    metric: str
    k: int | None
    value: float
    user_count: int

    @property
    def label(self) -> str:
        """The metric with its k."""
        return self.metric if self.k is None else f"{self.metric}@{self.k}"


@dataclass(frozen=True)
class Finding:
    """A comparison of two models by one metric, in a sentence."""

    model_a: Model
    model_b: Model
    metric: str
    k: int | None
    verdict: str
    is_significant: bool

    @property
    def label(self) -> str:
        """The metric with its k."""
        return self.metric if self.k is None else f"{self.metric}@{self.k}"


@dataclass(frozen=True)
class Repeats:
    """How many pairs of a user and a test item the user had seen by the end of train,
    and what is done with them.
    """

    test_item_count: int
    seen_item_count: int
    test_user_count: int
    unjudged_user_count: int
    recommend_seen_items: bool

    @property
    def sentence(self) -> str:
        """The rule that the metrics are made by, with its effect."""
        seen, items = self.seen_item_count, self.test_item_count
        share = f"{seen:,} of {items:,} test items ({seen / max(items, 1):.0%})"
        if self.recommend_seen_items:
            return (
                "Items that users had seen in train may be recommended and are "
                f"relevant (recommend_seen_items): {share}."
            )
        rule = "Items that users had seen in train are neither recommended nor relevant"
        if not seen:
            return f"{rule}."
        users = self.unjudged_user_count
        judged = (
            f" {users:,} of {self.test_user_count:,} users have no others and are not "
            "judged."
            if users
            else ""
        )
        return (
            f"{rule}: {share}.{judged} Where users are to get the same again, set "
            "recommend_seen_items in seeds/tenant_settings.csv."
        )


@dataclass(frozen=True)
class Evaluation:
    """A scope's values, findings, and what its users had seen before (None where no
    list is judged).
    """

    scope: Scope
    values: tuple[Value, ...]
    findings: tuple[Finding, ...]
    repeats: Repeats | None


@dataclass(frozen=True)
class Evaluations:
    """All that was asked for, the sample-ratio checks that failed, in sentences, and
    why loaded models may look worse than they are.
    """

    scopes: tuple[Evaluation, ...]
    mismatches: tuple[str, ...]
    warnings: tuple[PredictionWarning, ...]


def build_evaluation(settings: Settings, stage: Stage | None = None) -> None:
    """Judge the loads, then make and test the evaluation layer anew, with the
    predictions that were loaded since; nothing is published.

    Raises InputError where nothing was built yet, and what a build raises.
    """
    _require_build(settings.warehouse)
    build(
        settings,
        ["config.meta.build_layer:evaluation", "path:models/evaluation"],
        stage,
    )


def check_request(
    warehouse: Path,
    *,
    tenant: str | None = None,
    split_name: str | None = None,
    k: int | None = None,
) -> None:
    """Check, before anything is built, that what is asked for can be evaluated: the
    tenant has been built, has the split, and its metrics are made for k.

    Raises InputError with what there is.
    """
    _require_build(warehouse)
    with read_only(warehouse) as connection:
        if not has_table(connection, "prepared", "splits"):
            return
        of_tenant = "(? is null or tenant_id = ?)"
        _require(
            "tenant",
            tenant,
            connection.execute("select tenant_id from prepared.splits").fetchall(),
        )
        _require(
            "split",
            split_name,
            connection.execute(
                f"select split_name from ({_evaluated_splits(connection)}) "
                f"where {of_tenant}",
                [tenant, tenant],
            ).fetchall(),
        )
        if has_table(connection, "evaluation", "metric_settings"):
            _require(
                "k",
                k,
                connection.execute(
                    f"select unnest(ks) from evaluation.metric_settings "
                    f"where {of_tenant}",
                    [tenant, tenant],
                ).fetchall(),
                "metric_ks in seeds/tenant_settings.csv says which are made",
            )


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
        baselines = _baselines(connection)
        values: dict[Scope, list[Value]] = {}
        for *of, model, version, metric, length, value, users in connection.execute(
            _selected(
                "split_name, fold, candidates, model, model_version, metric, k, value, "
                "user_count",
                "evaluation.model_metrics",
                "segment_kind = 'all'",
            ),
            where,
        ).fetchall():
            scope = Scope(*of)
            is_baseline = not version and (scope.tenant_id, model) in baselines
            values.setdefault(scope, []).append(
                Value(Model(model, version), is_baseline, metric, length, value, users)
            )
        findings: dict[Scope, list[Finding]] = {}
        for (
            *of,
            a,
            version_a,
            b,
            version_b,
            metric,
            length,
            verdict,
            shown,
        ) in connection.execute(
            _selected(
                "split_name, fold, candidates, model_a, model_version_a, model_b, "
                "model_version_b, metric, k, verdict, is_significant",
                "evaluation.model_comparisons",
                "true",
            ),
            where,
        ).fetchall():
            models = Model(a, version_a), Model(b, version_b)
            finding = Finding(*models, metric, length, verdict, shown)
            findings.setdefault(Scope(*of), []).append(finding)
        repeats = _repeats(connection)
        scopes = tuple(
            Evaluation(
                scope,
                tuple(values.get(scope, ())),
                tuple(findings.get(scope, ())),
                repeats.get((scope.tenant_id, scope.split_name, scope.fold)),
            )
            for scope in sorted({*values, *findings}, key=str)
        )
        mismatches = connection.execute(
            "select 'Tenant ' || tenant_id || ', ' || model || ': ' || verdict "
            "from evaluation.sample_ratio_checks "
            "where is_mismatch and (? is null or tenant_id = ?) "
            "order by tenant_id, model",
            [tenant, tenant],
        ).fetchall()
        warnings = prediction_warnings(connection, tenant)
    return Evaluations(scopes, tuple(row[0] for row in mismatches), warnings)


def print_evaluations(
    results: Evaluations, console: Console, *, everything: bool = False
) -> None:
    """Print a table for each scope, metrics down and models across, within the width of
    the console: own models and the best baseline at one k, or ``everything``.
    """
    if not results.scopes:
        console.print("No model has been evaluated: there are no predictions yet.")
    for evaluation in results.scopes:
        _print_scope(evaluation, console, everything=everything)
    for mismatch in results.mismatches:
        console.print(Text(f"Warning: {shown(mismatch)}."))
    for warning in results.warnings:
        console.print(Text(f"Warning: {warning.sentence}"))


def write_json(results: Evaluations, file: IO[str]) -> None:
    """Write all of it as one JSON object: ``metrics``, ``comparisons``, ``repeats``,
    ``warnings`` and ``mismatches`` (docs/evaluation.md names their keys).
    """
    document = {
        "metrics": list(_metric_rows(results)),
        "comparisons": [
            {
                **asdict(evaluation.scope),
                "model_a": finding.model_a.model,
                "model_version_a": finding.model_a.model_version,
                "model_b": finding.model_b.model,
                "model_version_b": finding.model_b.model_version,
                "metric": finding.metric,
                "k": finding.k,
                "verdict": finding.verdict,
                "is_significant": finding.is_significant,
            }
            for evaluation in results.scopes
            for finding in evaluation.findings
        ],
        "repeats": [
            {**asdict(evaluation.scope), **asdict(evaluation.repeats)}
            for evaluation in results.scopes
            if evaluation.repeats is not None
        ],
        "warnings": [asdict(warning) for warning in results.warnings],
        "mismatches": list(results.mismatches),
    }
    json.dump(document, file, indent=2, ensure_ascii=False)
    file.write("\n")


def write_csv(results: Evaluations, file: IO[str]) -> None:
    """Write the metrics as CSV with a header, a row for each model, metric and k."""
    columns = [*Scope.__dataclass_fields__, "model", "model_version", "is_baseline"]
    columns += ["metric", "k", "value", "user_count"]
    writer = csv.DictWriter(file, columns, lineterminator="\n")
    writer.writeheader()
    for row in _metric_rows(results):
        writer.writerow(row | {"is_baseline": str(row["is_baseline"]).lower()})


def _metric_rows(results: Evaluations) -> Iterable[dict[str, Any]]:
    for evaluation in results.scopes:
        for value in evaluation.values:
            yield {
                **asdict(evaluation.scope),
                "model": value.model.model,
                "model_version": value.model.model_version,
                "is_baseline": value.is_baseline,
                "metric": value.metric,
                "k": value.k,
                "value": value.value,
                "user_count": value.user_count,
            }


def _print_scope(evaluation: Evaluation, console: Console, *, everything: bool) -> None:
    lengths = sorted({value.k for value in evaluation.values if value.k is not None})
    lengths = lengths or sorted({f.k for f in evaluation.findings if f.k is not None})
    k = None if everything or not lengths else lengths[(len(lengths) - 1) // 2]
    values = [
        value for value in evaluation.values if everything or value.k in (k, None)
    ]
    own = sorted({value.model for value in values if not value.is_baseline})
    baselines = sorted({value.model for value in values if value.is_baseline})
    best = _best_baselines(values)
    beside = baselines if everything or not own else sorted(set(best.values()))
    console.print(Text(evaluation.scope.title, style="bold"))
    if values:
        for table in _tables(values, [*own, *beside], console.width):
            console.print(table)
        for sentence in _legend(
            evaluation, lengths, k, own, best, everything=everything
        ):
            console.print(Text(sentence))
        console.print()
    findings = list(evaluation.findings)
    if evaluation.values and not everything:
        pairs = _shown_pairs(own, beside)
        findings = [
            finding
            for finding in findings
            if finding.k in (k, None) and {finding.model_a, finding.model_b} in pairs
        ]
    for pair in dict.fromkeys((f.model_a, f.model_b) for f in findings):
        console.print(Text(f"{pair[0].name} and {pair[1].name}"))
        table = Table(box=None, show_header=False, pad_edge=False)
        table.add_column(no_wrap=True)
        table.add_column(overflow="fold")
        for finding in findings:
            if (finding.model_a, finding.model_b) == pair:
                style = "bold" if finding.is_significant else ""
                cells = finding.label, shown(finding.verdict)
                table.add_row(*(Text(cell, style=style) for cell in cells))
        console.print(Padding(table, (0, 0, 1, 2)))


def _shown_pairs(own: Sequence[Model], baselines: Sequence[Model]) -> list[set[Model]]:
    """The pairs that are compared without ``--all``: own models with baselines, and
    with one another only where there are no baselines; baselines where nothing is own.
    """
    if own and baselines:
        return [{model, other} for model in own for other in baselines]
    return [set(pair) for pair in combinations([*own, *baselines], 2)]


def _tables(
    values: Sequence[Value], models: Sequence[Model], width: int
) -> Iterable[Table]:
    """Tables of metrics down and models across, as many models each as fit."""
    cells = {(value.label, value.model): value.value for value in values}
    labels = sorted({value.label for value in values}, key=_metric_order)
    for across in _fitting(models, width - _METRIC_WIDTH):
        table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
        table.add_column("metric", no_wrap=True)
        for model in across:
            heading = Text(model.name, overflow="fold")
            table.add_column(
                heading, justify="right", overflow="fold", max_width=_MODEL_WIDTH
            )
        for label in labels:
            row = [cells.get((label, model)) for model in across]
            if any(value is not None for value in row):
                table.add_row(label, *(_shown(value) for value in row))
        yield table


def _fitting(models: Sequence[Model], width: int) -> list[list[Model]]:
    """The models in parts of which each fits beside the metrics' names."""
    parts: list[list[Model]] = [[]]
    left = width
    for model in models:
        needed = min(max(len(model.name), len("-0.0000")), _MODEL_WIDTH) + 3
        if needed > left and parts[-1]:
            parts.append([])
            left = width
        parts[-1].append(model)
        left -= needed
    return parts


def _best_baselines(values: Sequence[Value]) -> dict[str, Model]:
    """The best baseline by each main metric, by its largest k."""
    best: dict[str, Model] = {}
    for metric, of_all in _MAIN_METRICS.items():
        judged = [v for v in values if v.is_baseline and v.metric == metric]
        if judged:
            k = max(value.k or 0 for value in judged)
            judged = [value for value in judged if (value.k or 0) == k]
            best[metric] = of_all(judged, key=lambda value: value.value).model
    return best


def _legend(
    evaluation: Evaluation,
    lengths: Sequence[int],
    k: int | None,
    own: Sequence[Model],
    best: dict[str, Model],
    *,
    everything: bool,
) -> Iterable[str]:
    if not everything:
        if own:
            for metric, model in best.items():
                label = metric if metric == "rmse" else f"{metric}@{k}"
                yield f"{model.name} is the best baseline by {label}."
        others = [str(length) for length in lengths if length != k]
        if others:
            yield f"k is {k}; others are {', '.join(others)} (--k, --all)."
    if evaluation.repeats is not None:
        yield evaluation.repeats.sentence


_REPEATS = tuple(Repeats.__dataclass_fields__)


def _repeats(
    connection: duckdb.DuckDBPyConnection,
) -> dict[tuple[str, str, int], Repeats]:
    if not has_table(connection, "evaluation", "repeat_consumption"):
        return {}
    rows = connection.execute(
        f"select tenant_id, split_name, fold, {', '.join(_REPEATS)} "
        "from evaluation.repeat_consumption"
    ).fetchall()
    return {row[:3]: Repeats(*row[3:]) for row in rows}


def _baselines(connection: duckdb.DuckDBPyConnection) -> set[tuple[str, str]]:
    """Tenants and the names of the baselines that were fitted for them."""
    if not has_table(connection, "evaluation", "baseline_runs"):
        return set()
    rows = connection.execute(
        "select distinct tenant_id, model from evaluation.baseline_runs"
    ).fetchall()
    return {(row[0], row[1]) for row in rows}


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


def _evaluated_splits(connection: duckdb.DuckDBPyConnection) -> str:
    """A query of the splits of which something is evaluated: each tenant's first, and
    those that its baselines were fitted on.
    """
    if not has_table(connection, "evaluation", "model_metrics"):
        return "select tenant_id, split_name from prepared.splits"
    return (
        "select tenant_id, split_name from prepared.splits where is_first_split "
        "union select tenant_id, split_name from evaluation.model_metrics"
    )


def _require(
    what: str,
    value: str | int | None,
    rows: Iterable[tuple[Any, ...]],
    hint: str | None = None,
) -> None:
    known = sorted({row[0] for row in rows})
    if value is None or value in known:
        return
    there = ", ".join(map(str, known)) if known else "none"
    there = f"there is {there}" if len(known) < 2 else f"there are {there}"
    sentence = f"There is no {what} {value} to evaluate; {there}"
    raise InputError(f"{sentence} ({hint})." if hint else f"{sentence}.")


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


def _require_build(warehouse: Path) -> None:
    if warehouse.exists():
        with read_only(warehouse) as connection:
            if has_table(connection, "training", "split_assignments"):
                return
    raise InputError("Nothing has been built yet: load some data, then `winnow build`.")


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


_FIRST = ("ndcg", "recall", "precision", "map", "mrr", "hit_rate", "rmse", "mae", "mse")


def _metric_order(label: str) -> tuple[int, str, int]:
    metric, _, k = label.partition("@")
    number = _FIRST.index(metric) if metric in _FIRST else len(_FIRST)
    return number, metric, int(k or 0)
