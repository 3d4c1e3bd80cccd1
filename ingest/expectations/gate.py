"""The quality gate: Great Expectations over what DuckDB measured of the raw tables.

DuckDB reads each raw table once and counts, for each tenant and rule of the contract,
how many values the rule applies to and how many break it. Great Expectations then
judges the shares against the tenant's threshold: one suite per tenant and entity, two
expectations per rule (critical: the threshold; warning: half-way to it).
"""

from __future__ import annotations

import csv
import json
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from ingest.contracts import LOG_SOURCE, Entity, load_contracts
from ingest.database import connect
from ingest.errors import InputError
from ingest.expectations.advice import advice, advice_on_unreadable, fault
from ingest.expectations.data_docs import Checked, with_bound, write_data_docs
from ingest.expectations.rules import (
    SEEDS,
    accepted_pairs,
    counts_sql,
    examples_sql,
    missing_tokens,
    rows_sql,
    rules_of,
    tenant_settings,
)

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Failure:
    """A rule that a tenant's feed does not keep often enough.

    ``severity`` is ``error`` when fewer than ``mostly`` of the ``checked`` values keep
    it, ``warning`` when more do but over half of what is allowed break it. ``message``
    is one sentence, ``rows`` up to five of an error's rows with file, line, and what is
    wrong, ``advice`` a sentence on what helps.
    """

    tenant_id: str
    source: str
    entity: str
    rule: str
    severity: str
    checked: int
    failed: int
    mostly: float
    message: str
    rows: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True)
class Feed:
    """The records of one tenant and entity.

    ``landed`` are rows of the raw table, and ``rejected`` those of them that break any
    rule; ``unreadable`` records are in neither. All the rest is accepted.
    """

    tenant_id: str
    source: str
    entity: str
    landed: int
    rejected: int
    unreadable: int

    @property
    def accepted(self) -> int:
        """Rows that keep every rule; duplicates are among them."""
        return self.landed - self.rejected


@dataclass(frozen=True)
class GateReport:
    """The gate's verdict: every rule judged and what failed of them, the records of
    each feed, where the Data Docs are, seconds.
    """

    rules: tuple[Checked, ...]
    failures: tuple[Failure, ...]
    feeds: tuple[Feed, ...]
    data_docs: Path
    seconds: float

    @property
    def checked(self) -> int:
        """How many rules were judged."""
        return len(self.rules)

    @property
    def passed(self) -> bool:
        """Whether the build may go on: no failure of severity error."""
        return not any(failure.severity == "error" for failure in self.failures)


@dataclass(frozen=True)
class _Measured:
    """The counts of one tenant and entity: rule → (checked, failed)."""

    feed: Feed
    entity: Entity
    counts: Mapping[str, tuple[int, int]]


def run_gate(
    warehouse: Path,
    target: Path,
    progress: Progress | None = None,
    seeds: Path = SEEDS,
    docs: Path | None = None,
    all_examples: bool = False,
) -> GateReport:
    """Judge every raw table that has rows, and write the Data Docs to ``docs``,
    ``<target>/data_docs`` when it is None; what is there is replaced.

    Values that break a rule are given for rules that fail, or, with ``all_examples``,
    for every rule that any value breaks (which reads the raw table once per such rule).

    The warehouse is opened read-only and closed again; one that is not there, or has no
    raw tables yet, passes with nothing checked. Raises ContractError for a contract
    that cannot be read, and InputError for a threshold that is no share.
    """
    started = time.monotonic()
    tell = progress or (lambda _what: None)
    mostly = _thresholds(seeds)
    measured: list[_Measured] = []
    checked: list[Checked] = []
    if warehouse.exists():
        with connect(warehouse, read_only=True) as connection:
            measured = list(_measure(connection, seeds, tell))
            tell("expectations")
            checked = [
                outcome
                for one in measured
                for outcome in _judge(one, mostly.get(one.feed.tenant_id, mostly["*"]))
            ]
            settings = tenant_settings(seeds)
            checked = [with_bound(one, settings) for one in checked]
            tell("examples")
            checked = [
                _with_examples(connection, seeds, one)
                if one.severity != "passed" or (all_examples and one.failed)
                else one
                for one in checked
            ]
    data_docs = write_data_docs(docs or target / "data_docs", checked)
    return GateReport(
        tuple(checked),
        tuple(_failure(one) for one in checked if one.severity != "passed"),
        tuple(one.feed for one in measured),
        data_docs,
        time.monotonic() - started,
    )


