"""The models of the gate and those behind ``quality.metrics`` as SQL, run without dbt.

dbt compiles them once, and again when a file of the project has changed. A warehouse
that is thrown away anyway then needs a second for them, where dbt needs ten.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import re
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from winnow.build.dbt import run_dbt
from winnow.contracts.entities import LOG_SOURCE, load_contracts
from winnow.contracts.macros import staging_model, validated_model
from winnow.contracts.tenants import seed_sql
from winnow.core.errors import BuildError
from winnow.core.settings import Settings, project_root, seeds_folder
from winnow.warehouse.database import connect
from winnow.warehouse.sql import column_definitions

_BUILT_AT = re.compile(r"cast\('([^']+)' as timestamp\) as built_at")
_NOW = "<when the build began>"

_SELECTED = ("+load_verdicts", "+metrics", "+repeated_records")
_SEEDS = "<folder of the seeds>"

_PROJECT = ("dbt_project.yml", "profiles.yml", "macros", "models", "seeds", "snapshots")


@dataclass(frozen=True)
class _Step:
    """A node, in an order in which nothing is needed before it is there. Where it says
    what the ``raw_table`` of one entity holds, it has these ``columns`` and no row as
    long as that has none.
    """

    name: str
    schema: str
    kind: str
    sql: str
    raw_table: str | None = None
    columns: str | None = None


_compiled: dict[str, tuple[_Step, ...]] = {}


def build_quality(scratch: Settings, kept: Path, seeds: Path | None = None) -> None:
    """Make ``validated.load_verdicts``, ``quality.metrics`` and all that they are made
    of, in a scratch warehouse that has rows in its raw tables and nothing else. The SQL
    is kept in the file ``kept``.

    Raises BuildError when dbt cannot compile the project, or a model fails, such as on
    a setting that makes no sense.
    """
    steps = _steps(scratch, kept)
    with connect(
        scratch.warehouse, read_only=False, config=scratch.duckdb_options
    ) as connection:
        _make(connection, steps, seeds or seeds_folder())


def _make(
    connection: duckdb.DuckDBPyConnection, steps: tuple[_Step, ...], seeds: Path
) -> None:
    """Run the steps. Of entities without a row, planning the SQL would take most of the
    time of a small file, so that their tables are only declared.
    """
    folder = str(seeds).replace("'", "''")
    now = f"{dt.datetime.now(dt.UTC):%Y-%m-%d %H:%M:%S.%f}"
    _create_raw_tables(connection)
    filled = {
        entity.table
        for entity in load_contracts().values()
        if connection.execute(f'from raw."{entity.table}" limit 1').fetchone()
    }
    for step in steps:
        connection.execute(f'create schema if not exists "{step.schema}"')
        if step.columns is None or step.raw_table in filled:
            sql = step.sql.replace(_NOW, now).replace(_SEEDS, folder)
            made = f"create {step.kind} {step.name} as {sql}"
        else:
            made = f"create table {step.name} ({step.columns})"
        try:
            connection.execute(made)
        except duckdb.Error as error:
            raise BuildError(f"{step.name}: {error}") from error


def _create_raw_tables(connection: duckdb.DuckDBPyConnection) -> None:
    """Those that no file has filled; as the macro of that name does for a build."""
    connection.execute("create schema if not exists raw")
    for entity in load_contracts().values():
        columns = column_definitions(entity.raw_columns)
        connection.execute(
            f'create table if not exists raw."{entity.table}" ({columns})'
        )


def _steps(scratch: Settings, kept: Path) -> tuple[_Step, ...]:
    digest = _digest(project_root(scratch))
    if digest not in _compiled:
        steps = _kept_steps(kept, digest)
        if steps is None:
            steps = _compile(scratch)
            known = {"project": digest, "steps": [asdict(step) for step in steps]}
            kept.parent.mkdir(parents=True, exist_ok=True)
            unfinished = kept.with_name(f".{kept.name}.{os.getpid()}")
            unfinished.write_text(json.dumps(known), encoding="utf-8")
            unfinished.replace(kept)
        _compiled[digest] = steps
    return _compiled[digest]


def _kept_steps(kept: Path, digest: str) -> tuple[_Step, ...] | None:
    try:
        known = json.loads(kept.read_text(encoding="utf-8"))
        if known["project"] != digest:
            return None
        return tuple(_Step(**step) for step in known["steps"])
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _digest(root: Path) -> str:
    """A short name for what the project's files say."""
    found = hashlib.sha256()
    for name in _PROJECT:
        path = root / name
        files = [path] if path.is_file() else sorted(path.rglob("*"))
        for file in files:
            if file.is_file() and file.suffix in (".sql", ".yml", ".md"):
                found.update(f"{file}\0".encode() + file.read_bytes())
    return found.hexdigest()


def _compile(scratch: Settings) -> tuple[_Step, ...]:
    before = dict(os.environ)
    try:
        result = run_dbt(
            scratch,
            [
                *("compile", "--select", *_SELECTED, "--no-write-json"),
                *("--exclude", "resource_type:test", "resource_type:unit_test"),
            ],
        )
    finally:  # dbt is told by the environment where everything is.
        os.environ.clear()
        os.environ.update(before)
    if not result.succeeded:
        said = "; ".join(failure.message for failure in result.failures)
        raise BuildError(f"dbt cannot compile the project: {said}")
    raw_tables = {
        model_of(entity): entity.table
        for entity in load_contracts().values()
        for model_of in (staging_model, validated_model)
        if entity.source != LOG_SOURCE
    }
    steps = tuple(
        _step(one.node, raw_tables.get(one.node.name)) for one in result.value.results
    )
    # The time of the build stands in the SQL, by the macro build_started_at.
    found = next(filter(None, (_BUILT_AT.search(step.sql) for step in steps)))
    steps = tuple(replace(one, sql=one.sql.replace(found[1], _NOW)) for one in steps)
    with connect(
        Path(":memory:"), read_only=False, config=scratch.duckdb_options
    ) as connection:
        _make(connection, steps, seeds_folder())
        return tuple(_with_columns(connection, one) for one in steps)


def _with_columns(connection: duckdb.DuckDBPyConnection, step: _Step) -> _Step:
    """The step with the columns that it made of empty raw tables."""
    if step.raw_table is None or connection.execute(f"from {step.name}").fetchone():
        return step
    described = connection.execute(f"describe {step.name}").fetchall()
    columns = {name: kind for name, kind, *_ in described}
    return replace(step, columns=column_definitions(columns))


def _step(node: Any, raw_table: str | None) -> _Step:
    name = f'"{node.schema}"."{node.alias}"'
    kind, sql = "table", node.compiled_code if node.resource_type != "seed" else ""
    if node.resource_type == "seed":
        sql = seed_sql(Path(_SEEDS) / Path(node.original_file_path).name)
    elif node.config.materialized == "view":
        kind = "view"
    return _Step(name, node.schema, kind, sql, raw_table)
