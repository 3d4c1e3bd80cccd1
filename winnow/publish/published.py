"""Reading the published generations: ``<published>/gen-<number>.duckdb``.

The file ``current`` names the one that counts. A generation never changes once it has
its name, so readers need no lock and never see half of a publish.
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

import duckdb

from winnow.core.errors import InputError, said_of
from winnow.core.file_names import path_text
from winnow.core.leftovers import READER
from winnow.core.settings import Settings
from winnow.core.settings import settings as settings_of_environment

POINTER = "current"

_NAME = re.compile(r"gen-([1-9][0-9]*)\.duckdb")


def generation_path(published: Path, number: int) -> Path:
    """The database of a generation."""
    return published / f"gen-{number}.duckdb"


def metadata_path(published: Path, number: int) -> Path:
    """The JSON that describes a generation."""
    return published / f"gen-{number}.json"


def generations(published: Path) -> list[int]:
    """The numbers of the generations that are there, the oldest first."""
    if not published.is_dir():
        return []
    names = [_NAME.fullmatch(path.name) for path in published.iterdir()]
    return sorted(int(name[1]) for name in names if name)


def current_generation(published: Path) -> int | None:
    """The number of the generation that was published last; None when nothing was.

    Raises InputError when the pointer names no generation.
    """
    pointer = published / POINTER
    try:
        text = pointer.read_text("utf-8", "backslashreplace").strip()
    except FileNotFoundError:
        return None
    name = _NAME.fullmatch(text)
    if name is None:
        raise InputError(
            f"{pointer}, line 1: {text[:80]!r} is not the name of a generation, such "
            "as gen-1.duckdb; remove the file and run `winnow publish`."
        )
    return int(name[1])


def connect(settings: Settings | None = None) -> duckdb.DuckDBPyConnection:
    """The current generation, read-only and in UTC. Raises InputError when nothing is
    published.
    """
    return open_current(settings or settings_of_environment())[1]


def open_current(settings: Settings) -> tuple[int, duckdb.DuckDBPyConnection]:
    """The number of the current generation and a connection to it.

    A generation can be replaced and removed between reading the pointer and opening the
    file; the pointer then names another one, which is opened instead.
    """
    missing = None
    while True:
        number = current_generation(settings.published)
        if number is None:
            raise InputError(
                f"Nothing is published in {settings.published}: run `winnow publish`."
            )
        path = generation_path(settings.published, number)
        if number == missing:
            raise InputError(
                f"{settings.published / POINTER}, line 1: {path.name} is not there; "
                "run `winnow publish`."
            )
        try:
            return number, _open(path, settings)
        except duckdb.Error as error:
            if path.exists():
                raise InputError(
                    f"{path_text(path)} cannot be opened: {said_of(error)}; publish "
                    f"again, or name an older generation in {POINTER}."
                ) from error
            missing = number


def _open(path: Path, settings: Settings) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(path), read_only=True)
    try:
        # Set, not given as configuration: one process may open a file with one
        # configuration only. Global, so that cursors have them too.
        connection.execute("set global TimeZone = 'UTC'")
        connection.execute("set global memory_limit = ?", [settings.memory_limit])
        connection.execute("set global threads = ?", [settings.duckdb_threads])
        _set_spill_folder(connection, settings)
    except BaseException:
        connection.close()
        raise
    return connection


def _set_spill_folder(
    connection: duckdb.DuckDBPyConnection, settings: Settings
) -> None:
    """Let each process spill into a folder of its own: by default all readers of a file
    share one beside it, and overwrite each other's files.
    """
    folder = str(settings.temp_directory / f"{READER}{os.getpid()}")
    row = connection.execute("select current_setting('temp_directory')").fetchone()
    if row != (folder,):  # It cannot be set again once it has been used.
        with suppress(OSError):  # A reader that may not write there cannot spill.
            settings.temp_directory.mkdir(parents=True, exist_ok=True)
        connection.execute("set global temp_directory = ?", [folder])
        connection.execute(
            "set global max_temp_directory_size = ?",
            [settings.max_temp_directory_size],
        )
