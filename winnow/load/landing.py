"""The landing lake: every loaded file once more as Parquet, with metadata beside it.

Files of a running load lie in ``<lake>/.incoming/<load id>/`` under the path that they
will have, and are moved there once the ledger has the load. The load holds a lock as
long as it runs; what lies there unlocked was left by a process that is gone.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from winnow.core.disk import make_folder, put, sync
from winnow.core.errors import InputError, writing
from winnow.core.file_names import path_text
from winnow.core.lock import locked_file
from winnow.load.ledger import (
    INCOMING,
    PARTIAL,
    Ledger,
    Load,
    newest_number,
    read_ledger,
)

LAYER = "raw"

_ROW_GROUP_ROWS = 1 << 17
_CHUNK = 1 << 20
_LOCK = ".lock"
_METADATA = "_metadata.json"


def lake_path(source: str, entity: str, tenant: str, day: dt.date, stem: str) -> Path:
    """Where a file belongs, relative to the lake's root. Its name begins with no ``_``
    and no ``.``: readers of a folder pass over such files.
    """
    seen = stem.lstrip("_.-") or "file"
    return Path(LAYER, source, entity, tenant, day.isoformat(), f"{seen}.parquet")


def incoming_folder(lake: Path, load_id: str) -> Path:
    """Where the files of a running load lie."""
    return lake / INCOMING / load_id


class LakeWriter:
    """Writes tables of one schema to a Parquet file, on a thread of its own.

    At most two row groups wait at a time, so that memory stays flat. Raises InputError
    when the lake cannot be written.
    """

    def __init__(self, path: Path, schema: pa.Schema, lake: Path) -> None:
        """Begin the file at ``path``, below the root of the lake; its folders are
        made.
        """
        self.lake = lake
        with self._explained():
            self._open(path, schema)

    def _open(self, path: Path, schema: pa.Schema) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self.path = path
        self.schema = schema
        self.record_count = 0
        self.memory_usage_bytes = 0
        self.null_counts = dict.fromkeys(schema.names, 0)
        self._waiting: list[pa.Table] = []
        self._waiting_rows = 0
        self._written: Future[None] | None = None
        self._thread = ThreadPoolExecutor(1, "lake")
        self._writer = pq.ParquetWriter(
            path,
            schema,
            compression="snappy",
            use_dictionary=[
                field.name for field in schema if pa.types.is_dictionary(field.type)
            ],
            column_encoding={
                field.name: "DELTA_BINARY_PACKED"
                for field in schema
                if pa.types.is_integer(field.type)
            },
            write_statistics=False,
        )

    def add(self, table: pa.Table) -> None:
        """Write the table's rows, now or with later ones."""
        self._waiting.append(table)
        self._waiting_rows += table.num_rows
        if self._waiting_rows >= _ROW_GROUP_ROWS:
            with self._explained():
                self._flush()

    def close(self) -> None:
        """Write what is left and end the file."""
        with self._explained():
            try:
                if self._waiting_rows:
                    self._flush()
                if self._written:
                    self._written.result()
            finally:
                self._thread.shutdown()
                self._writer.close()

    def _explained(self) -> AbstractContextManager[None]:
        return writing(self.lake, "WINNOW_LAKE")

    def _flush(self) -> None:
        tables, self._waiting, self._waiting_rows = self._waiting, [], 0
        if self._written:
            self._written.result()
        self._written = self._thread.submit(self._write, tables)

    def _write(self, tables: list[pa.Table]) -> None:
        table = pa.concat_tables(tables).combine_chunks()
        self.record_count += table.num_rows
        self.memory_usage_bytes += table.nbytes
        for name, column in zip(table.column_names, table.columns, strict=True):
            self.null_counts[name] += column.null_count
        self._writer.write_table(table, row_group_size=_ROW_GROUP_ROWS)


