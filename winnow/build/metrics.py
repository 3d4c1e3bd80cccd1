"""The metrics of the newest build in Prometheus' text format, for the node exporter's
textfile collector.
"""

from __future__ import annotations

import datetime as dt
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge, generate_latest
from prometheus_client.exposition import write_to_textfile

from winnow.build.quality import Metric, latest_metrics
from winnow.core.settings import Settings
from winnow.gate import held_counts
from winnow.warehouse.builds import last_build
from winnow.warehouse.reading import columns_of, read_only

_PERCENTS = ("completeness", "validity", "uniqueness", "consistency")
_FEED = ["tenant_id", "data_type", "source"]
_VERDICTS = ("accepted", "rejected", "duplicate", "held", "replaced", "erased")


def registry(settings: Settings) -> CollectorRegistry:
    """The gauges of a warehouse; without any samples where nothing was built.

    ``data_type`` is the entity, such as interactions. Percents are of 100, freshness in
    hours since the newest load. Raises InputError when another process is
    writing the warehouse.
    """
    found = CollectorRegistry()
    _quality_gauges(found, latest_metrics(settings.warehouse))
    _warehouse_gauges(found, settings.warehouse)
    _build_gauges(found, settings)
    return found


def text(settings: Settings) -> str:
    """All gauges in Prometheus' text format."""
    return generate_latest(registry(settings)).decode()


def write(settings: Settings, out: Path) -> None:
    """Write the gauges to a file, which is replaced at once, so that no reader ever
    sees half of it.
    """
    out.parent.mkdir(parents=True, exist_ok=True)
    write_to_textfile(str(out), registry(settings))


def _quality_gauges(found: CollectorRegistry, metrics: list[Metric]) -> None:
    percents = {
        name: Gauge(
            f"data_{name}_percent",
            f"Share of the newest loads' data with {name}, of 100.",
            _FEED,
            registry=found,
        )
        for name in _PERCENTS
    }
    freshness = Gauge(
        "data_freshness_hours",
        "Hours since the newest load.",
        _FEED,
        registry=found,
    )
    failed = Gauge(
        "data_quality_failed",
        "1 where a metric is beyond its threshold, else 0.",
        [*_FEED, "dimension", "severity"],
        registry=found,
    )
    now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    for metric in metrics:
        labels = (metric.tenant_id, metric.entity, metric.source)
        failed.labels(*labels, metric.dimension, metric.severity).set(metric.failed)
        if metric.dimension in percents and metric.value is not None:
            percents[metric.dimension].labels(*labels).set(100 * metric.value)
        if metric.dimension == "freshness":
            age = now - metric.judged_until
            freshness.labels(*labels).set(age.total_seconds() / 3600)


def _warehouse_gauges(found: CollectorRegistry, warehouse: Path) -> None:
    rows = Gauge(
        "data_rows",
        "Records of all loads by what became of them.",
        [*_FEED, "verdict"],
        registry=found,
    )
    held = Gauge(
        "data_held_loads",
        "Loads that the quality gate holds and that wait for somebody.",
        ["tenant_id"],
        registry=found,
    )
    if not warehouse.exists():
        return
    with read_only(warehouse) as connection:
        for tenant, count in held_counts(connection).items():
            held.labels(tenant).set(count)
        columns = columns_of(connection, "quality", "reconciliation")
        # Earlier versions knew fewer verdicts.
        verdicts = [one for one in _VERDICTS if f"{one}_count" in columns]
        if not verdicts:
            return
        counts = ", ".join(f"sum({verdict}_count)" for verdict in verdicts)
        for tenant, entity, source, *sums in connection.execute(
            f"select tenant_id, entity, source, {counts} from quality.reconciliation "
            "group by all order by all"
        ).fetchall():
            for verdict, count in zip(verdicts, sums, strict=True):
                rows.labels(tenant, entity, source, verdict).set(count)


def _build_gauges(found: CollectorRegistry, settings: Settings) -> None:
    seconds = Gauge(
        "build_seconds", "Seconds that the newest build took.", registry=found
    )
    succeeded = Gauge(
        "build_succeeded", "1 where the newest build went through.", registry=found
    )
    ended = Gauge(
        "build_ended_timestamp_seconds",
        "When the newest build ended (began, where it has not ended), Unix time.",
        registry=found,
    )
    build = last_build(settings)
    if build is None:
        for gauge in (seconds, succeeded, ended):
            found.unregister(gauge)
        return
    seconds.set(build.seconds or 0)
    succeeded.set(build.passed)
    at = build.ended_at or build.started_at
    ended.set(at.replace(tzinfo=dt.UTC).timestamp())
