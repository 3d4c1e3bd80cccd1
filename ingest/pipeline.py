"""Loads: files in, rows of the raw tables and files of the landing lake out.

A load reads every file to text, writes it as Parquet, and gives the Parquet files to
dlt, which inserts them into the raw tables as one package. It happens as a whole or not
at all, however the process ends: see ``ingest.raw_tables`` for what decides.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import duckdb
import pyarrow as pa

from ingest.columns import DATE_ORDERS
from ingest.contracts import LOG_SOURCE, RAW_SCHEMA, Entity, contract
from ingest.corrections import EntityCorrections
from ingest.errors import InputError
from ingest.file_names import path_text
from ingest.landing import (
    LakeWriter,
    incoming_folder,
    lake_path,
    lake_writer,
    publish,
    write_metadata,
)
from ingest.lock import warehouse_lock
from ingest.raw_tables import (
    begin_dlt_folder,
    ensure_raw_tables,
    needs_recovery,
    open_warehouse,
    recover_tables,
    remove_dlt_folder,
)
from ingest.readers import FAULT_SCHEMA, sha256_of
from ingest.recognition import Recognised, recognise_files
from ingest.records import Records, read_records
from ingest.settings import Settings
from ingest.settings import settings as settings_of_process
from ingest.sources import (
    FileFacts,
    LeftOut,
    ReadOptions,
    SourceFile,
    source_of,
)
from ingest.sources.base import plain_name

if TYPE_CHECKING:
    from dlt.common.schema.typing import TSchemaContractDict

_EPOCH = dt.datetime(1970, 1, 1)
_TENANT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SAME_TEXT = ("tenant_id", "file", "file_sha256", "date_order", "load_id")
_ONE_TEXT = pa.dictionary(pa.int32(), pa.string())
_ARROW_TYPES = {
    "varchar": pa.string(),
    "bigint": pa.int64(),
    "timestamp": pa.timestamp("us"),
}
_DLT_TYPES: dict[str, dict[str, Any]] = {
    "varchar": {"data_type": "text"},
    "bigint": {"data_type": "bigint"},
    "timestamp": {"data_type": "timestamp", "timezone": False},
}
_DLT_CONFIG: dict[str, Any] = {
    "restore_from_destination": False,  # every load begins with an empty working folder
    "load.delete_completed_jobs": True,
    "load.workers": 1,  # DuckDB uses its own threads for each insert
    "load.raise_on_max_retries": 1,
    "runtime.dlthub_telemetry": False,
    "runtime.log_level": "CRITICAL",  # what goes wrong is raised
}


class Progress(Protocol):
    """Is told how a load goes on. Bytes are those of the files as they lie on disk."""

    def start(self, file: Path, total_bytes: int) -> None:
        """A file is begun."""

    def advance(self, total_read: int, landed: int, unreadable: int) -> None:
        """So much of the file has been read, so many records in all."""

    def store(self, landed: int) -> None:
        """All files are read; their records are on the way to the warehouse."""


class _Silent:
    def start(self, file: Path, total_bytes: int) -> None: ...

    def advance(self, total_read: int, landed: int, unreadable: int) -> None: ...

    def store(self, landed: int) -> None: ...


@dataclass(frozen=True)
class FileResult:
    """What became of one file.

    ``landed`` records are in the entity's raw table, ``unreadable`` ones in
    raw.winnow_unreadable_records; ``skipped`` says why nothing was loaded, None when
    the file was. ``seconds`` are those of reading it. ``facts`` are empty where it was
    skipped.
    """

    file: Path
    entity: str
    landed: int = 0
    unreadable: int = 0
    skipped: str | None = None
    seconds: float = 0.0
    facts: FileFacts = field(default_factory=FileFacts)


@dataclass(frozen=True)
class LoadResult:
    """What a load came to. ``load_id`` is None when every file was skipped."""

    load_id: str | None
    tenant: str
    files: tuple[FileResult, ...]
    left_out: tuple[LeftOut, ...]
    seconds: float

    @property
    def landed(self) -> int:
        """Records in the entities' raw tables, over all files."""
        return sum(file.landed for file in self.files)

    @property
    def unreadable(self) -> int:
        """Records whose structure is broken, over all files."""
        return sum(file.unreadable for file in self.files)