@contextmanager
def lake_writer(path: Path, schema: pa.Schema, lake: Path) -> Iterator[LakeWriter]:
    """A LakeWriter, closed at the end of the block."""
    writer = LakeWriter(path, schema, lake)
    try:
        yield writer
    finally:
        writer.close()


def metadata_path(parquet: Path) -> Path:
    """The companion of a Parquet file in the lake. Its name begins with ``_``, so that
    pandas, Arrow and Spark, given the folder, read the Parquet files only.
    """
    return parquet.with_name(f"_{parquet.stem}{_METADATA}")


def write_metadata(writer: LakeWriter, place: str, about: Mapping[str, str]) -> None:
    """Write the companion of a file that has been written, and make both durable.

    It says what is in the file without opening it: columns and their types, checksums
    of the Parquet bytes, nulls per column, and the bytes that its rows take in memory.
    ``place`` is where in the lake the file will be; ``about`` adds what the load knows,
    ``source`` and ``timestamp`` among it.
    """
    staged = writer.path
    md5, sha256 = hashlib.md5(usedforsecurity=False), hashlib.sha256()
    with staged.open("rb") as file:
        while chunk := file.read(_CHUNK):
            md5.update(chunk)
            sha256.update(chunk)
        os.fsync(file.fileno())
    metadata = {
        **about,
        "layer": LAYER,
        "file_path": place,
        "file_size_bytes": staged.stat().st_size,
        "record_count": writer.record_count,
        "schema": [
            {"name": field.name, "type": _type_name(field.type)}
            for field in writer.schema
        ],
        "checksum_md5": md5.hexdigest(),
        "checksum_sha256": sha256.hexdigest(),
        "null_counts": writer.null_counts,
        "memory_usage_bytes": writer.memory_usage_bytes,
    }
    with metadata_path(staged).open("w", encoding="utf-8") as file:
        json.dump(metadata, file, indent=2, ensure_ascii=False)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def _type_name(data_type: pa.DataType) -> str:
    plain = data_type.value_type if pa.types.is_dictionary(data_type) else data_type
    return str(plain)


@dataclass
class Incoming:
    """A load that is running: its id, when it began (UTC, without a zone), and what
    the ledger has of it, None as long as it has nothing.
    """

    load_id: str
    loaded_at: dt.datetime
    landed: Load | None = None


@contextmanager
def incoming(lake: Path, ledger: Ledger) -> Iterator[Incoming]:
    """A new load, whose folder is this process's alone while the block runs. Its id is
    the time, in seconds since 1970 with six digits behind the point, so that ids are in
    the order of the loads.

    At the end the files go to their places; where the ledger does not have the load,
    they are removed.
    """
    folder = lake / INCOMING
    make_folder(folder)
    loaded_at = ledger.next_instant()
    while True:
        load_id = _load_id(loaded_at)
        if load_id not in ledger.loads and not (folder / load_id).exists():
            descriptor = locked_file(folder / f"{load_id}{_LOCK}")
            if descriptor is not None:
                break
        loaded_at += dt.timedelta(microseconds=1)
    one = Incoming(load_id, loaded_at)
    try:
        yield one
    finally:
        if one.landed is not None and one.landed.number == ledger.number + 1:
            ledger.loads[load_id], ledger.number = one.landed, one.landed.number
        else:
            # Others came between, or what ended the load came just after it was noted.
            ledger = read_ledger(lake)
        try:
            _end(lake, load_id, ledger)
        finally:
            os.close(descriptor)


def _load_id(loaded_at: dt.datetime) -> str:
    microseconds = (loaded_at - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)
    return f"{microseconds // 10**6}.{microseconds % 10**6:06}"


