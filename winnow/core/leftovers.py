"""What commands that were killed have left: found and removed by the next command, once
their process is gone.
"""

from __future__ import annotations

import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from winnow.core.dlt_folder import remove_dlt_folders
from winnow.core.settings import Settings

READER = "reader-"
"""How the folder begins, below the temporary one, into which a reader spills; the rest
is the number of its process.
"""

SCRATCH = "validate-"
"""How the folder of a validation begins, which is locked while it is used."""

_NOTES = "unfinished"
_OWNED = re.compile(r".*\D(\d+)")


@contextmanager
def unfinished(settings: Settings, place: Path) -> Iterator[Path]:
    """A name beside ``place`` for a file that is not there yet. It is noted, so that
    whatever kills this process, the next command finds and removes the file.
    """
    own = place.with_name(f".{place.name}.{os.getpid()}")
    note = settings.state / _NOTES / f"{place.name[:100]}.{os.getpid()}"
    note.parent.mkdir(parents=True, exist_ok=True)
    note.write_bytes(os.fsencode(own.absolute()))
    try:
        yield own
    finally:
        own.unlink(missing_ok=True)
        note.unlink(missing_ok=True)


def remove_leftovers(settings: Settings) -> None:
    """Remove what killed processes left. Never raises, and never waits for anybody."""
    with suppress(OSError, ValueError):  # A note that is spoilt names no file.
        for note in _abandoned(settings.state / _NOTES, ""):
            file = Path(os.fsdecode(note.read_bytes()))
            if file.name.startswith(".") and _owner(file) == _owner(note):
                file.unlink(missing_ok=True)
            note.unlink(missing_ok=True)
    with suppress(OSError):
        for folder in _abandoned(settings.temp_directory, READER):
            shutil.rmtree(folder, ignore_errors=True)
    with suppress(OSError):
        for file in _abandoned(settings.target, ".validate.json."):
            file.unlink(missing_ok=True)
    with suppress(OSError), folder_lock(settings.temp_directory, not_waiting=True):
        remove_scratch(settings.temp_directory)


def remove_scratch(parent: Path) -> None:
    """Remove the folders of validations that were killed; to be called by whoever has
    ``folder_lock`` of ``parent``.
    """
    for folder in sorted(parent.glob(f"{SCRATCH}*")):
        try:
            with folder_lock(folder, not_waiting=True):
                remove_dlt_folders(folder / "state")
                shutil.rmtree(folder, ignore_errors=True)
        except OSError:
            continue  # In use, or removed by the process that used it.


@contextmanager
def folder_lock(folder: Path, *, not_waiting: bool = False) -> Iterator[None]:
    """Have a folder locked. Raises OSError where it is not there, or, where nobody
    waits, another process has it.
    """
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | (fcntl.LOCK_NB if not_waiting else 0))
        yield
    finally:
        os.close(descriptor)


def _abandoned(folder: Path, beginning: str) -> Iterator[Path]:
    """What begins so and ends with the number of a process that is no more."""
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        owner = _owner(path)
        if path.name.startswith(beginning) and owner and not _is_running(owner):
            yield path


def _owner(path: Path) -> int:
    """The number of the process that a name ends with; 0 where it ends with none."""
    found = _OWNED.fullmatch(path.name)
    return int(found[1]) if found else 0


def _is_running(process: int) -> bool:
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except OSError:
        return True
    return True
