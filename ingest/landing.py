"""The landing lake: every loaded file once more as Parquet, with metadata beside it.

Files of a running load lie in ``<lake>/.incoming/<load id>/`` under the path that they
will have. Only when the warehouse has the load are they moved to that path, so that the
warehouse alone decides what the lake shows.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

INCOMING = ".incoming"
LAYER = "raw"

_ROW_GROUP_ROWS = 1 << 17
_CHUNK = 1 << 20


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

    At most two row groups wait at a time, so that memory stays flat.
    """

    def __init__(self, path: Path, schema: pa.Schema) -> None:
        """Begin the file at ``path``; its folders are made."""
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
            self._flush()

    def close(self) -> None:
        """Write what is left and end the file."""
        try:
            if self._waiting_rows:
                self._flush()
            if self._written:
                self._written.result()
        finally:
            self._thread.shutdown()
            self._writer.close()

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
def lake_writer(path: Path, schema: pa.Schema) -> Iterator[LakeWriter]:
    """A LakeWriter, closed at the end of the block."""
    writer = LakeWriter(path, schema)
    try:
        yield writer
    finally:
        writer.close()


def metadata_path(parquet: Path) -> Path:
    """The companion of a Parquet file in the lake. Its name begins with ``_``, so that
    pandas, Arrow and Spark, given the folder, read the Parquet files only.
    """
    return parquet.with_name(f"_{parquet.stem}_metadata.json")


def _earlier_metadata_path(parquet: Path) -> Path:
    """The companion under the name that earlier versions gave it."""
    return parquet.with_name(f"{parquet.stem}_metadata.json")


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


def unfinished_loads(lake: Path) -> list[str]:
    """Ids of the loads whose files have not all been moved to their places."""
    folder = lake / INCOMING
    return sorted(one.name for one in folder.iterdir()) if folder.is_dir() else []


def publish(lake: Path, load_id: str) -> None:
    """Move the load's files to their places. May be cut short and run again.

    Companions that an earlier version wrote for the same entities get the name that
    readers of a folder pass over.
    """
    folder = incoming_folder(lake, load_id)
    for entity in sorted(folder.glob(f"{LAYER}/*/*")):
        _rename_earlier_metadata(entity)
        _rename_earlier_metadata(lake / entity.relative_to(folder))
    for staged in sorted(folder.rglob("*")):
        # Metadata sorts after its Parquet file; it goes first, so that no Parquet file
        # stands in the lake without it.
        if staged.suffix == ".parquet":
            for file in (metadata_path(staged), staged):
                place = lake / file.relative_to(folder)
                place.parent.mkdir(parents=True, exist_ok=True)
                if file.exists():
                    file.replace(place)
    discard(lake, load_id)


def _rename_earlier_metadata(folder: Path) -> None:
    for parquet in folder.rglob("*.parquet"):
        earlier = _earlier_metadata_path(parquet)
        if earlier.exists():
            earlier.replace(metadata_path(parquet))


def discard(lake: Path, load_id: str) -> None:
    """Remove what a load that did not happen has left behind."""
    shutil.rmtree(incoming_folder(lake, load_id), ignore_errors=True)
