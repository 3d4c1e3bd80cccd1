"""Errors that a user can act on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


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
    """Turn what the system has against writing to a place into an InputError that names
    the place, and the setting or option that names another one.
    """
    try:
        yield
    except OSError as error:
        raise InputError(cannot_write(place, setting, error)) from error


def cannot_write(place: Path, setting: str, error: OSError) -> str:
    """A sentence that says why nothing can be written to a place."""
    said = error.strerror or str(error)
    if "No space left on device" in str(error):
        said = "No space left on device"
    shown = str(place).encode("utf-8", "backslashreplace").decode()
    return (
        f"{shown} cannot be written: {said}; free it, or name another with {setting}."
    )
