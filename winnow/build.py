"""``winnow build``: gate the raw tables, build every layer with dbt, and tell what came
of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ingest.errors import BuildError
from ingest.expectations import GateReport, run_gate
from ingest.lock import warehouse_lock
from ingest.pipeline import recover
from ingest.settings import Settings
from winnow.dbt import DbtFailure, DbtResult, run_dbt

Stage = Callable[[str, int, int], None]
"""Told what is being done, the step it is and how many steps there are (0 where that is
not known).
"""


@dataclass(frozen=True)
class BuildReport:
    """What a build that went through cost: the gate's verdict, dbt's nodes and the
    seconds of it all.
    """

    gate: GateReport
    nodes: int
    seconds: float


def build(
    settings: Settings, select: Sequence[str] = (), stage: Stage | None = None
) -> BuildReport:
    """Gate, then ``dbt build`` (``select`` in dbt's selection syntax; all nodes when
    empty), without the unit tests, which say nothing of the data.

    Holds the warehouse's lock throughout. Raises BuildError when the gate stops the
    feed (dbt has then not run) or a dbt node fails, and InputError when another process
    holds the lock.
    """
    tell = stage or (lambda _what, _step, _steps: None)
    started = time.monotonic()
    with warehouse_lock(settings):
        recover(settings)
        tell("quality gate", 0, 0)
        gate = run_gate(
            settings.warehouse,
            settings.target,
            progress=lambda what: tell(f"quality gate: {what}", 0, 0),
        )
        if not gate.passed:
            raise BuildError(_gate_message(gate))
        arguments = ["build", "--exclude-resource-type", "unit_test"]
        arguments += ["--select", *select] if select else []
        result = run_dbt(settings, arguments, progress=tell)
        if not result.succeeded:
            raise BuildError(_dbt_message(settings, result))
    return BuildReport(gate, result.nodes, time.monotonic() - started)


def write_docs(settings: Settings) -> None:
    """Write dbt's docs site as one file, ``<target>/static_index.html``. Raises
    BuildError when dbt fails.
    """
    with warehouse_lock(settings):
        result = run_dbt(settings, ["docs", "generate", "--static"])
    if not result.succeeded:
        raise BuildError(_dbt_message(settings, result))


def _gate_message(gate: GateReport) -> str:
    lines = [f.message for f in gate.failures if f.severity == "error"]
    return "\n".join(
        [
            "The quality gate stopped the build before dbt ran:",
            *(f"  {line}" for line in lines),
            f"See {gate.data_docs}; the share that must keep a rule is gate_mostly in "
            "seeds/tenant_settings.csv.",
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