def load(
    source: str,
    path: str | Path,
    *,
    tenant: str | None = None,
    entity: str | None = None,
    limit: int | None = None,
    options: ReadOptions | None = None,
    recursive: bool = False,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> LoadResult:
    """Load a file, a folder or a glob into the raw tables and the lake, exactly once.

    ``limit`` takes the first so many records of each file. ``options`` say how the
    files are to be read; what they leave open is found. ``recursive`` takes the files
    of a folder's subfolders, too. A file that has been loaded for this tenant with the
    same options is skipped.

    Raises InputError when any of the files cannot be used at all, or the warehouse is
    in use; nothing is loaded then.
    """
    settings = settings or settings_of_process()
    options = options or ReadOptions()
    tenant = source_of(source).default_tenant if tenant is None else tenant
    _check(tenant, limit, options)
    files, left_out = recognise_files(source, path, entity, options, recursive)
    with warehouse_lock(settings), open_warehouse(settings) as connection:
        if needs_recovery(settings):
            recover_tables(connection, settings)
        ensure_raw_tables(connection)
        running = _Load(
            settings, connection, source, tenant, limit, options, progress or _Silent()
        )
        try:
            return running.run(files, tuple(left_out))
        except BaseException:
            with suppress(duckdb.Error):
                recover_tables(connection, settings)
            raise


def replay(
    path: str | Path,
    corrections: EntityCorrections,
    settings: Settings,
    progress: Progress | None = None,
) -> str:
    """Load the corrected records of one tenant and entity, and the log of them and of
    the conflicts, as one package; its load id.

    ``path`` is the file of corrections, which becomes the records' file. To be called
    by whoever holds ``warehouse_lock``, after ``recover``. Raises InputError when the
    file is not what it was when the corrections were read; nothing is loaded then.
    """
    path = Path(path)
    options = ReadOptions(replay=corrections.digest)
    entity = corrections.entity
    with open_warehouse(settings) as connection:
        ensure_raw_tables(connection)
        running = _Load(
            settings,
            connection,
            entity.source,
            corrections.tenant,
            None,
            options,
            progress or _Silent(),
            more_log={
                name: [
                    row
                    | {
                        "tenant_id": corrections.tenant,
                        "source": entity.source,
                        "entity": entity.name,
                        "file": path_text(path),
                    }
                    for row in rows
                ]
                for name, rows in corrections.log().items()
            },
        )
        try:
            return running.run_replays(path, corrections)
        except BaseException:
            with suppress(duckdb.Error):
                recover_tables(connection, settings)
            raise


def recover(settings: Settings) -> int:
    """Undo what a killed load left in the raw tables; the rows that were removed.

    To be called by whoever holds ``warehouse_lock``, before the raw tables are read.
    Costs nothing when no load was cut short.
    """
    if not needs_recovery(settings):
        return 0
    with open_warehouse(settings) as connection:
        return recover_tables(connection, settings)


def _check(tenant: str, limit: int | None, options: ReadOptions) -> None:
    if not _TENANT_ID.fullmatch(tenant):
        raise InputError(
            f"{tenant!r} cannot be a tenant: an id has 1 to 63 lower-case letters, "
            f"digits, - and _, and begins with a letter or digit."
        )
    if limit is not None and limit < 1:
        raise InputError(f"A limit of {limit} loads nothing; it must be 1 or more.")
    if options.date_order not in (None, *DATE_ORDERS):
        raise InputError(
            f"{options.date_order!r} is no order of dates; there are "
            f"{', '.join(DATE_ORDERS)}."
        )


@dataclass(frozen=True)
class _Wanted:
    """A file that is to be loaded, as it was when its checksum was taken."""

    file: SourceFile
    entity: Entity
    sha256: str
    size: int
    modified: int
    notes: tuple[str, ...] = ()
    records: Callable[[], Iterator[Records]] | None = None
    """Yields the records, where they are not read from the file here."""

    @property
    def received_at(self) -> dt.datetime:
        """When the file arrived, UTC: its time of modification, to the microsecond."""
        return _EPOCH + dt.timedelta(microseconds=self.modified // 1000)

    def unchanged(self) -> bool:
        now = self.file.path.stat()
        return (now.st_size, now.st_mtime_ns) == (self.size, self.modified)


@dataclass
class _Load:
    """One run of ``load``: files that are read, and the dlt package that they make."""

    settings: Settings
    connection: duckdb.DuckDBPyConnection
    source: str
    tenant: str
    limit: int | None
    options: ReadOptions
    progress: Progress
    load_id: str = ""
    loaded_at: dt.datetime = field(
        default_factory=lambda: dt.datetime.now(dt.UTC).replace(tzinfo=None)
    )
    results: dict[Path, FileResult] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    staged: dict[str, list[tuple[Path, int]]] = field(default_factory=dict)
    more_log: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Rows of other tables of the log, without the load's id and time."""

    def run(self, files: list[Recognised], left_out: tuple[LeftOut, ...]) -> LoadResult:
        started = time.monotonic()
        wanted = self._not_loaded_yet(files)
        if wanted:
            self._load(wanted)
        return LoadResult(
            self.load_id or None,
            self.tenant,
            tuple(self.results[one.file.path] for one in files),
            left_out,
            time.monotonic() - started,
        )

    def run_replays(self, path: Path, corrections: EntityCorrections) -> str:
        wanted = []
        if corrections.replays:
            try:
                stat = path.stat()
            except OSError as error:
                raise _unusable(path, error) from error
            one = _Wanted(
                SourceFile(path, corrections.entity.name),
                corrections.entity,
                sha256_of(path),
                stat.st_size,
                stat.st_mtime_ns,
                records=corrections.records,
            )
            if one.sha256 != corrections.file_sha256:
                raise InputError(f"{path} changed while it was read; replay it again.")
            wanted.append(one)
        self._load(wanted)
        return self.load_id

    def _load(self, wanted: list[_Wanted]) -> None:
        self._run_package(wanted)
        publish(self.settings.lake, self.load_id)
        remove_dlt_folder(self.settings.state)

    def _not_loaded_yet(self, files: list[Recognised]) -> list[_Wanted]:
        wanted: list[_Wanted] = []
        seen: dict[tuple[str, str], Path] = {}
        for recognised in files:
            one = self._wanted(recognised)
            path = one.file.path
            key = (one.entity.name, one.sha256)
            twin = seen.setdefault(key, path)
            if twin != path:
                reason: str | None = f"same bytes as {path_text(twin)}"
            else:
                reason = self._loaded_before(one)
            if reason is None:
                wanted.append(one)
            else:
                self.results[path] = FileResult(path, one.entity.name, skipped=reason)
        return wanted

    def _wanted(self, recognised: Recognised) -> _Wanted:
        file = recognised.file
        try:
            stat = file.path.stat()
            if not stat.st_size:
                raise InputError(f"{file.path} is empty.")
            return _Wanted(
                file,
                recognised.entity,
                _identity(file),
                stat.st_size,
                stat.st_mtime_ns,
                recognised.notes,
            )
        except OSError as error:
            raise _unusable(file.path, error) from error

    def _loaded_before(self, wanted: _Wanted) -> str | None:
        found = self.connection.execute(
            f"select load_id, loaded_at from {RAW_SCHEMA}.winnow_loaded_files "
            "where tenant_id = ? and source = ? and entity = ? and file_sha256 = ? "
            "and read_options = ? and (row_limit is null or row_limit >= ?) "
            "order by loaded_at limit 1",
            [
                self.tenant,
                self.source,
                wanted.entity.name,
                wanted.sha256,
                self.options.given(),
                self.limit,
            ],
        ).fetchone()
        if found is None:
            return None
        return f"already loaded on {found[1]:%Y-%m-%d} by load {found[0]}"

    def _run_package(self, wanted: list[_Wanted]) -> None:
        """Let dlt load the files as one package, whose id is the load's id."""
        import dlt
        from dlt.pipeline.exceptions import PipelineStepFailed

        for name, value in _DLT_CONFIG.items():
            dlt.config[name] = value
        pipeline = dlt.pipeline(
            pipeline_name="winnow",
            destination=dlt.destinations.duckdb(self.connection),
            dataset_name=RAW_SCHEMA,
            pipelines_dir=str(begin_dlt_folder(self.settings)),
        )

        def parquet_files(entity: Entity) -> Iterator[Any]:
            if not self.load_id:
                self.load_id = dlt.current.load_package_state()["load_id"]
                self._read(wanted)
            for path, rows in self.staged.get(entity.table, ()):
                yield dlt.mark.with_file_import(str(path), "parquet", rows)

        frozen: TSchemaContractDict = {"columns": "freeze", "data_type": "freeze"}
        entities = {one.entity.table: one.entity for one in wanted}
        for name in ("loaded_files", "unreadable_records", *self.more_log):
            entities[name] = contract(LOG_SOURCE, name)
        try:
            pipeline.run(
                [
                    dlt.resource(
                        parquet_files,
                        name=entity.table,
                        write_disposition="append",
                        columns=_dlt_columns(entity),
                        schema_contract=frozen,
                    )(entity)
                    for entity in entities.values()
                ]
            )
        except PipelineStepFailed as error:
            cause: BaseException | None = error
            while cause is not None:
                if isinstance(cause, InputError | KeyboardInterrupt):
                    raise cause from None
                cause = cause.__cause__
            raise

    def _read(self, wanted: list[_Wanted]) -> None:
        """Write every file, the unreadable records and the log to the lake."""
        faults_of = contract(LOG_SOURCE, "unreadable_records")
        with self._writer(faults_of, f"load-{self.load_id}") as faults:
            for one in wanted:
                self._read_file(one, faults)
        if faults.record_count:
            self._finish(faults, faults_of)
        else:
            faults.path.unlink()
        same = {"load_id": self.load_id, "replayed_at": self.loaded_at}
        self._write_log("loaded_files", self.log)
        for name, rows in self.more_log.items():
            self._write_log(name, [row | same for row in rows])
        self.progress.store(sum(one["record_count"] for one in self.log))

    def _write_log(self, name: str, rows: list[dict[str, Any]]) -> None:
        if not rows:
            return
        log_of = contract(LOG_SOURCE, name)
        with self._writer(log_of, f"load-{self.load_id}") as log:
            log.add(pa.Table.from_pylist(rows, schema=log.schema))
        self._finish(log, log_of)

    def _read_file(self, wanted: _Wanted, faults: LakeWriter) -> None:
        started = time.monotonic()
        path, entity = wanted.file.path, wanted.entity
        self.progress.start(path, wanted.size)
        landed = unreadable = 0
        same = self._provenance(wanted)
        facts = FileFacts(notes=[*wanted.notes])
        try:
            with self._writer(entity, self._name_in_lake(wanted)) as writer:
                for records in (
                    wanted.records()
                    if wanted.records
                    else read_records(
                        wanted.file,
                        entity,
                        self.tenant,
                        self.options,
                        self.limit,
                        facts,
                    )
                ):
                    landed += records.row_count
                    unreadable += records.faults.num_rows
                    self._add(records, same, writer, faults)
                    self.progress.advance(records.bytes_read, landed, unreadable)
            if not wanted.unchanged():
                raise InputError(f"{path} changed while it was read; load it again.")
        except OSError as error:
            raise _unusable(path, error) from error
        self._finish(
            writer,
            entity,
            {"source_file": path_text(path), "source_sha256": wanted.sha256},
        )
        self.log.append(
            same
            | {
                "read_options": self.options.given(),
                "row_limit": self.limit,
                "file_size_bytes": wanted.size,
                "record_count": landed,
                "unreadable_count": unreadable,
                "lake_file": self._place(writer),
                "mode": entity.mode,
                "path": path_text(path.absolute()),
                "received_at": wanted.received_at,
            }
        )
        self.results[path] = FileResult(
            path,
            entity.name,
            landed,
            unreadable,
            None,
            time.monotonic() - started,
            facts,
        )

    def _add(
        self,
        records: Records,
        same: dict[str, Any],
        writer: LakeWriter,
        faults: LakeWriter,
    ) -> None:
        if records.row_count:
            of_records = same | {"date_order": records.date_order}
            writer.add(
                _table(writer.schema, records.columns, of_records, records.row_count)
            )
        if count := records.faults.num_rows:
            columns = dict(zip(FAULT_SCHEMA.names, records.faults.columns, strict=True))
            faults.add(_table(faults.schema, columns, same, count))

    def _name_in_lake(self, wanted: _Wanted) -> str:
        """The file's stem, the checksum of its bytes, and how they were read."""
        stem = plain_name(wanted.file.path).rpartition(".")[0] or "file"
        read_as = json.dumps([self.options.given(), self.limit])
        parts = [re.sub(r"[^a-z0-9._-]+", "_", stem)[:100], wanted.sha256[:12]]
        if self.limit is not None or self.options != ReadOptions():
            parts.append(hashlib.sha256(read_as.encode()).hexdigest()[:8])
        return "-".join(parts)

    def _writer(self, entity: Entity, name: str) -> AbstractContextManager[LakeWriter]:
        day = self.loaded_at.date()
        place = lake_path(entity.source, entity.name, self.tenant, day, name)
        folder = incoming_folder(self.settings.lake, self.load_id)
        return lake_writer(folder / place, _arrow_schema(entity))

    def _place(self, writer: LakeWriter) -> str:
        """Where the file will be, relative to the lake's root."""
        folder = incoming_folder(self.settings.lake, self.load_id)
        return writer.path.relative_to(folder).as_posix()

    def _finish(
        self, writer: LakeWriter, entity: Entity, about: Mapping[str, str] | None = None
    ) -> None:
        write_metadata(
            writer,
            self._place(writer),
            {
                "source": entity.source,
                "entity": entity.name,
                "tenant_id": self.tenant,
                "load_id": self.load_id,
                "timestamp": f"{self.loaded_at.isoformat()}Z",
                **(about or {}),
            },
        )
        self.staged.setdefault(entity.table, []).append(
            (writer.path, writer.record_count)
        )

    def _provenance(self, wanted: _Wanted) -> dict[str, Any]:
        """What is the same for every record of a file."""
        return {
            "tenant_id": self.tenant,
            "source": self.source,
            "entity": wanted.entity.name,
            "file": path_text(wanted.file.path),
            "file_sha256": wanted.sha256,
            "load_id": self.load_id,
            "loaded_at": self.loaded_at,
        }


def _arrow_schema(entity: Entity) -> pa.Schema:
    """The raw table's columns; text that is the same in all of a file as dictionary."""
    same = _SAME_TEXT if entity.source != LOG_SOURCE else ()
    return pa.schema(
        [
            (name, _ONE_TEXT if name in same else _ARROW_TYPES[kind])
            for name, kind in entity.raw_columns.items()
        ]
    )


def _dlt_columns(entity: Entity) -> Any:
    """The raw table's columns as dlt wants them: a dictionary each, which it fills."""
    columns = entity.raw_columns.items()
    return {name: dict(_DLT_TYPES[kind]) for name, kind in columns}


def _table(
    schema: pa.Schema,
    columns: Mapping[str, pa.Array | pa.ChunkedArray],
    same: Mapping[str, Any],
    rows: int,
) -> pa.Table:
    """Rows of a raw table from the columns that differ and the values that do not."""
    arrays = [
        columns[field.name]
        if field.name in columns
        else _repeated(same[field.name], field.type, rows)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def _repeated(value: Any, data_type: pa.DataType, rows: int) -> pa.Array:
    if data_type != _ONE_TEXT:
        return pa.repeat(pa.scalar(value, data_type), rows)
    return pa.DictionaryArray.from_arrays(
        pa.repeat(pa.scalar(0, pa.int32()), rows), pa.array([value], pa.string())
    )


def _identity(file: SourceFile) -> str:
    """What makes a file the same file: the SHA-256 of its bytes, and of what the names
    of its folders say where they say anything.
    """
    sha256 = sha256_of(file.path)
    if not file.partition:
        return sha256
    partition = json.dumps(dict(file.partition), sort_keys=True)
    return hashlib.sha256(f"{sha256} {partition}".encode()).hexdigest()


def _unusable(path: Path, error: OSError) -> InputError:
    return InputError(f"{path} cannot be read: {error.strerror or error}.")
