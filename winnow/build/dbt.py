"""dbt, run inside this process: faster than a process of its own by the seconds that
its import costs.
"""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from winnow.contracts.declarations import check_declarations
from winnow.core.errors import BuildError
from winnow.core.settings import Settings, project_root
from winnow.core.signals import interrupt_again, raise_if_stopped

Progress = Callable[[str, int, int], None]
"""Told the name of the node that begins, its place among all nodes (1 for the first),
and how many there are.
"""


@dataclass(frozen=True)
class DbtFailure:
    """A node that failed: its name, what dbt said, and how many rows broke a test (None
    where it is not a test).
    """

    node: str
    message: str
    rows: int | None


@dataclass(frozen=True)
class DbtResult:
    """What a dbt command came to; ``value`` is what dbt itself returned."""

    succeeded: bool
    nodes: int
    failures: tuple[DbtFailure, ...]
    value: Any = None


class ParsedProject:
    """The project, parsed once for any number of commands with other variables.

    dbt parses everything again whenever a variable changes, which takes seconds, and
    forgets what it had parsed without: here variables only come in when a model is
    compiled, so none may be read where a project is parsed (in ``config``, say).
    """

    def __init__(self, settings: Settings) -> None:
        """Parse the project, or raise BuildError when that fails."""
        self.settings = settings
        parsed = run_dbt(settings, ["parse"])
        if not parsed.succeeded:
            said = "; ".join(failure.message for failure in parsed.failures)
            raise BuildError(f"dbt cannot read the project: {said}")
        self._manifest = parsed.value

    def tagged(self, tag: str) -> list[str]:
        """The names of the models that have a tag."""
        return sorted(
            node.name
            for node in self._manifest.nodes.values()
            if node.resource_type == "model" and tag in node.tags
        )

    def run(
        self,
        arguments: Sequence[str],
        variables: Mapping[str, object],
        progress: Progress | None = None,
    ) -> DbtResult:
        """Run one dbt command with these variables, as ``run_dbt`` does."""
        # The artifacts say what the project is, and cost more than a small model.
        given = ["--vars", _yaml(variables), "--no-write-json"]
        return run_dbt(
            self.settings, [*arguments, *given], progress, manifest=self._manifest
        )


def _yaml(variables: Mapping[str, object]) -> str:
    """JSON that is YAML, whatever characters a text has."""
    return "".join(
        one if " " <= one <= "~" else f"\\U{ord(one):08x}"
        for one in json.dumps(variables, ensure_ascii=False)
    )


def run_dbt(
    settings: Settings,
    arguments: Sequence[str],
    progress: Progress | None = None,
    *,
    manifest: Any = None,
) -> DbtResult:
    """Run one dbt command, such as ``["build", "--select", "prepared"]``; the project
    is not parsed where its ``manifest`` is given.

    dbt's own log goes to ``<state>/logs``. The warehouse is not held open afterwards.
    dbt's options are those of ``arguments``: its environment variables, such as
    DBT_EMPTY, do not count. Raises KeyboardInterrupt when dbt was interrupted.
    Errors of dbt itself (a model that does not parse, say) come back as a failure, not
    as an exception; a seed or contract that cannot be read raises InputError.
    """
    check_declarations(project_root(settings))
    from dbt.adapters.duckdb.connections import (
        DuckDBConnectionManager,
    )
    from dbt.cli.main import dbtRunner

    def on_event(event: Any) -> None:
        if event.info.name == "LogStartLine":
            interrupt_again()
        if progress is not None and event.info.name == "LogStartLine":
            node = event.data.node_info.node_name
            progress(node, event.data.index, event.data.total)

    settings.temp_directory.mkdir(parents=True, exist_ok=True)
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    os.environ.update(settings.environment())
    runner = dbtRunner(manifest, callbacks=[on_event])
    try:
        with _without_options_of_the_environment():
            result = runner.invoke([*arguments, *_common_arguments(settings)])
    finally:
        close: Callable[[], None] = DuckDBConnectionManager.close_all_connections
        close()
    if isinstance(result.exception, KeyboardInterrupt | SystemExit):
        raise KeyboardInterrupt
    raise_if_stopped()
    if result.exception is not None:
        failure = DbtFailure("dbt", str(result.exception).strip(), None)
        # The frames of an error hold dbt's cursors, and these the warehouse, open.
        del result
        gc.collect()
        return DbtResult(False, 0, (failure,))
    outcomes = list(getattr(result.result, "results", None) or [])
    failures = tuple(
        DbtFailure(
            getattr(getattr(outcome, "node", None), "name", "dbt"),
            str(outcome.message or "").strip(),
            getattr(outcome, "failures", None),
        )
        for outcome in outcomes
        if str(outcome.status) in ("error", "fail", "runtime error")
    )
    return DbtResult(bool(result.success), len(outcomes), failures, result.result)


@contextmanager
def _without_options_of_the_environment() -> Iterator[None]:
    """Hide the variables by which dbt itself takes options, which would change what a
    build makes or tests. Variables that models read stay.
    """
    from dbt.cli.params import KNOWN_ENV_VARS

    names = {name for one in KNOWN_ENV_VARS for name in (one.name, one.old_name)}
    hidden = {
        name: os.environ.pop(name)
        for name in list(os.environ)
        if name in names or name.startswith("DBT_ENGINE_")
    }
    try:
        yield
    finally:
        os.environ.update(hidden)


def _common_arguments(settings: Settings) -> list[str]:
    return [
        "--project-dir",
        str(settings.project),
        "--profiles-dir",
        str(settings.project),
        "--target-path",
        str(settings.target),
        "--log-path",
        str(settings.state / "logs"),
        "--log-level",
        "none",
        "--log-level-file",
        "info",
    ]
