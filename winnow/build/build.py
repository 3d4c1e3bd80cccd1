"""``winnow build``: build every layer with dbt, publish what came out, and tell what
came of it and which loads are held.
"""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from winnow.build import quality
from winnow.build.dbt import DbtFailure, DbtResult, run_dbt
from winnow.build.prediction_warnings import prediction_warnings
from winnow.build.suspicions import suspicions
from winnow.build.unchanged import fingerprint, remember_build, unchanged_build
from winnow.core.errors import BuildError
from winnow.core.lock import OF_A_LOAD, warehouse_lock
from winnow.core.settings import Settings
from winnow.gate import GateReport, check_thresholds, read_gate
from winnow.load.pipeline import settle, take_in
from winnow.load.raw_tables import open_warehouse
from winnow.publish.generations import Publication, publish_generation
from winnow.warehouse.builds import Build, has_data
from winnow.warehouse.reading import read_only

Stage = Callable[[str, int, int], None]
"""Told what is being done, the step it is and how many steps there are (0 where that is
not known).
"""

DATA_DOCS = "data_docs"
"""Below the target folder: the Data Docs of the last build."""

QUALITY_TEST = "assert_quality_is_within_its_thresholds"
"""The test that fails where quality does; ``build`` says more of it than dbt can."""


@dataclass(frozen=True)
class BuildReport:
    """What a build that went through came to: the gate's verdict on each load (those
    that are held wait, while all others are built and published), dbt's nodes, metrics
    beyond a threshold that only warns, why loaded models may look worse than they are
    and what looks wrong although no rule is broken, in sentences, the generation that
    was published (None for a build of selected nodes, or where no loaded row counts),
    and the seconds of it all. ``unchanged`` is the earlier build that nothing has
    changed since, so that nothing was made; None where there was something to make.
    """

    gate: GateReport
    nodes: int
    warnings: tuple[quality.QualityFailure, ...]
    predictions: tuple[str, ...]
    suspicions: tuple[str, ...]
    publication: Publication | None
    seconds: float
    unchanged: Build | None = None


def build(
    settings: Settings,
    select: Sequence[str] = (),
    stage: Stage | None = None,
    tenant: str | None = None,
    full: bool = False,
) -> BuildReport:
    """``dbt build`` (``select`` in dbt's selection syntax; all nodes when empty),
    without the unit tests, which say nothing of the data; then what the gate says. A
    build of all nodes that passes is published, without the loads that are held.

    With ``tenant``, what has landed of others since the last build waits for the next
    one; their tables stay as they are.

    Where nothing has changed since the last build of everything, nothing is made or
    published, unless ``full`` is true or nodes are selected.

    Holds the warehouse's lock throughout. Raises BuildError when a dbt node fails, or a
    metric of severity error is beyond its threshold, and InputError when a threshold
    makes no sense or another process holds the lock. What was published before stays
    then.
    """
    tell = stage or (lambda _what, _step, _steps: None)
    started = time.monotonic()
    check_thresholds()
    with warehouse_lock(settings, OF_A_LOAD):
        made_of = fingerprint(settings)
        if not (select or full):
            unchanged = unchanged_build(settings, made_of)
            if unchanged is not None:
                with read_only(settings.warehouse) as connection:
                    gate = read_gate(
                        connection, settings.target / DATA_DOCS, write=False
                    )
                seconds = time.monotonic() - started
                return BuildReport(gate, 0, (), (), (), None, seconds, unchanged)
        take_in(
            settings,
            lambda rows: tell(f"taking in {rows:,} records", 0, 0),
            only_tenant=tenant,
        )
        began_at = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        arguments = ["build", "--exclude-resource-type", "unit_test"]
        if select:
            # Only tests of which every table is selected or was needed for it.
            arguments += ["--indirect-selection", "buildable", "--select", *select]
        result = run_dbt(settings, arguments, progress=tell)
        if not result.succeeded and not _is_of_quality(result):
            raise BuildError(_dbt_message(settings, result))
        tell("quality gate", 0, 0)
        with read_only(settings.warehouse) as connection:
            gate = read_gate(
                connection,
                settings.target / DATA_DOCS,
                lambda what: tell(f"quality gate: {what}", 0, 0),
            )
            failures = quality.failures(connection, began_at)
            if any(one.metric.severity == "error" for one in failures):
                raise BuildError(_quality_message(failures))
            if not result.succeeded:
                raise BuildError(_dbt_message(settings, result))
            looks_wrong = suspicions(connection)
            predictions: tuple[str, ...] = ()
            publishable = False
            if not select:
                publishable = has_data(connection)
                predictions = tuple(
                    warning.sentence for warning in prediction_warnings(connection)
                )
        if not select:
            settle(settings)
        # Selected nodes may leave tables that do not belong together.
        publication = (
            publish_generation(settings, progress=_publishing(tell))
            if publishable
            else None
        )
        if publication is not None:
            remember_build(settings, made_of)
    return BuildReport(
        gate,
        result.nodes,
        tuple(failures),
        predictions,
        looks_wrong,
        publication,
        time.monotonic() - started,
    )


def _is_of_quality(result: DbtResult) -> bool:
    """Whether nothing failed but the test of quality."""
    return [failure.node for failure in result.failures] == [QUALITY_TEST]


def _publishing(tell: Stage) -> Stage:
    return lambda what, step, steps: tell(f"publishing: {what}", step, steps)


def write_docs(settings: Settings) -> None:
    """Write dbt's docs site as one file, ``<target>/static_index.html``, and the Data
    Docs of what was built, with suites of Great Expectations and their results. Raises
    BuildError when dbt fails.
    """
    with warehouse_lock(settings, OF_A_LOAD):
        # What keeps the warehouse from being opened is said here in a line.
        with open_warehouse(settings) as connection:
            read_gate(connection, settings.target / DATA_DOCS, suites=True)
        result = run_dbt(settings, ["docs", "generate", "--static"])
    if not result.succeeded:
        raise BuildError(_dbt_message(settings, result))


def _quality_message(failures: Sequence[quality.QualityFailure]) -> str:
    errors = [one.message for one in failures if one.metric.severity == "error"]
    return "\n".join(
        [
            "Quality stopped the build; what was published stands:",
            *(f"  {line}" for line in errors),
            "Thresholds are in seeds/quality_thresholds.csv.",
        ]
    )


def _dbt_message(settings: Settings, result: DbtResult) -> str:
    return "\n".join(
        [
            "The build failed:",
            *(f"  {_describe(failure)}" for failure in result.failures),
            f"dbt's log is {settings.state / 'logs' / 'dbt.log'}.",
        ]
    )


def _describe(failure: DbtFailure) -> str:
    rows = f" ({failure.rows:,} rows)" if failure.rows else ""
    return f"{failure.node}{rows}: {failure.message}"
