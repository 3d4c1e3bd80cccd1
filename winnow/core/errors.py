"""Errors that a user can act on."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_FILE_FAULT = re.compile(
    r"\b(?:Could not|Cannot|Failed to|Unable to)[^\n]*\bfile\b[^\n]*"
)
"""How DuckDB says that the system failed, whatever kind of error it makes of it."""


class InputError(Exception):
    """Input that cannot be used: one sentence that names the file, the line and the
    rule.
    """


class BusyError(InputError):
    """Something that another process is using; later it may be free."""


class BuildError(Exception):
    """A build that stopped. The message has a line for each thing that failed."""


@contextmanager
def writing(place: Path, setting: str) -> Iterator[None]:
    """Turn what the system, or DuckDB, has against writing to a place into an
    InputError that names the place, and the setting or option that names another one.
    An error whose file is known to lie elsewhere is left as it is.
    """
    try:
        yield
    except Exception as error:
        if not of_system(error) or _is_elsewhere(error, place):
            raise
        raise InputError(cannot_write(place, setting, error)) from error


def of_system(error: BaseException) -> bool:
    """Whether it is the system that failed, with Python or with DuckDB. That nobody
    reads what is printed any more is no failure.
    """
    if isinstance(error, OSError):
        return not isinstance(error, BrokenPipeError)
    if type(error).__module__.partition(".")[0] not in ("duckdb", "_duckdb"):
        return False  # DuckDB is imported by what needs it.
    return type(error).__name__ == "IOException" or file_fault(str(error)) is not None


def file_fault(text: str) -> str | None:
    """The line of DuckDB's in which it says which file it could not use, and why,
    without a full stop; None where there is none.
    """
    found = _FILE_FAULT.findall(text)
    return found[-1].rsplit("Failed to commit: ")[-1].rstrip(". ") if found else None


def cannot_write(place: Path, setting: str, error: Exception) -> str:
    """A sentence that says why nothing can be written to a place."""
    shown = str(place).encode("utf-8", "backslashreplace").decode()
    return (
        f"{shown} cannot be written: {said_of(error)}; free it, or name another with "
        f"{setting}."
    )


def culprit(error: OSError) -> str | bytes | None:
    """The file that the error is about: of two, such as those of a link or a copy, the
    second, which was to be made.
    """
    name = error.filename2 if error.filename2 is not None else error.filename
    return name if isinstance(name, str | bytes) else None


def said_of(error: Exception) -> str:
    """What the system says is wrong, without a full stop."""
    if "No space left on device" in str(error):
        return "No space left on device"
    said = getattr(error, "strerror", None) or file_fault(str(error))
    if said is None:
        said = (str(error).strip() or repr(error)).splitlines()[0]
    return str(said).removeprefix("IO Error: ").rstrip(".")


def _is_elsewhere(error: Exception, place: Path) -> bool:
    """Whether the error names a file that is neither at the place nor on its way."""
    name = culprit(error) if isinstance(error, OSError) else None
    if name is None:
        quoted = re.search(r'file "([^"]+)"', str(error))
        name = quoted and quoted[1]
    if not isinstance(name, str | bytes):
        return False
    path, place = Path(os.fsdecode(name)), place.absolute()
    if not path.is_absolute() or path in place.parents:
        return False
    return not any(
        one == place or (one.parent == place.parent and place.name in one.name)
        for one in (path, *path.parents)
    )