def finish(lake: Path, ledger: Ledger) -> None:
    """Bring the files of loads that landed to their places, and remove what is left of
    loads that did not, as far as the processes that made them are gone.
    """
    folder = lake / INCOMING
    try:
        names = [path.name for path in folder.iterdir()]
    except FileNotFoundError:
        return
    for name in sorted(name for name in names if name.startswith(PARTIAL)):
        if (descriptor := locked_file(folder / name)) is not None:
            (folder / name).unlink(missing_ok=True)
            os.close(descriptor)
    ids = {name.removesuffix(_LOCK) for name in names if not name.startswith(PARTIAL)}
    for load_id in sorted(ids):
        descriptor = locked_file(folder / f"{load_id}{_LOCK}")
        if descriptor is None:
            continue
        try:
            # The process may have noted its load since the ledger was read.
            known = ledger if load_id in ledger.loads else read_ledger(lake)
            _end(lake, load_id, known)
        finally:
            os.close(descriptor)


def _end(lake: Path, load_id: str, ledger: Ledger) -> None:
    """End a load whose lock this process holds, as a ledger has it that was read while
    the lock was held; a load that the ledger does not have did not land.
    """
    load = ledger.loads.get(load_id)
    if load is not None and ledger.counts(load):
        place_files(lake, load)
    if load is not None and newest_number(lake) != ledger.number:
        # It may have been taken back before its files were in their places.
        remove_files(lake, read_ledger(lake).gone_since(ledger.number))
    shutil.rmtree(incoming_folder(lake, load_id), ignore_errors=True)
    (lake / INCOMING / f"{load_id}{_LOCK}").unlink(missing_ok=True)


def make_durable(lake: Path, load_id: str) -> None:
    """Wait until the names of a running load's files are on disk; their bytes are."""
    folder = incoming_folder(lake, load_id)
    for one in (*(path for path in folder.rglob("*") if path.is_dir()), folder):
        sync(one)
    sync(folder.parent)


def place_files(lake: Path, load: Load) -> None:
    """Bring a landed load's files to their places, for good. May be cut short and run
    again. Raises InputError for a file that is at neither place.

    Companions that an earlier version wrote for the same entities get the name that
    readers of a folder pass over.
    """
    folder = incoming_folder(lake, load.landed.load_id)
    for entity in sorted(folder.glob(f"{LAYER}/*/*")):
        _rename_earlier_metadata(lake / entity.relative_to(folder))
    for parquet in load.parquet:
        place = lake / parquet.place
        # The metadata goes first, so that no Parquet file stands there without it.
        for target in (metadata_path(place), place):
            staged = folder / target.relative_to(lake)
            if staged.exists():
                put(staged, target)
            elif not target.exists():
                raise _missing(target, load.landed.load_id)


def parquet_of(lake: Path, load_id: str, place: str) -> Path:
    """A file of a landed load, in its place: brought there if the process that landed
    it has not done so yet. Raises InputError when it is nowhere.
    """
    target = lake / place
    for file in (metadata_path(target), target):
        staged = incoming_folder(lake, load_id) / file.relative_to(lake)
        if not file.exists():
            with suppress(FileNotFoundError):  # The other one was faster.
                put(staged, file)
    if not target.exists():
        raise _missing(target, load_id)
    return target


def _missing(path: Path, load_id: str) -> InputError:
    return InputError(
        f"{path_text(path)} is missing from the landing lake, and load {load_id} "
        "counts: bring it back from a copy of the lake, or take the load back with "
        f"`winnow loads unload {load_id}`."
    )


def remove_files(lake: Path, places: Iterable[str]) -> None:
    """Remove Parquet files that were taken back, with their metadata and the folders
    that they leave empty.
    """
    for parquet in places:
        place = lake / parquet
        for path in (place, metadata_path(place)):
            path.unlink(missing_ok=True)
        for folder in Path(parquet).parents[:-1]:
            try:
                (lake / folder).rmdir()
            except OSError:
                break


def _rename_earlier_metadata(folder: Path) -> None:
    for place, _, names in os.walk(folder):
        for name in names:
            if name.endswith(_METADATA) and not name.startswith("_"):
                stem = name.removesuffix(_METADATA)
                if f"{stem}.parquet" in names:
                    Path(place, name).replace(Path(place, f"_{name}"))
