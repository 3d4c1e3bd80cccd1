"""``winnow publish``: the warehouse as a new, read-only generation.

The warehouse is copied under a hidden name; only a copy that is complete, checked and
on disk is renamed to ``gen-<number>.duckdb``, and only then does the pointer name it.
Whatever kills a publish, readers have the generation before it or the new one, whole.
What does not belong together, or does not add up, is not published at all.
"""

from __future__ import annotations

import datetime as dt
import errno
import hashlib
import json
import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import duckdb

from winnow.core.disk import sync
from winnow.core.errors import BuildError, InputError, said_of, writing
from winnow.core.lock import OF_A_LOAD, warehouse_lock
from winnow.core.settings import Settings
from winnow.load.raw_tables import open_warehouse
from winnow.publish.balance import imbalance
from winnow.publish.published import (
    POINTER,
    current_generation,
    generation_path,
    generations,
    metadata_path,
)
from winnow.warehouse.builds import DATA_TABLES, Build, has_data, newest_build, unsound
from winnow.warehouse.reading import has_table, read_only
from winnow.warehouse.sql import identifier

_ATTEMPTS = 5
_SECONDS_BETWEEN_ATTEMPTS = 0.2
_CHUNK = 64 << 20
_MEGABYTE = 1_000_000
_NO_KERNEL_COPY = (errno.EXDEV, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)

Progress = Callable[[str, int, int], None]
"""Told what is being done, the step it is and how many steps there are (0 where that is
not known).
"""


@dataclass(frozen=True)
class Publication:
    """A generation that was published: ``tables`` has the rows of each table (views are
    not counted), ``removed`` the older generations that had to go.
    """

    generation: int
    path: Path
    created_at: dt.datetime
    size: int
    sha256: str
    tables: dict[str, int]
    removed: tuple[int, ...]
    seconds: float


def publish(
    settings: Settings, *, keep: int | None = None, progress: Progress | None = None
) -> Publication:
    """Publish the warehouse as it is, holding its lock. Raises as publish_generation,
    and InputError when another process holds the lock.
    """
    from winnow.load.take_in import recover

    with warehouse_lock(settings, OF_A_LOAD):
        recover(settings)
        return publish_generation(settings, keep=keep, progress=progress)