def _measure(
    connection: duckdb.DuckDBPyConnection, seeds: Path, tell: Progress
) -> Iterator[_Measured]:
    tables = {
        name
        for (name,) in connection.execute(
            "select table_name from duckdb_tables() where schema_name = 'raw' "
            "and estimated_size > 0"
        ).fetchall()
    }
    tokens, settings = missing_tokens(), tenant_settings(seeds)
    unreadable = _unreadable(connection) if "winnow_loaded_files" in tables else {}
    seen = set()
    for (source, name), entity in load_contracts().items():
        if source == LOG_SOURCE or entity.table not in tables:
            continue
        tell(f"{source}.{name}")
        rules = rules_of(entity, accepted_pairs(entity, seeds), settings)
        counting = counts_sql(entity, tokens, settings, rules)
        rows = connection.execute(counting).fetchall()
        for tenant_id, landed, rejected, *counts in rows:
            key = (tenant_id, source, name)
            seen.add(key)
            pairs = zip(counts[::2], counts[1::2], strict=True)
            by_rule = {rule.key: pair for rule, pair in zip(rules, pairs, strict=True)}
            if key in unreadable:
                by_rule["record.readable"] = unreadable[key]
            feed = Feed(*key, landed, rejected, unreadable.get(key, (0, 0))[1])
            yield _Measured(feed, entity, by_rule)
    for key in sorted(set(unreadable) - seen):
        counts_of = {"record.readable": unreadable[key]}
        feed = Feed(*key, 0, 0, unreadable[key][1])
        yield _Measured(feed, load_contracts()[key[1:]], counts_of)


def _unreadable(
    connection: duckdb.DuckDBPyConnection,
) -> dict[tuple[str, str, str], tuple[int, int]]:
    """Records that were landed, and those of them that could not be read."""
    rows = connection.execute(
        "select tenant_id, source, entity, sum(record_count + unreadable_count), "
        "sum(unreadable_count) from raw.winnow_loaded_files group by all"
    ).fetchall()
    return {(t, s, e): (int(landed), int(bad)) for t, s, e, landed, bad in rows}


def _judge(measured: _Measured, mostly: float) -> list[Checked]:
    """Let Great Expectations judge the measured shares; one outcome per rule."""
    counts = {key: pair for key, pair in measured.counts.items() if pair[0]}
    entity = measured.entity
    tenant_id = measured.feed.tenant_id
    suite = f"{entity.source}.{entity.name}.{tenant_id}"
    # Not 1 - failed / checked: 70 of 1,000 must not miss a threshold of 0.93.
    shares = {
        key: (checked - failed) / checked for key, (checked, failed) in counts.items()
    }
    warn_below = round((1 + mostly) / 2, 12)
    validation = _validate(suite, shares, {"critical": mostly, "warning": warn_below})
    verdicts: dict[str, str] = {}
    for result in validation["results"]:
        config = result["expectation_config"]
        if result["exception_info"].get("raised_exception"):
            raise RuntimeError(f"{suite}: {result['exception_info']}")
        if not result["success"]:
            key, severity = config["kwargs"]["column"], config["severity"]
            if severity == "critical" or key not in verdicts:
                verdicts[key] = "error" if severity == "critical" else "warning"
    return [
        Checked(
            tenant_id,
            entity.source,
            entity.name,
            key,
            checked,
            failed,
            mostly,
            verdicts.get(key, "passed"),
            (),
            validation,
        )
        for key, (checked, failed) in counts.items()
    ]


def _validate(
    suite_name: str, shares: Mapping[str, float], limits: Mapping[str, float]
) -> dict[str, Any]:
    """The validation result, as JSON, of a suite with a lower limit per rule and
    severity.
    """
    with _quiet():
        import great_expectations as gx
        import pandas as pd
        from great_expectations.data_context.types.base import (
            ProgressBarsConfig,
        )
        from great_expectations.expectations.core import (
            ExpectColumnValuesToBeBetween,
        )
        from great_expectations.expectations.metadata_types import (
            FailureSeverity,
        )

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = ProgressBarsConfig(globally=False)
        asset = context.data_sources.add_pandas("measured").add_dataframe_asset(
            "shares"
        )
        suite = gx.ExpectationSuite(
            name=suite_name,
            expectations=[
                ExpectColumnValuesToBeBetween(
                    column=key,
                    min_value=limit,
                    severity=FailureSeverity(severity),
                    meta={"rule": key, "unit": "share of values that keep the rule"},
                )
                for key in shares
                for severity, limit in limits.items()
            ],
        )
        batch = asset.add_batch_definition_whole_dataframe("all").get_batch(
            batch_parameters={"dataframe": pd.DataFrame([dict(shares)])}
        )
        result: dict[str, Any] = json.loads(
            json.dumps(batch.validate(suite).to_json_dict(), default=str)
        )
    return result


