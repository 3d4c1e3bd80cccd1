"""Loads: files in, files of the landing lake and rows of the raw tables out.

A load reads every file to text and writes it as Parquet into the landing lake; it
counts as a whole, and for good, when the lake's ledger has it. The raw tables of the
warehouse take it in when the warehouse is free (``winnow.load.take_in``), at the latest
when the next build begins.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import pyarrow as pa

from winnow.contracts.declarations import check_declarations
from winnow.contracts.entities import DATE_ORDERS, LOG_SOURCE, MODES, Entity, contract
from winnow.core.errors import BusyError, InputError, writing
from winnow.core.file_names import path_text
from winnow.core.lock import warehouse_lock
from winnow.core.settings import Settings
from winnow.core.settings import settings as settings_of_process
from winnow.load.corrections import EntityCorrections
from winnow.load.landing import (
    Incoming,
    LakeWriter,
    finish,
    incoming,
    incoming_folder,
    lake_path,
    lake_writer,
    make_durable,
    write_metadata,
)
from winnow.load.ledger import (
    Landed,
    LandedFile,
    Ledger,
    ParquetFile,
    append_landed,
    read_ledger,
)
from winnow.load.raw_tables import check_is_database
from winnow.load.recognition import Recognised, recognise_files
from winnow.load.records import Records, read_records
from winnow.load.sources import FileFacts, LeftOut, ReadOptions, SourceFile, source_of
from winnow.load.standing import standing_twin
from winnow.load.take_in import current_ledger, recover, settle, take_in
from winnow.readers import FAULT_SCHEMA, sha256_of
from winnow.readers.source_files import plain_name

__all__ = ["load", "recover", "replay", "settle", "take_in"]

_EPOCH = dt.datetime(1970, 1, 1)
_MOST_RECORDS = 2**62
_TENANT_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,62}")
_SAME_TEXT = ("tenant_id", "file", "file_sha256", "date_order", "load_id")
_ONE_TEXT = pa.dictionary(pa.int32(), pa.string())
_ARROW_TYPES = {
    "varchar": pa.string(),
    "bigint": pa.int64(),
    "timestamp": pa.timestamp("us"),
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
    """What a load came to. ``load_id`` is None when every file was skipped.

    ``waits`` says, in a sentence, why its rows are not in the warehouse yet; None when
    they are.
    """

    load_id: str | None
    tenant: str
    files: tuple[FileResult, ...]
    left_out: tuple[LeftOut, ...]
    seconds: float
    waits: str | None = None

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
    mode: str | None = None,
    feed: str | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> LoadResult:
    """Land a file, a folder or a glob in the lake, exactly once, and take it into the
    raw tables if the warehouse is free.

    ``limit`` takes the first so many records of each file. ``options`` say how the
    files are to be read; what they leave open is found. ``recursive`` takes the files
    of a folder's subfolders, too. ``mode`` (one of ``contracts.MODES``; the entity's
    own when None) says what happens to earlier loads of the feed, which is named by
    ``feed`` or, for ``replace``, is the file's path. A file whose bytes stand already
    for this tenant, read with the same options, is skipped.

    Raises InputError when any of the files cannot be used at all; nothing is loaded
    then. What keeps the warehouse from taking the load in, other than that it is in
    use, is raised too, in a sentence that says that the load has landed.
    """
    settings = settings or settings_of_process()
    options = options or ReadOptions()
    progress = progress or _Silent()
    kind = source_of(source)
    tenant = kind.default_tenant if tenant is None else tenant
    _check(tenant, limit, options, mode, feed)
    check_declarations()
    check_is_database(settings.warehouse)
    started = time.monotonic()
    files, left_out = recognise_files(source, path, entity, options, recursive)
    ledger = current_ledger(settings)
    finish(settings.lake, ledger)
    running = _Load(
        settings, kind.contract, tenant, limit, options, progress, mode, feed
    )
    if wanted := running.not_standing_yet(files, ledger):
        running.land(wanted, ledger)
    waits = _taken_in(settings, running.load_id, progress)
    return LoadResult(
        running.load_id or None,
        tenant,
        tuple(running.results[one.file.path] for one in files),
        tuple(left_out),
        time.monotonic() - started,
        waits,
    )


def replay(
    path: str | Path,
    corrections: EntityCorrections,
    settings: Settings,
    progress: Progress | None = None,
) -> str:
    """Land the corrected records of one file of one load, and the log of them and of
    the conflicts; the id of the load that they make.

    ``path`` is the file of corrections, which becomes the records' file. They enter the
    raw tables with the next ``take_in``. Raises InputError when the file is not what it
    was when the corrections were read; nothing is loaded then.
    """
    path = Path(path)
    entity = corrections.entity
    running = _Load(
        settings,
        entity.source,
        corrections.tenant,
        None,
        ReadOptions(replay=corrections.digest),
        progress or _Silent(),
        "append",
        corrects=corrections.corrects,
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
    wanted = [_replayed(path, corrections)] if corrections.replays else []
    running.land(wanted, read_ledger(settings.lake))
    return running.load_id


def _taken_in(settings: Settings, load_id: str, progress: Progress) -> str | None:
    """Let the warehouse take in what has landed, if it is free; why it does not."""
    try:
        with warehouse_lock(settings):
            take_in(settings, progress.store)
    except BusyError:
        return "The warehouse is in use; the rows enter it with the next build."
    except InputError as error:
        if not load_id:
            raise
        raise InputError(
            f"Load {load_id} has landed, but the warehouse did not take it in, which "
            f"the next build will try again: {error}"
        ) from error
    return None


def _replayed(path: Path, corrections: EntityCorrections) -> _Wanted:
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
    return one


def _check(
    tenant: str,
    limit: int | None,
    options: ReadOptions,
    mode: str | None,
    feed: str | None,
) -> None:
    if not _TENANT_ID.fullmatch(tenant):
        raise InputError(
            f"{tenant!r} cannot be a tenant: an id has 1 to 63 lower-case letters, "
            f"digits, - and _, and begins with a letter or digit."
        )
    if limit is not None and limit < 1:
        raise InputError(f"A limit of {limit} loads nothing; it must be 1 or more.")
    if limit is not None and limit > _MOST_RECORDS:
        raise InputError(f"--limit {limit}: a limit is at most {_MOST_RECORDS}.")
    if options.date_order not in (None, *DATE_ORDERS):
        raise InputError(
            f"{options.date_order!r} is no order of dates; there are "
            f"{', '.join(DATE_ORDERS)}."
        )
    if mode not in (None, *MODES):
        raise InputError(f"--mode {mode}: a mode is one of {', '.join(MODES)}.")
    if feed is not None and not feed.strip():
        raise InputError("--feed must be a name, such as daily-orders.")


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
    """One run of ``load``: files that are read, and what the lake gets of them."""

    settings: Settings
    source: str
    tenant: str
    limit: int | None
    options: ReadOptions
    progress: Progress
    mode: str | None = None
    feed: str | None = None
    corrects: tuple[str, str] | None = None
    more_log: Mapping[str, list[dict[str, Any]]] = field(default_factory=dict)
    """Rows of other tables of the log, without the load's id and time."""
    running: Incoming = field(init=False)
    results: dict[Path, FileResult] = field(default_factory=dict)
    log: list[dict[str, Any]] = field(default_factory=list)
    parquet: list[ParquetFile] = field(default_factory=list)

    @property
    def load_id(self) -> str:
        """Empty as long as no load has begun."""
        return self.running.load_id if hasattr(self, "running") else ""

    def not_standing_yet(
        self, files: list[Recognised], ledger: Ledger
    ) -> list[_Wanted]:
        """The files that are to be loaded; the others get their result here."""
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
                reason = self._standing(one, ledger)
            if reason is None:
                wanted.append(one)
            else:
                self.results[path] = FileResult(path, one.entity.name, skipped=reason)
        return wanted

    def land(self, wanted: list[_Wanted], ledger: Ledger) -> None:
        """Write everything to the lake, and let the ledger have it."""
        lake = self.settings.lake
        with (
            writing(lake, "WINNOW_LAKE"),
            incoming(lake, ledger) as self.running,
        ):
            self._read(wanted)
            make_durable(lake, self.load_id)
            landed = Landed(
                self.load_id,
                self.tenant,
                self.source,
                self.running.loaded_at,
                tuple(
                    LandedFile(
                        one["entity"],
                        one["file"],
                        one["path"],
                        one["file_sha256"],
                        one["read_options"],
                        one["row_limit"],
                        one["mode"],
                        one["feed"],
                        one["record_count"],
                        one["unreadable_count"],
                        one["lake_file"],
                    )
                    for one in self.log
                ),
                tuple(self.parquet),
                self.corrects,
            )
            self.running.landed = append_landed(lake, landed)

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

    def _standing(self, wanted: _Wanted, ledger: Ledger) -> str | None:
        twin = standing_twin(
            ledger,
            tenant=self.tenant,
            source=self.source,
            entity=wanted.entity,
            path=path_text(wanted.file.path.absolute()),
            sha256=wanted.sha256,
            options=self.options.given(),
            limit=self.limit,
            mode=self.mode or wanted.entity.mode,
            feed=self.feed,
        )
        if twin is None:
            return None
        return f"already loaded on {twin.loaded_at:%Y-%m-%d} by load {twin.load_id}"

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
        same = {"load_id": self.load_id, "replayed_at": self.running.loaded_at}
        self._write_log("loaded_files", self.log)
        for name, rows in self.more_log.items():
            self._write_log(name, [row | same for row in rows])

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
                "feed": self.feed,
                "mode": self.mode or entity.mode,
                "path": path_text(path.absolute()),
                "corrects_load_id": self.corrects and self.corrects[0],
                "corrects_file": self.corrects and self.corrects[1],
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
        """The file's stem, the checksum of its bytes, and the load's id."""
        stem = plain_name(wanted.file.path).rpartition(".")[0] or "file"
        plain = re.sub(r"[^a-z0-9._-]+", "_", stem)[:100]
        return f"{plain}-{wanted.sha256[:12]}-{self.load_id}"

    def _writer(self, entity: Entity, name: str) -> AbstractContextManager[LakeWriter]:
        day = self.running.loaded_at.date()
        place = lake_path(entity.source, entity.name, self.tenant, day, name)
        folder = incoming_folder(self.settings.lake, self.load_id)
        return lake_writer(folder / place, _arrow_schema(entity), self.settings.lake)

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
                "timestamp": f"{self.running.loaded_at.isoformat()}Z",
                **(about or {}),
            },
        )
        self.parquet.append(
            ParquetFile(entity.table, self._place(writer), writer.record_count)
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
            "loaded_at": self.running.loaded_at,
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