def publish_generation(
    settings: Settings, *, keep: int | None = None, progress: Progress | None = None
) -> Publication:
    """Publish the warehouse; to be called by whoever holds ``warehouse_lock``, with no
    connection to the warehouse open in this process.

    Keeps the ``keep`` newest generations (``keep_generations`` of the settings when
    None). May be killed anywhere and run again. Raises InputError when nothing has been
    built, ``keep`` is less than 1, another program writes the warehouse or the folder
    cannot be written, and BuildError when the last build did not pass, its tables do
    not belong together or do not add up, or the copy is none: what was published
    before then stays.
    """
    tell = progress or (lambda _what, _step, _steps: None)
    keep = settings.keep_generations if keep is None else keep
    if keep < 1:
        raise InputError(f"--keep {keep}: at least 1 generation is kept.")
    started = time.monotonic()
    folder = settings.published
    tell("checkpoint", 0, 0)
    with _still(settings) as (connection, warehouse):
        build = _require_sound(connection)
        tell("counting", 0, 0)
        reason = imbalance(connection, build)
        if reason is not None:
            raise BuildError(f"{reason} Nothing was published.")
        if not has_data(connection):
            raise InputError(
                "The last build has no row that counts, so that there is nothing to "
                "publish: load some data (`winnow loads list` shows what is held), "
                "then `winnow build`."
            )
        with _cleaned_up(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _remove_partial(folder)
            number = _next_number(folder)
            partial = folder / f".gen-{number}.duckdb"
            _copy(warehouse, partial, tell)
    with _cleaned_up(folder):
        made = _make(partial, number, build, tell)
        _swap(folder, generation_path(folder, number).name)
        removed = _prune(folder, number, keep)
    return Publication(
        generation=number,
        path=generation_path(folder, number),
        created_at=dt.datetime.fromisoformat(made["created_at"]),
        size=made["file_size_bytes"],
        sha256=made["checksum_sha256"],
        tables=made["tables"],
        removed=removed,
        seconds=time.monotonic() - started,
    )


@contextmanager
def _cleaned_up(folder: Path) -> Iterator[None]:
    """Remove what is half made when the block fails, and say why it did."""
    try:
        with writing(folder, "WINNOW_PUBLISHED"):
            yield
    except (OSError, duckdb.Error, BuildError, InputError) as error:
        with suppress(OSError):
            _remove_partial(folder)
        if isinstance(error, OSError):  # of the warehouse
            raise
        cause = error.__cause__
        if isinstance(error, InputError) and isinstance(cause, duckdb.Error):
            # Of the copy, which is opened as a warehouse is.
            raise InputError(
                f"Publishing to {folder} (WINNOW_PUBLISHED) failed: {said_of(cause)}."
            ) from error
        if isinstance(error, InputError):
            raise
        raise BuildError(f"Publishing to {folder} failed: {error}") from error


@contextmanager
def _still(
    settings: Settings,
) -> Iterator[tuple[duckdb.DuckDBPyConnection, BinaryIO]]:
    """The warehouse, for SQL and as a file of which nothing is in a log, while nobody
    can open it for writing, also no program that does not know Winnow's lock.

    Raises InputError when nothing has been built, or another program writes it again
    and again.
    """
    nothing_built = "Nothing has been built yet: load some data, then `winnow build`."
    warehouse = settings.warehouse
    if not warehouse.is_file():
        raise InputError(nothing_built)
    wal = warehouse.with_name(f"{warehouse.name}.wal")
    for _ in range(_ATTEMPTS):
        with open_warehouse(settings) as connection:
            if not any(
                has_table(connection, "prepared", table) for table in DATA_TABLES
            ):
                raise InputError(nothing_built)
            connection.execute("force checkpoint")
        # DuckDB holds a lock of the file for as long as it reads it. Closing any handle
        # of the file in this process frees it, so that this one is closed last.
        with warehouse.open("rb") as file, read_only(warehouse) as connection:
            if not wal.exists():
                yield connection, file
                return
        time.sleep(_SECONDS_BETWEEN_ATTEMPTS)
    raise InputError(
        f"The warehouse {warehouse} is written by another program again and again "
        f"({wal.name} comes back); close that, then try again."
    )


def _require_sound(connection: duckdb.DuckDBPyConnection) -> Build:
    """The build that is published. Raises BuildError when its tables do not belong
    together.
    """
    reason = unsound(connection)
    build = newest_build(connection)
    if reason is not None or build is None:
        raise BuildError(f"{reason} Nothing was published; what was before stays.")
    return build


def _make(partial: Path, number: int, build: Build, tell: Progress) -> dict[str, Any]:
    """Make the generation's two files, under their names, of the copy; what the JSON
    says.
    """
    folder = partial.parent
    made = {
        "generation": number,
        "created_at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
        "build_id": build.build_id,
        "file_size_bytes": partial.stat().st_size,
        "checksum_sha256": _sha256(partial, tell),
        "tables": _row_counts(partial, tell),
    }
    if partial.with_name(f"{partial.name}.wal").exists():
        raise BuildError(f"{partial} has a write-ahead log; nothing published.")
    sync(partial)
    _write(metadata_path(folder, number), json.dumps(made, indent=2) + "\n")
    partial.rename(generation_path(folder, number))
    sync(folder)
    return made


def _copy(reader: BinaryIO, target: Path, tell: Progress) -> None:
    size = os.fstat(reader.fileno()).st_size
    copied = 0
    with target.open("wb") as writer:
        while copied < size:
            tell("copying (MB)", copied // _MEGABYTE, size // _MEGABYTE)
            some = _copy_some(reader.fileno(), writer.fileno())
            if not some:
                raise BuildError(f"{reader.name} became shorter while it was copied.")
            copied += some


def _copy_some(source: int, target: int) -> int:
    """Copy from where the files stand, by the kernel where it can (which shares the
    blocks where the file system can); how many bytes.
    """
    try:
        return os.copy_file_range(source, target, _CHUNK)
    except OSError as error:
        if error.errno not in _NO_KERNEL_COPY:
            raise
    data = memoryview(os.read(source, _CHUNK))
    written = 0
    while written < len(data):
        written += os.write(target, data[written:])
    return written


def _sha256(path: Path, tell: Progress) -> str:
    digest, size, done = hashlib.sha256(), path.stat().st_size, 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            tell("checksum (MB)", done // _MEGABYTE, size // _MEGABYTE)
            digest.update(chunk)
            done += len(chunk)
    return digest.hexdigest()


def _row_counts(database: Path, tell: Progress) -> dict[str, int]:
    """Rows per table, read from the copy as a reader would."""
    counts = {}
    with read_only(database) as connection:
        tables = connection.execute(
            "select schema_name, table_name from duckdb_tables() "
            "where not internal and not temporary order by all"
        ).fetchall()
        for step, (schema, table) in enumerate(tables):
            tell(f"checking {schema}.{table}", step, len(tables))
            name = f"{identifier(schema)}.{identifier(table)}"
            [(rows,)] = connection.execute(f"select count(*) from {name}").fetchall()
            counts[f"{schema}.{table}"] = int(rows)
    return counts


def _next_number(folder: Path) -> int:
    """One more than any number that was ever seen, so that no two generations share
    one.
    """
    try:
        current = current_generation(folder) or 0
    except InputError:  # A pointer that somebody spoilt is replaced.
        current = 0
    return max([current, *generations(folder)]) + 1


def _swap(folder: Path, name: str) -> None:
    _write(folder / POINTER, f"{name}\n")


def _write(path: Path, text: str) -> None:
    """Put a small file in place at once and for good."""
    partial = path.with_name(f".{path.name}")
    partial.write_text(text, encoding="utf-8")
    sync(partial)
    partial.replace(path)
    sync(path.parent)


def _remove_partial(folder: Path) -> None:
    """Remove what a publish that was killed has left, which nobody can have opened."""
    for path in [*folder.glob(".gen-*"), folder / f".{POINTER}"]:
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def _prune(folder: Path, current: int, keep: int) -> tuple[int, ...]:
    """Remove all but the ``keep`` newest generations; a reader that has one open keeps
    it until it closes it.
    """
    kept = sorted(generations(folder))[-keep:]
    removed = tuple(
        number
        for number in generations(folder)
        if number not in kept and number != current
    )
    for number in removed:
        generation_path(folder, number).unlink()
    there = {metadata_path(folder, number) for number in generations(folder)}
    for path in folder.glob("gen-*.json"):
        if path not in there:
            path.unlink()
    return removed
