"""What the pages read: the published generation, through cached queries."""

from __future__ import annotations

import datetime as dt
import json
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import streamlit as st

from winnow.core.settings import Settings
from winnow.publish.published import (
    current_generation,
    generation_path,
    metadata_path,
    open_current,
)

PUBLIC_LAYERS = (
    *("prepared", "features", "training", "evaluation", "quality", "validated"),
)
"""The schemas that readers may rely on, in the order of the data's way."""

_RESULTS = 512
"""Query results that are kept, of all generations and tenants together."""


class MissingTable(Exception):
    """The generation has no such table: one that an older version published."""

    def __init__(self, table: str, number: int) -> None:
        """Say which table which generation lacks."""
        super().__init__(
            f"Generation {number} has no table {table}: what published it did not "
            "make it. `winnow build` makes and publishes it."
        )


@dataclass(frozen=True)
class Generation:
    """A published generation that is open. ``key`` differs between any two that are
    published in the same place, also where somebody removed them all in between.
    """

    number: int
    path: Path
    key: str
    connection: duckdb.DuckDBPyConnection = field(repr=False, compare=False)

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """A connection for one query of one thread."""
        return self.connection.cursor()


@dataclass(frozen=True)
class Publication:
    """What ``gen-<number>.json`` says: when it was published (UTC), its bytes, and the
    rows of each table; nothing where the file is not there.
    """

    created_at: dt.datetime | None = None
    size: int | None = None
    rows: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Column:
    """A column as the generation describes it."""

    name: str
    data_type: str
    description: str


@dataclass(frozen=True)
class TableInfo:
    """A table or view as the generation describes it."""

    schema: str
    name: str
    description: str
    columns: tuple[Column, ...]

    @property
    def full_name(self) -> str:
        """The schema and the table."""
        return f"{self.schema}.{self.name}"

    def has(self, column: str) -> bool:
        """Whether it has a column of this name."""
        return any(known.name == column for known in self.columns)


class _Reader:
    """The open generation of this process, and the one before it, which some reader may
    be asking still.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: Generation | None = None
        self._before: Generation | None = None

    def current(self, settings: Settings) -> Generation:
        """The generation that the pointer names, opened where it is not already."""
        with self._lock:
            if self._open is not None and _key(settings) == self._open.key:
                return self._open
            number = current_generation(settings.published)
            for generation in (self._open, self._before):
                # A file that took another's name is only seen once that is closed.
                if generation is not None and (
                    generation is self._before or generation.number == number
                ):
                    generation.connection.close()
            self._before, self._open = self._open, None
            number, connection = open_current(settings)
            path = generation_path(settings.published, number)
            self._open = Generation(number, path, _key_of(path), connection)
            return self._open


@st.cache_resource(show_spinner=False)
def _reader() -> _Reader:
    return _Reader()


def current(settings: Settings) -> Generation:
    """The current generation. Raises InputError when nothing is published, or when what
    is cannot be read.
    """
    return _reader().current(settings)


def is_current(settings: Settings, generation: Generation) -> bool:
    """Whether readers should still look at this one."""
    return _key(settings) == generation.key


def read(
    generation: Generation, sql: str, parameters: Sequence[Any] = ()
) -> pd.DataFrame:
    """The result of a query, kept for as long as the generation is current. Columns of
    whole numbers and nulls are Int64; times are UTC without a zone.
    """
    return _read(generation.key, sql, tuple(parameters), generation)


@st.cache_data(show_spinner=False, max_entries=_RESULTS)
def _read(
    key: str, sql: str, parameters: tuple[Any, ...], _generation: Generation
) -> pd.DataFrame:
    with _generation.cursor() as cursor:
        return cursor.execute(sql, list(parameters)).df()


def read_rows(
    generation: Generation, sql: str, parameters: Sequence[Any] = ()
) -> pd.DataFrame:
    """As ``read``, of results so large that only the newest few are kept."""
    return _read_rows(generation.key, sql, tuple(parameters), generation)


@st.cache_data(show_spinner="Reading rows", max_entries=4)
def _read_rows(
    key: str, sql: str, parameters: tuple[Any, ...], _generation: Generation
) -> pd.DataFrame:
    with _generation.cursor() as cursor:
        return cursor.execute(sql, list(parameters)).df()


def tables(generation: Generation) -> dict[str, TableInfo]:
    """The tables and views of the public layers by their full names, in the order of
    the layers.
    """
    return _tables(generation.key, generation)


@st.cache_data(show_spinner=False, max_entries=2)
def _tables(key: str, _generation: Generation) -> dict[str, TableInfo]:
    with _generation.cursor() as cursor:
        described = cursor.execute(
            "select schema_name, table_name, comment from duckdb_tables() "
            "where not internal and database_name = current_database() "
            "union all select schema_name, view_name, comment from duckdb_views() "
            "where not internal and database_name = current_database() order by all"
        ).fetchall()
        column_rows = cursor.execute(
            "select schema_name, table_name, column_name, data_type, comment "
            "from duckdb_columns() "
            "where not internal and database_name = current_database() "
            "order by schema_name, table_name, column_index"
        ).fetchall()
    columns: dict[tuple[str, str], list[Column]] = {}
    for schema, table, column, data_type, comment in column_rows:
        columns.setdefault((schema, table), []).append(
            Column(column, data_type, comment or "")
        )
    infos = [
        TableInfo(schema, name, comment or "", tuple(columns[schema, name]))
        for schema, name, comment in described
        if schema in PUBLIC_LAYERS
    ]
    infos.sort(key=lambda info: (PUBLIC_LAYERS.index(info.schema), info.name))
    return {info.full_name: info for info in infos}


def require(generation: Generation, *names: str) -> None:
    """Raise MissingTable for the first of these tables that is not there."""
    there = tables(generation)
    for name in names:
        if name not in there:
            raise MissingTable(name, generation.number)


def verdicts(generation: Generation, known: Sequence[str]) -> list[str]:
    """Those of the ``known`` verdicts on records that the generation counts: earlier
    versions held and replaced nothing.
    """
    counts = tables(generation)["quality.reconciliation"]
    return [name for name in known if counts.has(f"{name}_count")]


def tenants(generation: Generation) -> list[str]:
    """Every tenant that has loaded anything, in order."""
    require(generation, "prepared.tenants")
    sql = "select tenant_id from prepared.tenants order by tenant_id"
    return [str(tenant) for tenant in read(generation, sql)["tenant_id"]]


def largest_tenants(generation: Generation) -> list[str]:
    """Every tenant, the one with the most interactions first."""
    require(generation, "prepared.tenants")
    sql = (
        "select tenant_id from prepared.tenants "
        "order by interaction_count desc nulls last, tenant_id"
    )
    return [str(tenant) for tenant in read(generation, sql)["tenant_id"]]


def publication(generation: Generation) -> Publication:
    """What was noted when the generation was published."""
    path = metadata_path(generation.path.parent, generation.number)
    with suppress(OSError, ValueError, KeyError, TypeError):
        noted = json.loads(path.read_text("utf-8"))
        return Publication(
            dt.datetime.fromisoformat(noted["created_at"]),
            int(noted["file_size_bytes"]),
            {str(name): int(rows) for name, rows in noted["tables"].items()},
        )
    return Publication()


def _key(settings: Settings) -> str | None:
    number = current_generation(settings.published)
    if number is None:
        return None
    return _key_of(generation_path(settings.published, number))


def _key_of(path: Path) -> str:
    try:
        stat = path.stat()
    except FileNotFoundError:
        return f"{path} is gone"
    return f"{path} {stat.st_ino} {stat.st_mtime_ns} {stat.st_size}"
