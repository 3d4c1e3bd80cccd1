"""Errors of the system in sentences: which place, what is wrong, what helps."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path

from winnow.core.errors import InputError, culprit, file_fault, of_system, said_of
from winnow.core.file_names import path_text


def explained(error: BaseException) -> str | None:
    """What to say of an error that the system, or DuckDB, gave rather than Winnow; None
    for one that nobody foresaw. The errors that led to it are looked at, too.
    """
    for one in _causes(error):
        if isinstance(one, MemoryError):
            return (
                "There is not enough memory; give DuckDB less with WINNOW_MEMORY_LIMIT "
                "or fewer threads with WINNOW_DUCKDB_THREADS."
            )
        if isinstance(one, OSError) and one.errno is not None:
            return _of_system(one)
        if type(one).__module__.partition(".")[0] in ("duckdb", "_duckdb"):
            return _of_duckdb(one)
    return None


def _causes(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    one: BaseException | None = error
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        yield one
        one = one.__cause__ or one.__context__


def _of_system(error: OSError) -> str:
    said = os.strerror(error.errno or 0)
    name = culprit(error)
    place = "a file" if name is None else path_text(os.fsdecode(name))
    advice = "" if name is None else _advice(Path(os.fsdecode(name)))
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return f"{place} cannot be written: {said}.{advice}"
    return f"{place} cannot be used: {said}.{advice}"


def _advice(path: Path) -> str:
    """The setting that names the place which a path lies in."""
    from winnow.core.settings import settings

    try:
        here = settings()
    except InputError:
        return ""
    places = {
        "WINNOW_WAREHOUSE": here.warehouse,
        "WINNOW_LAKE": here.lake,
        "WINNOW_STATE": here.state,
        "WINNOW_TARGET": here.target,
        "WINNOW_PUBLISHED": here.published,
        "WINNOW_TEMP_DIRECTORY": here.temp_directory,
    }
    for name, place in places.items():
        beside = path.name.startswith(place.name) and path.parent == place.parent
        if place == path or place in path.parents or path in place.parents or beside:
            return f" {name} names another place."
    return ""


def _of_duckdb(error: BaseException) -> str | None:
    import duckdb

    said = str(error).strip().splitlines()[0]
    if isinstance(error, duckdb.OutOfMemoryException):
        return (
            f"DuckDB is out of memory: {said.partition(': ')[2]} Give it more with "
            "WINNOW_MEMORY_LIMIT, or more room for spilling with "
            "WINNOW_MAX_TEMP_DIRECTORY_SIZE."
        )
    if of_system(error) and isinstance(error, Exception):
        why = file_fault(str(error)) or said_of(error)
        return f"DuckDB cannot read or write: {why}."
    return None
