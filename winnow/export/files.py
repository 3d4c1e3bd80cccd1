"""``winnow export``: tables of the warehouse as files for a trainer, with a manifest.

The files are written into a folder beside the wanted one, which is renamed when all of
them are there: an export that is killed leaves nothing under its name.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import duckdb

from winnow.core.disk import exchanged
from winnow.core.errors import InputError, writing
from winnow.core.settings import Settings
from winnow.export.manifest import CODE_COLUMNS, MANIFEST, read_manifest
from winnow.export.recbole import atomic_files
from winnow.warehouse.reading import has_table, read_only
from winnow.warehouse.sql import identifier, literal, literals

FORMATS = ("parquet", "csv", "recbole")
SPLITS = ("train", "validation", "test")
TABLES = {
    "examples": "training",
    "sequences": "training",
    "positives": "training",
    "negatives": "training",
    "split_assignments": "training",
    "interactions": "prepared",
    "users": "prepared",
    "items": "prepared",
    "interaction_features": "features",
    "user_features": "features",
    "item_features": "features",
    "user_recent_items": "features",
    "user_category_affinity": "features",
}
"""What can be exported, with its schema."""

_RECBOLE_TABLES = ("interactions", "examples", "sequences")
_PARTITIONS = ("tenant_id", "split_name", "fold", "split")
_POLL_SECONDS = 0.2

Progress = Callable[[str, float], None]
"""Told what is being written and how much of it is done, 0 to 100 (-1 where DuckDB does
not know).
"""


@dataclass(frozen=True)
class ExportRequest:
    """What to export and how.

    ``what`` is one of TABLES; when it is None, ``examples``, and for RecBole
    ``interactions``. Empty ``tenants`` and ``splits`` mean all. ``split_name`` is one
    split method of a table that has several, ``fold`` one of its folds. ``pad_to``
    gives sequences that length, padded with 0 on the left; ``pad_left`` alone takes
    the longest ``sequence_length`` of the tenants.
    """

    what: str | None = None
    format: str = "parquet"
    tenants: Sequence[str] = ()
    splits: Sequence[str] = ()
    split_name: str | None = None
    fold: int | None = None
    pad_left: bool = False
    pad_to: int | None = None

    @property
    def name(self) -> str:
        """The table's name, the default resolved."""
        return self.what or ("interactions" if self.format == "recbole" else "examples")

    @property
    def table(self) -> str:
        """The table with its schema."""
        return f"{TABLES[self.name]}.{self.name}"


@dataclass(frozen=True)
class ExportedFile:
    """A file of an export: its path below the export's folder, its bytes, and its rows
    (None for a CSV, of which a folder can have several: DuckDB does not tell).
    """

    path: str
    size: int
    rows: int | None


@dataclass(frozen=True)
class ExportReport:
    """What an export wrote: ``rows`` for each combination of values of ``keys``, the
    columns that the folders stand for. ``note`` is what a reader of the files has to
    know, where there is something.
    """

    out: Path
    keys: tuple[str, ...]
    rows: dict[tuple[str, ...], int]
    files: tuple[ExportedFile, ...]
    seconds: float
    note: str | None = None


@dataclass(frozen=True)
class Column:
    """A column of an export, as the manifest has it."""

    name: str
    type: str
    description: str | None = None


@dataclass
class _Source:
    """The query that is exported and what is known of its columns."""

    query: str
    columns: list[Column]
    partitions: list[str]


@dataclass
class _Written:
    """What has been written: columns by table or kind of file, rows by the values of
    the keys, files.
    """

    keys: tuple[str, ...]
    columns: dict[str, list[Column]] = field(default_factory=dict)
    rows: dict[tuple[str, ...], int] = field(default_factory=dict)
    files: list[ExportedFile] = field(default_factory=list)


