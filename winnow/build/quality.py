"""The quality gate behind dbt: what ``quality.metrics`` says of the newest build, in
sentences, with rows to look at.
"""

from __future__ import annotations

import datetime as dt
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from winnow.gate.examples import CONTRADICTIONS, UNKNOWN
from winnow.warehouse.builds import SHARES
from winnow.warehouse.reading import has_table, read_only

_EXAMPLES = 5


@dataclass(frozen=True)
class Metric:
    """A row of ``quality.metrics``. ``value`` is None where there was too little to
    measure; ``details`` are the metric's parts; times are UTC, without a zone.
    """

    tenant_id: str
    source: str
    entity: str
    dimension: str
    status: str
    severity: str
    value: float | None
    threshold: float | None
    kept: int | None
    checked: int | None
    judged_until: dt.datetime
    built_at: dt.datetime
    details: dict[str, Any]

    @property
    def failed(self) -> bool:
        """Whether the metric is beyond its threshold."""
        return self.status == "failed"


@dataclass(frozen=True)
class QualityFailure:
    """A metric beyond its threshold: the rule that was broken most and by how many
    records (None where no single rule is to blame), and up to five of them.
    """

    metric: Metric
    rule: str | None
    count: int | None
    examples: tuple[str, ...]

    @property
    def message(self) -> str:
        """What is wrong, in a sentence, with an example a line."""
        metric = self.metric
        sentence = (
            f"tenant {metric.tenant_id}, {metric.source}.{metric.entity}: "
            f"{metric.dimension} is {_shown(metric)}, and must be {_limit(metric)}"
        )
        if metric.kept is not None and metric.checked is not None:
            broken = metric.checked - metric.kept
            sentence += f" ({broken:,} of {metric.checked:,} {_unit(metric)})"
        if self.rule is not None:
            sentence += f"; most often {self.rule}, {self.count:,} times"
        lines = [f"    {example}" for example in self.examples]
        return "\n".join([sentence + ".", *lines])


def latest_metrics(warehouse: Path) -> list[Metric]:
    """The metrics of the newest build, by tenant, source, entity and dimension; empty
    where nothing was built yet.
    """
    if not warehouse.exists():
        return []
    with read_only(warehouse) as connection:
        return _latest(connection)


def failures(
    connection: duckdb.DuckDBPyConnection, since: dt.datetime
) -> list[QualityFailure]:
    """What the newest build failed, errors first; empty where ``quality.metrics`` was
    not built since an instant (UTC, without a zone).
    """
    failed = [
        metric
        for metric in _latest(connection)
        if metric.failed and metric.built_at >= since
    ]
    failed.sort(key=lambda metric: metric.severity != "error")
    return [_explained(connection, metric) for metric in failed]


def _latest(connection: duckdb.DuckDBPyConnection) -> list[Metric]:
    if not has_table(connection, "quality", "metrics"):
        return []
    rows = connection.execute(
        "select tenant_id, source, entity, dimension, status, severity, value, "
        "threshold, kept_count, checked_count, judged_until, built_at, details "
        "from quality.metrics "
        "where built_at = (select max(built_at) from quality.metrics) "
        "order by tenant_id, source, entity, dimension"
    ).fetchall()
    parsed = [(*row[:-1], json.loads(row[-1])) for row in rows]
    return [Metric(*row) for row in parsed]


def _explained(connection: duckdb.DuckDBPyConnection, metric: Metric) -> QualityFailure:
    if metric.dimension in ("acceptance", "completeness", "validity"):
        return _refused(connection, metric)
    if metric.dimension == "uniqueness":
        return _repeated(connection, metric)
    if metric.dimension == "consistency" and metric.entity == "predictions":
        return _unknown(connection, metric)
    if metric.dimension == "consistency":
        return _contradictory(connection, metric)
    return QualityFailure(metric, None, None, ())


_REFUSED = """
from validated.rejected_records, unnest(reasons) as unnested (reason)
where tenant_id = ? and source = ? and entity = ? and reason not like 'record.%'
    and coalesce((reason like '%.required') = ?, true) and load_id in (
        select load_id from quality.load_counts
        where tenant_id = ? and source = ? and entity = ? and not is_replaced
            and verdict != 'held'
    )
"""


def _feed(metric: Metric) -> list[str]:
    return [metric.tenant_id, metric.source, metric.entity]