@contextmanager
def _quiet() -> Iterator[None]:
    """No telemetry, and no warnings of the library about itself."""
    import os

    os.environ["GX_ANALYTICS_ENABLED"] = "False"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def _with_examples(
    connection: duckdb.DuckDBPyConnection, seeds: Path, one: Checked
) -> Checked:
    rule_name = one.rule.rpartition(".")[2]
    if rule_name == "readable":
        return _with_unreadable(connection, one)
    entity = load_contracts()[one.source, one.entity]
    column = next(c for c in entity.columns if one.rule == f"{c.name}.{rule_name}")
    tokens, settings = missing_tokens(), tenant_settings(seeds)
    rules = rules_of(entity, accepted_pairs(entity, seeds), settings)
    rule = next(rule for rule in rules if rule.key == one.rule)
    tenant = [one.tenant_id]
    if one.severity == "error":
        asked = rows_sql(entity, tokens, settings, rule)
        rows = connection.execute(asked, tenant)
        faults = tuple(
            f"{_place(file, line, row)}: "
            + fault(column, rule_name, value, typed, one.tenant_id, settings)
            for file, line, row, value, typed in rows.fetchall()
        )
        one = replace(one, rows=faults)
    if rule_name == "required":  # There is no value to show.
        return replace(one, advice=advice(column, rule_name, ()))
    asked = examples_sql(entity, tokens, settings, rule)
    values = connection.execute(asked, tenant)
    examples = tuple(value for (value,) in values.fetchall())
    helps = advice(column, rule_name, examples)
    return replace(one.with_examples(examples), advice=helps)


def _with_unreadable(connection: duckdb.DuckDBPyConnection, one: Checked) -> Checked:
    of_feed = (
        # The gate runs before dbt adds a column that the table has gained.
        "from (from raw.winnow_unreadable_records union all by name "
        "select cast(null as varchar) as detail where false) "
        "where tenant_id = ? and source = ? and entity = ? "
    )
    feed = [one.tenant_id, one.source, one.entity]
    rows = connection.execute(
        "select file, line_number, row_number, concat_ws(', ', reason, detail), "
        f"raw_record {of_feed} order by loaded_at desc, file, row_number limit 5",
        feed,
    ).fetchall()
    commonest = connection.execute(f"select mode(reason) {of_feed}", feed).fetchone()
    return replace(
        one,
        rows=tuple(
            ": ".join(filter(None, (_place(file, line, row), reason, _cut(record))))
            for file, line, row, reason, record in rows
        ),
        advice=advice_on_unreadable((commonest and commonest[0]) or ""),
    )


def _place(file: str, line: int | None, row: int) -> str:
    return f"{file}, record {row}" if line is None else f"{file}, line {line}"


def _cut(text: str) -> str:
    return text if len(text) <= 80 else text[:79] + "…"


def _failure(one: Checked) -> Failure:
    share = one.failed / one.checked
    examples = ", ".join(map(repr, one.examples))
    is_missing = one.rule.endswith((".required", ".readable"))
    dimension = "completeness" if is_missing else "validity"
    return Failure(
        one.tenant_id,
        one.source,
        one.entity,
        one.rule,
        one.severity,
        one.checked,
        one.failed,
        one.mostly,
        f"tenant {one.tenant_id}, {one.source}.{one.entity}: {one.failed:,} of "
        f"{one.checked:,} values ({share:.1%}) break {one.rule} ({dimension}), and "
        f"{1 - one.mostly:.1%} may"
        + (f"; for example {examples}." if examples else "."),
        one.rows,
        one.advice,
    )


def _thresholds(seeds: Path) -> dict[str, float]:
    """The share that must keep a rule, by tenant; ``*`` is always there."""
    path = seeds / "tenant_settings.csv"
    thresholds: dict[str, float] = {}
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        for row in reader:
            if given := (row.get("gate_mostly") or "").strip():
                place = f"{path}, line {reader.line_num}"
                thresholds[row["tenant_id"]] = _share(given, place)
    if "*" not in thresholds:
        raise InputError(f"{path}: the row of tenant * must have a gate_mostly.")
    return thresholds


def _share(text: str, place: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1
    if not 0 <= share <= 1:
        raise InputError(f"{place}: gate_mostly is {text!r}, and must be 0 to 1.")
    return share