def export(
    settings: Settings,
    out: Path,
    request: ExportRequest | None = None,
    *,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> ExportReport:
    """Write a table of the warehouse to the folder ``out``, with ``_manifest.json``.

    Parquet and CSV are partitioned by tenant and split (and by split method and fold,
    where the table has them) in folders such as ``tenant_id=acme/split=train``; a
    table's integer codes are joined in. RecBole gets a folder for each tenant with its
    atomic files. Rows of Parquet and CSV have no particular order. Raises
    InputError, in a sentence, for a request that cannot be met, for an ``out`` that is
    not empty (with ``overwrite``: that is no export), and for a warehouse that another
    process writes.
    """
    request = request or ExportRequest()
    _check(request)
    started = time.monotonic()
    with _open(settings) as connection:
        _check_tables(connection, request)
        tenants = _tenants(connection, request)
        with _replacing(out.absolute(), overwrite) as folder:
            run = _Run(connection, folder, progress or (lambda _what, _done: None))
            if request.format == "recbole":
                written = _write_atomic_files(run, request, tenants)
            else:
                written = _write_partitions(run, request, tenants)
            if not any(written.rows.values()):
                raise InputError(f"No rows of {request.table} are as you ask.")
            manifest = _manifest(connection, request, tenants, written)
            (folder / MANIFEST).write_text(
                json.dumps(manifest, indent=2, ensure_ascii=False) + "\n",
                encoding="utf-8",
            )
    return ExportReport(
        out,
        written.keys,
        written.rows,
        tuple(written.files),
        time.monotonic() - started,
        _note(written),
    )


def _note(written: _Written) -> str | None:
    """Whose codes the files hold, where they hold those of several tenants."""
    tenants = {values[written.keys.index("tenant_id")] for values in written.rows}
    names = [column.name for listed in written.columns.values() for column in listed]
    codes = [name for name in CODE_COLUMNS if name in names]
    if len(tenants) < 2 or not codes:
        return None
    return (
        f"{_list(codes)}: numbered from 1 for each tenant by itself. Read one tenant "
        "(its folder) at a time, or keep tenant_id beside the codes."
    )


@dataclass
class _Run:
    connection: duckdb.DuckDBPyConnection
    folder: Path
    progress: Progress

    def copy(self, query: str, path: str, options: str) -> list[tuple[Any, ...]]:
        """COPY the query to ``path`` below the folder; the rows that COPY returns."""
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        return self._watched(
            f"copy ({query}) to {literal(str(target))} ({options})", path or "files"
        )

    def _watched(self, sql: str, what: str) -> list[tuple[Any, ...]]:
        """The rows of a statement, while ``progress`` is told how far it is."""

        def run() -> list[tuple[Any, ...]]:
            return self.connection.execute(sql).fetchall()

        with ThreadPoolExecutor(1) as pool:
            self.progress(what, 0.0)
            running = pool.submit(run)
            try:
                while not wait([running], timeout=_POLL_SECONDS).done:
                    self.progress(what, self.connection.query_progress())
                return running.result()
            except BaseException:
                self.connection.interrupt()
                raise


def _check(request: ExportRequest) -> None:
    for option, value, legal in (
        ("--format", request.format, FORMATS),
        ("--what", request.name, tuple(TABLES)),
        *(("--split", split, SPLITS) for split in request.splits),
    ):
        if value not in legal:
            raise InputError(f"{option} {value}: it must be one of {_list(legal)}.")
    if request.format == "recbole":
        if request.name not in _RECBOLE_TABLES:
            raise InputError(
                f"--what {request.name}: RecBole reads {_list(_RECBOLE_TABLES)} only."
            )
        if request.splits:
            raise InputError(
                "--split: RecBole wants the files of all splits; leave it out."
            )
    if request.pad_left or request.pad_to is not None:
        if request.name != "sequences" or request.format == "recbole":
            raise InputError(
                "--pad-left and --pad-to: only sequences have a list to pad, in "
                "Parquet and CSV; add --what sequences."
            )
        if request.pad_to is not None and request.pad_to < 1:
            raise InputError(f"--pad-to {request.pad_to}: it must be 1 or more.")


@contextmanager
def _open(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    if not settings.warehouse.is_file():
        raise InputError(_NOTHING_BUILT)
    settings.temp_directory.mkdir(parents=True, exist_ok=True)
    with read_only(settings.warehouse, settings.duckdb_options) as connection:
        connection.execute("set enable_progress_bar = true")
        connection.execute("set enable_progress_bar_print = false")
        yield connection


_NOTHING_BUILT = "Nothing has been built yet: load some data, then `winnow build`."


def _check_tables(
    connection: duckdb.DuckDBPyConnection, request: ExportRequest
) -> None:
    needed = ["prepared.tenants", request.table]
    needed += ["prepared.user_codes", "prepared.item_codes"]
    if request.format == "recbole":
        needed += ["prepared.users", "prepared.items"]
        needed += ["prepared.splits", "training.split_assignments"]
    for table in needed:
        if not has_table(connection, *table.split(".")):
            if table == "prepared.tenants":
                raise InputError(_NOTHING_BUILT)
            raise InputError(
                f"The warehouse has no {table}: run `winnow build` without --select."
            )


def _tenants(
    connection: duckdb.DuckDBPyConnection, request: ExportRequest
) -> list[str]:
    """The tenants to export, sorted."""
    built = [
        tenant
        for (tenant,) in connection.execute(
            "select tenant_id from prepared.tenants order by tenant_id"
        ).fetchall()
    ]
    if not built:
        raise InputError(_NOTHING_BUILT)
    for tenant in request.tenants:
        if tenant not in built:
            raise InputError(
                f"--tenant {tenant}: the warehouse has no such tenant; it has "
                f"{_list(built)}."
            )
    return sorted(set(request.tenants)) or built


def _write_partitions(
    run: _Run, request: ExportRequest, tenants: list[str]
) -> _Written:
    source = _source(run.connection, request, tenants)
    keys = ", ".join(map(identifier, source.partitions))
    options = f"partition_by ({keys}), filename_pattern 'part_{{i}}', "
    options += "overwrite_or_ignore true, "
    written = _Written(tuple(source.partitions), {request.name: source.columns})
    if request.format == "csv":
        quoted = ", ".join(
            identifier(column.name)
            for column in source.columns
            if column.type == "VARCHAR" and column.name not in source.partitions
        )
        options += f"format csv, header true, force_quote ({quoted})"
        run.copy(source.query, "", options)
        counts = f"select {keys}, count(*) from ({source.query}) group by all"
        for *values, rows in run.connection.execute(counts).fetchall():
            written.rows[tuple(map(str, values))] = rows
        written.files = [
            ExportedFile(
                path.relative_to(run.folder).as_posix(), path.stat().st_size, None
            )
            for path in run.folder.rglob("part_*")
        ]
    else:
        options += "format parquet, compression zstd, return_stats true"
        for name, rows, size, _, _, values in run.copy(source.query, "", options):
            path = Path(name).relative_to(run.folder).as_posix()
            written.files.append(ExportedFile(path, size, rows))
            key = tuple(values[column] for column in source.partitions)
            written.rows[key] = written.rows.get(key, 0) + rows
    return written


def _source(
    connection: duckdb.DuckDBPyConnection, request: ExportRequest, tenants: list[str]
) -> _Source:
    """The rows of the request with their codes, and the columns to partition by."""
    given = _columns(connection, request.table)
    names = [column.name for column in given]
    descriptions = {column.name: column.description for column in given}
    selected = {name: f"rows.{identifier(name)}" for name in names}
    joins = []
    for entity in ("user", "item"):
        key, code = f"{entity}_id", f"{entity}_index"
        if key in names and code not in names:
            joins.append(
                f"left join prepared.{entity}_codes as {entity}_codes "
                f"on rows.tenant_id = {entity}_codes.tenant_id "
                f"and rows.{key} = {entity}_codes.{key}"
            )
            selected[code] = f"{entity}_codes.{code}"
            codes = _columns(connection, f"prepared.{entity}_codes")
            descriptions |= {c.name: c.description for c in codes if c.name == code}
    if request.pad_left or request.pad_to is not None:
        length = request.pad_to or _longest(connection, tenants)
        selected |= _padded(length)
        descriptions["item_indexes"] = (
            f"The newest {length} items of the history, oldest first, padded with 0 on "
            "the left."
        )
        descriptions["history_length"] = "Items of item_indexes that are not padding."
    conditions = _conditions(connection, request, tenants, names)
    query = _select(selected, request.table, joins, conditions)
    columns = _described(connection, query, descriptions)
    if request.format == "csv":
        for column in columns:
            if column.type.endswith("]") or column.type.startswith(("STRUCT", "MAP")):
                text = f"cast(to_json({selected[column.name]}) as varchar)"
                selected[column.name] = text
        query = _select(selected, request.table, joins, conditions)
        columns = _described(connection, query, descriptions)
    return _Source(query, columns, [name for name in _PARTITIONS if name in names])


def _select(
    selected: dict[str, str], table: str, joins: list[str], conditions: list[str]
) -> str:
    columns = ", ".join(
        f"{sql} as {identifier(name)}" for name, sql in selected.items()
    )
    return (
        f"select {columns} from {table} as rows {' '.join(joins)} "
        f"where {' and '.join(conditions)}"
    )


def _conditions(
    connection: duckdb.DuckDBPyConnection,
    request: ExportRequest,
    tenants: list[str],
    names: list[str],
) -> list[str]:
    conditions = [f"rows.tenant_id in ({literals(tenants)})"]
    if request.splits:
        _check_has("--split", "split", request, names)
        conditions.append(f"rows.split in ({literals(request.splits)})")
    if request.split_name is not None:
        _check_has("--split-name", "split_name", request, names)
        split_names = _distinct(connection, request.table, "split_name")
        if request.split_name not in split_names:
            raise InputError(
                f"--split-name {request.split_name}: it must be one of "
                f"{_list(split_names)}."
            )
        conditions.append(f"rows.split_name = {literal(request.split_name)}")
    if request.fold is not None:
        _check_has("--fold", "fold", request, names)
        conditions.append(f"rows.fold = {request.fold}")
    return conditions


def _check_has(
    option: str, column: str, request: ExportRequest, names: list[str]
) -> None:
    if column not in names:
        raise InputError(f"{option}: {request.table} has no column {column}.")


def _distinct(
    connection: duckdb.DuckDBPyConnection, table: str, column: str
) -> list[str]:
    rows = connection.execute(f"select distinct {column} from {table}").fetchall()
    return sorted(value for (value,) in rows)


def _longest(connection: duckdb.DuckDBPyConnection, tenants: list[str]) -> int:
    row = connection.execute(
        "select max(sequence_length) from prepared.tenants "
        f"where tenant_id in ({literals(tenants)})"
    ).fetchone()
    return max(1, int(row[0])) if row else 1


def _padded(length: int) -> dict[str, str]:
    kept = f"least(rows.history_length, {length})"
    return {
        "item_indexes": f"list_resize(cast([] as bigint[]), {length} - {kept}, 0) "
        f"|| rows.item_indexes[rows.history_length - {kept} + 1:]",
        "history_length": kept,
    }


def _columns(connection: duckdb.DuckDBPyConnection, table: str) -> list[Column]:
    """The columns of a table in its order, with the descriptions that dbt gave them."""
    schema, name = table.split(".")
    rows = connection.execute(
        "select column_name, data_type, comment from duckdb_columns() "
        "where database_name = current_database() "
        "and schema_name = ? and table_name = ? order by column_index",
        [schema, name],
    ).fetchall()
    return [Column(*row) for row in rows]


def _described(
    connection: duckdb.DuckDBPyConnection,
    query: str,
    descriptions: dict[str, str | None],
) -> list[Column]:
    rows = connection.execute(f"describe {query}").fetchall()
    return [Column(row[0], row[1], descriptions.get(row[0])) for row in rows]


def _write_atomic_files(
    run: _Run, request: ExportRequest, tenants: list[str]
) -> _Written:
    written = _Written(("tenant_id", "file"))
    for tenant in tenants:
        dataset = atomic_files(
            run.connection, request.name, tenant, request.split_name, request.fold
        )
        for suffix, query in dataset.queries.items():
            path = f"{dataset.name}/{dataset.name}.{suffix}"
            [(rows,)] = run.copy(query, path, "format csv, header true, delimiter '\t'")
            size = (run.folder / path).stat().st_size
            written.files.append(ExportedFile(path, size, rows))
            written.rows[tenant, suffix] = rows
            described = run.connection.execute(f"describe {query}").fetchall()
            written.columns[suffix] = [
                Column(*row[0].rsplit(":", 1)) for row in described
            ]
        settings_file = run.folder / dataset.name / "recbole.yaml"
        settings_file.write_text(dataset.settings)
    return written


def _manifest(
    connection: duckdb.DuckDBPyConnection,
    request: ExportRequest,
    tenants: list[str],
    written: _Written,
) -> dict[str, Any]:
    loads = connection.execute(
        "select tenant_id, max(load_id) from prepared.interactions "
        f"where tenant_id in ({literals(tenants)}) group by all order by all"
    ).fetchall()
    return {
        "winnow": _version(),
        "exported_at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "table": request.table,
        "format": request.format,
        "newest_load": dict(loads),
        "note": _note(written),
        "rows": sum(written.rows.values()),
        "partitions": [
            dict(zip(written.keys, values, strict=True)) | {"rows": rows}
            for values, rows in sorted(written.rows.items())
        ],
        "columns": {
            name: [
                {"name": c.name, "type": c.type, "description": c.description}
                for c in listed
            ]
            for name, listed in written.columns.items()
        },
        "files": [
            {"path": file.path, "rows": file.rows, "bytes": file.size}
            for file in sorted(written.files, key=lambda file: file.path)
        ],
    }


def _version() -> str:
    try:
        return version("winnow")
    except PackageNotFoundError:
        return "unknown"


@contextmanager
def _replacing(out: Path, overwrite: bool) -> Iterator[Path]:
    """A folder beside ``out`` that takes its place when the block ends well.

    One process at a time has it; what a killed one left in it is removed.
    """
    with writing(out, "another folder's name"), _beside(out, overwrite) as partial:
        yield partial


@contextmanager
def _beside(out: Path, overwrite: bool) -> Iterator[Path]:
    _check_out(out, overwrite)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial = out.parent / f".{out.name}.partial"
    partial.mkdir(exist_ok=True)
    descriptor = os.open(partial, os.O_RDONLY)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise InputError(f"{out}: another export is writing it.") from error
        _bring_back(out)
        _check_out(out, overwrite)
        _empty(partial)
        try:
            yield partial
            _check_out(out, overwrite)
            _take_place(partial, out)
        except BaseException:
            shutil.rmtree(partial, ignore_errors=True)
            raise
    finally:
        os.close(descriptor)


def _check_out(out: Path, overwrite: bool) -> None:
    if not out.exists():
        return
    if not out.is_dir():
        raise InputError(f"{out} is a file; an export is a folder.")
    if not any(out.iterdir()):
        return
    if not overwrite:
        raise InputError(f"{out} is not empty; --overwrite replaces an export.")
    if read_manifest(out) is None:
        raise InputError(
            f"{out} is not an export of winnow's; --overwrite replaces nothing else."
        )


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


def _take_place(partial: Path, out: Path) -> None:
    """Put ``partial`` in the place of ``out``, which is there all the time, the old one
    or the new one.
    """
    replaced = _replaced(out)
    if not out.exists():
        partial.rename(out)
    elif exchanged(partial, out):
        shutil.rmtree(partial, ignore_errors=True)
    else:
        # A kill between these two is made good by the next export (_bring_back).
        out.rename(replaced)
        try:
            partial.rename(out)
        except OSError:
            replaced.rename(out)
            raise
    shutil.rmtree(replaced, ignore_errors=True)


def _bring_back(out: Path) -> None:
    """Undo what a kill has left of two renames."""
    replaced = _replaced(out)
    if not replaced.exists():
        return
    if out.exists():
        shutil.rmtree(replaced)
    else:
        replaced.rename(out)


def _replaced(out: Path) -> Path:
    return out.parent / f".{out.name}.replaced"


def _list(values: Sequence[str]) -> str:
    return ", ".join(values)