def _refused(connection: duckdb.DuckDBPyConnection, metric: Metric) -> QualityFailure:
    is_missing = {"completeness": True, "validity": False}.get(metric.dimension)
    parameters = [*_feed(metric), is_missing, *_feed(metric)]
    worst = connection.execute(
        f"select reason, count(*) {_REFUSED} group by reason "
        "order by count(*) desc, reason limit 1",
        parameters,
    ).fetchone()
    if worst is None:
        return QualityFailure(metric, None, None, ())
    rows = connection.execute(
        f"select file, line_number, row_number, raw_record {_REFUSED} and reason = ? "
        f"order by loaded_at desc, file, row_number limit {_EXAMPLES}",
        [*parameters, worst[0]],
    ).fetchall()
    examples = tuple(
        f"{_place(file, line, row)}: {_cut(record)}" for file, line, row, record in rows
    )
    return QualityFailure(metric, worst[0], worst[1], examples)


def _repeated(connection: duckdb.DuckDBPyConnection, metric: Metric) -> QualityFailure:
    rows = connection.execute(
        "select file, row_number, record_key from prepared.duplicate_records "
        "where tenant_id = ? and source = ? and entity = ? and is_repeat "
        f"order by loaded_at desc, file, row_number limit {_EXAMPLES}",
        _feed(metric),
    ).fetchall()
    examples = tuple(
        f"{_place(file, None, row)}: key {_cut(key)} again" for file, row, key in rows
    )
    count = (metric.checked or 0) - (metric.kept or 0)
    return QualityFailure(metric, "a key that is there already", count, examples)


def _contradictory(
    connection: duckdb.DuckDBPyConnection, metric: Metric
) -> QualityFailure:
    counts = ", ".join(f"count(*) filter ({flag})" for flag in CONTRADICTIONS)
    place = (
        "from validated.interaction_checks where tenant_id = ? and source = ? "
        "and entity = ?"
    )
    found = connection.execute(f"select {counts} {place}", _feed(metric)).fetchone()
    by_flag = dict(zip(CONTRADICTIONS, found or (), strict=False))
    flag = max(by_flag, key=lambda name: by_flag[name])
    rows = connection.execute(
        "select file, row_number, user_id, item_id, event_type, "
        f"interacted_at::varchar {place} and {flag} "
        f"order by load_id desc, file, row_number limit {_EXAMPLES}",
        _feed(metric),
    ).fetchall()
    examples = tuple(
        f"{_place(file, None, row)}: user {user}, item {item}, {event}, {at}"
        for file, row, user, item, event, at in rows
    )
    return QualityFailure(metric, CONTRADICTIONS[flag], by_flag[flag], examples)


def _unknown(connection: duckdb.DuckDBPyConnection, metric: Metric) -> QualityFailure:
    place = (
        "from validated.prediction_consistency where tenant_id = ? and source = ? "
        "and entity = ?"
    )
    flags = ("has_unknown_user", "has_unknown_item")
    counts = ", ".join(f"count(*) filter ({flag})" for flag in flags)
    found = connection.execute(f"select {counts} {place}", _feed(metric)).fetchone()
    by_flag = dict(zip(flags, found or (), strict=False))
    flag = max(by_flag, key=lambda name: by_flag[name])
    rows = connection.execute(
        f"select file, row_number, model, user_id, item_id {place} and {flag} "
        f"order by load_id desc, file, row_number limit {_EXAMPLES}",
        _feed(metric),
    ).fetchall()
    examples = tuple(
        f"{_place(file, None, row)}: model {_cut(model)}, user {_cut(user)}, "
        f"item {_cut(item)}"
        for file, row, model, user, item in rows
    )
    return QualityFailure(metric, UNKNOWN[flag], by_flag[flag], examples)


def _place(file: str, line: int | None, row: int) -> str:
    return f"{file}, line {line}" if line is not None else f"{file}, record {row}"


def _cut(text: str) -> str:
    return text if len(text) <= 160 else text[:159] + "…"


def _shown(metric: Metric) -> str:
    value = metric.value or 0.0
    if metric.dimension in ("freshness", "latency"):
        return f"{value / 3600:,.1f} hours"
    if metric.dimension == "volume":
        return f"{value:+.1f} standard deviations"
    return f"{value:.3f}"


def _limit(metric: Metric) -> str:
    limit = metric.threshold or 0.0
    if metric.dimension in SHARES:
        return f"{limit:g} or more"
    if metric.dimension in ("freshness", "latency"):
        return f"{limit / 3600:,.1f} hours or less"
    if metric.dimension == "volume":
        return f"within {limit:g} of the days before"
    return f"{limit:g} or less"


def _unit(metric: Metric) -> str:
    if metric.dimension == "consistency" and metric.entity == "predictions":
        return "predictions are of users or items that the tenant does not know"
    return {
        "acceptance": "records were rejected",
        "completeness": "required values are missing",
        "validity": "given values break a rule",
        "uniqueness": "records repeat a key of their load",
        "consistency": "interactions contradict the catalogue, the clock or themselves",
    }[metric.dimension]
