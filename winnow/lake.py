"""The lake: the layers of the published generation as Parquet files.

``<layer>/<table>/tenant_id=<tenant>/part-<generation>-<n>.parquet``, each with a
metadata JSON beside it (its name begins with ``_``, so that readers of the folder pass
over it), and for each layer ``<layer>/_manifest.json``, which names the
files of one generation and is replaced when all of them are there.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from ingest.errors import BuildError
from ingest.landing import metadata_path
from ingest.lock import file_lock
from ingest.readers import sha256_of
from ingest.settings import Settings
from winnow.places import Place, place_of
from winnow.published import open_current
from winnow.sql import identifier, literal

LAYERS = ("validated", "prepared", "features", "training")
MANIFEST = "_manifest.json"

# Metadata of earlier versions lacks the first underscore.
_PART = re.compile(r"part-\d+-\d+\.parquet|_?part-\d+-\d+_metadata\.json")

Progress = Callable[[str, int, int], None]
"""Told what is being done, the step it is and how many steps there are."""


@dataclass(frozen=True)
class LakeReport:
    """What an export to the lake wrote: Parquet files, their rows and bytes."""

    place: str
    generation: int
    tables: int
    files: int
    rows: int
    size: int
    seconds: float


@dataclass
class _Exported:
    """Files on their way: the manifest's tables, and where the files lie by the names
    that they will have.
    """

    tables: dict[str, dict[str, Any]] = field(default_factory=dict)
    staged: dict[str, Path] = field(default_factory=dict)


def export_lake(
    settings: Settings, place: Place | None = None, progress: Progress | None = None
) -> LakeReport:
    """Export the current generation's layers to ``place`` (see ``place_of``), or, where
    it is None, to the landing lake.

    Needs no lock of the warehouse. A layer's files of earlier generations are removed
    once its manifest names the new ones; a layer that fails keeps its old manifest and
    all files of it. Raises InputError when nothing is published, the place cannot be
    used, or another process exports; BuildError when a table cannot be written.
    """
    tell = progress or (lambda _what, _step, _steps: None)
    place = place or place_of(settings, None)
    started = time.monotonic()
    reports = []
    with file_lock(settings.state / "lake.lock", "The export to the lake"):
        number, connection = open_current(settings)
        try:
            tables = _tables(connection)
            for layer in LAYERS:
                reports += _export_layer(connection, place, layer, number, tables, tell)
        finally:
            connection.close()
            shutil.rmtree(place.staging, ignore_errors=True)
    files = [file for table in reports for file in table["files"]]
    return LakeReport(
        place=str(place),
        generation=number,
        tables=len(reports),
        files=len(files),
        rows=sum(file["record_count"] for file in files),
        size=sum(file["file_size_bytes"] for file in files),
        seconds=time.monotonic() - started,
    )


def _export_layer(
    connection: duckdb.DuckDBPyConnection,
    place: Place,
    layer: str,
    number: int,
    tables: list[tuple[str, str]],
    tell: Progress,
) -> list[dict[str, Any]]:
    """The manifest's entry of each table of the layer."""
    shutil.rmtree(place.staging, ignore_errors=True)
    written = _Exported()
    for step, table in enumerate(tables):
        if table[0] == layer:
            tell(f"lake: {'.'.join(table)}", step, len(tables))
            _write_table(connection, place, number, table, written)
    tell(f"lake: bringing {layer} to its place", 0, 0)
    _replace_layer(place, layer, number, written)
    return list(written.tables.values())


def _tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Layer and name of the tables and views of the layers, in the layers' order."""
    found = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = current_database() order by all"
    ).fetchall()
    return [
        (schema, table)
        for layer in LAYERS
        for schema, table in found
        if schema == layer
    ]


def _write_table(
    connection: duckdb.DuckDBPyConnection,
    place: Place,
    number: int,
    table: tuple[str, str],
    written: _Exported,
) -> None:
    """Write the table's files and their metadata into the place's staging folder."""
    layer, name = table
    folder = place.staging / layer / name
    source = f"{identifier(layer)}.{identifier(name)}"
    try:
        folder.mkdir(parents=True)
        columns = connection.execute(f"describe {source}").fetchall()
        copied = connection.execute(
            f"copy {source} to {literal(str(folder))} (format parquet, "
            "compression zstd, partition_by (tenant_id), "
            f"filename_pattern 'part-{number}-{{i}}', return_stats true)"
        ).fetchall()
    except (duckdb.Error, OSError) as error:
        raise BuildError(f"{layer}.{name} cannot be exported: {error}") from error
    files = []
    for path, rows, size, _, statistics, keys in sorted(copied):
        file = Path(path)
        target = file.relative_to(place.staging).as_posix()
        described = {
            "layer": layer,
            "table": f"{layer}.{name}",
            "generation": number,
            "file_path": target,
            "timestamp": _now(),
            "file_size_bytes": size,
            "record_count": rows,
            "checksum_sha256": sha256_of(file),
        }
        details = {
            **described,
            "partition": keys,
            "schema": [
                {"name": column.name, "type": str(column.type)}
                for column in pq.read_schema(file)
            ],
            "null_counts": _null_counts(statistics),
        }
        beside = metadata_path(file)
        beside.write_text(_json(details), encoding="utf-8")
        # The metadata goes first, so that no Parquet file stands there without it.
        written.staged[metadata_path(Path(target)).as_posix()] = beside
        written.staged[target] = file
        files.append(
            {
                key: described[key]
                for key in (
                    "file_path",
                    "record_count",
                    "file_size_bytes",
                    "checksum_sha256",
                )
            }
            | {"partition": keys}
        )
    written.tables[f"{layer}.{name}"] = {
        "columns": [{"name": column[0], "type": column[1]} for column in columns],
        "files": files,
    }


def _replace_layer(place: Place, layer: str, number: int, written: _Exported) -> None:
    """Put the layer's files in their place, then its manifest, then remove what the
    manifest does not name.
    """
    place.take(written.staged)
    manifest = {
        "layer": layer,
        "generation": number,
        "timestamp": _now(),
        "tables": written.tables,
    }
    place.write(f"{layer}/{MANIFEST}", _json(manifest))
    for name in place.files(layer):
        if _PART.fullmatch(name.rsplit("/", 1)[-1]) and name not in written.staged:
            place.delete(name)


def _null_counts(statistics: dict[str, dict[str, str]]) -> dict[str, int]:
    """Nulls of each column that is no list and no structure, of which Parquet counts
    only the parts.
    """
    return {
        column[1:-1].replace('""', '"'): int(counted["null_count"])
        for column, counted in statistics.items()
        if '"."' not in column and "null_count" in counted
    }


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def _now() -> str:
    return dt.datetime.now(dt.UTC).isoformat(timespec="seconds")
