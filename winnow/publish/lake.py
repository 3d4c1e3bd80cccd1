"""The lake: the layers of the published generation as Parquet files.

``<layer>/<table>/tenant_id=<tenant>/part-<generation>-<n>.parquet``, each with a
metadata JSON beside it (its name begins with ``_``, so that readers of the folder pass
over it). ``_manifest.json`` names the files of all layers, of one generation, and is
replaced when all of them are there; ``<layer>/_manifest.json`` is its part of a layer.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq

from winnow.core.errors import BuildError, of_system, writing
from winnow.core.lock import file_lock
from winnow.core.settings import Settings
from winnow.load.landing import metadata_path
from winnow.publish.published import metadata_path as generation_metadata
from winnow.publish.published import open_current
from winnow.publish.storage import Place, place_of
from winnow.readers import sha256_of
from winnow.warehouse.sql import identifier, literal

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

    Needs no lock of the warehouse. The files of earlier generations are removed once
    the manifest names the new ones; where anything fails, the old manifest and all its
    files stay. A generation that is there already is not written again. Raises
    InputError when nothing is published, the place cannot be used, or another process
    exports to it; BuildError when a table cannot be written.
    """
    tell = progress or (lambda _what, _step, _steps: None)
    place = place or place_of(settings, None)
    started = time.monotonic()
    with file_lock(place.lock, f"The lake {place}"):
        number, connection = open_current(settings)
        try:
            manifest = _present(place, settings, number)
            if manifest is None:
                shutil.rmtree(place.staging, ignore_errors=True)
                written = _Exported()
                tables = _tables(connection)
                for step, table in enumerate(tables):
                    tell(f"lake: {'.'.join(table)}", step, len(tables))
                    with writing(place.staging, place.setting):
                        _write_table(connection, place, number, table, written)
                tell("lake: bringing the files to their places", 0, 0)
                place.take(written.staged)
                manifest = _manifest(settings, number, written)
            _switch(place, manifest)
        finally:
            connection.close()
            shutil.rmtree(place.staging, ignore_errors=True)
    reports = [
        table
        for layer in manifest["layers"].values()
        for table in layer["tables"].values()
    ]
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


def _present(place: Place, settings: Settings, number: int) -> dict[str, Any] | None:
    """The manifest, where it is of this very generation and its files are there."""
    checksum = _checksum(settings, number)
    with suppress(ValueError, KeyError, TypeError):
        manifest: dict[str, Any] = json.loads(place.read(MANIFEST) or "null")
        named = {name for layer in LAYERS for name in _named(manifest, layer)}
        present = {name for layer in LAYERS for name in place.files(layer)}
        same = (manifest["generation"], manifest["generation_sha256"])
        if checksum is not None and same == (number, checksum) and named <= present:
            return manifest
    return None


def _checksum(settings: Settings, number: int) -> str | None:
    """The checksum of a generation, by which it is told from another of its number."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        noted = json.loads(
            generation_metadata(settings.published, number).read_text("utf-8")
        )
        return str(noted["checksum_sha256"])
    return None


def _manifest(settings: Settings, number: int, written: _Exported) -> dict[str, Any]:
    return {
        "generation": number,
        "generation_sha256": _checksum(settings, number),
        "timestamp": _now(),
        "layers": {
            layer: {
                "tables": {
                    name: table
                    for name, table in written.tables.items()
                    if name.partition(".")[0] == layer
                }
            }
            for layer in LAYERS
        },
    }


def _switch(place: Place, manifest: dict[str, Any]) -> None:
    """Let the manifest count, then write each layer's part of it, then remove what it
    does not name.
    """
    place.write(MANIFEST, _json(manifest))
    for layer in LAYERS:
        part = {
            "layer": layer,
            "generation": manifest["generation"],
            "timestamp": manifest["timestamp"],
            **manifest["layers"][layer],
        }
        place.write(f"{layer}/{MANIFEST}", _json(part))
    for layer in LAYERS:
        named = _named(manifest, layer)
        for name in place.files(layer):
            if _PART.fullmatch(name.rsplit("/", 1)[-1]) and name not in named:
                place.delete(name)


def _named(manifest: dict[str, Any], layer: str) -> set[str]:
    """The files of a layer that the manifest names, and their metadata."""
    files = {
        str(file["file_path"])
        for table in manifest["layers"][layer]["tables"].values()
        for file in table["files"]
    }
    return files | {metadata_path(Path(name)).as_posix() for name in files}


def _tables(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    """Layer and name of the tables and views of the layers, in the layers' order."""
    rows = connection.execute(
        "select table_schema, table_name from information_schema.tables "
        "where table_catalog = current_database() order by all"
    ).fetchall()
    return [
        (schema, table) for layer in LAYERS for schema, table in rows if schema == layer
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
    except duckdb.Error as error:
        if of_system(error):
            raise
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
