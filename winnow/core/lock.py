"""Lock files; above all the one around everything that writes the warehouse."""

from __future__ import annotations

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

from winnow.core.errors import BusyError, writing
from winnow.core.settings import Settings

_POLL_SECONDS = 0.1

_MODE = 0o660
"""Who may write the warehouse may lock it, a group too; the umask decides."""

OF_A_LOAD = 5.0
"""Seconds that commands wait which cannot do without the warehouse: a small load has
taken its rows in by then.
"""


def warehouse_lock(
    settings: Settings, wait_seconds: float = 0.0
) -> AbstractContextManager[None]:
    """Hold ``<warehouse>.lock`` while the block runs.

    The kernel frees the lock when its process ends, however it ends. Waits up to
    ``wait_seconds`` for another holder, then raises BusyError that names its process.
    """
    path = settings.warehouse.with_name(f"{settings.warehouse.name}.lock")
    with writing(settings.warehouse, "WINNOW_WAREHOUSE"):
        path.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, _MODE))
    return file_lock(path, f"The warehouse {settings.warehouse}", wait_seconds)


@contextmanager
def file_lock(path: Path, what: str, wait_seconds: float = 0.0) -> Iterator[None]:
    """Hold the lock file ``path`` while the block runs; ``what`` is what it guards, for
    the message of the BusyError that is raised when another process holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _MODE)
    try:
        deadline = time.monotonic() + wait_seconds
        while not _locked(descriptor):
            if time.monotonic() >= deadline:
                holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip()
                raise BusyError(
                    f"{what} is in use: process {holder or 'unknown'} holds {path}; "
                    "try again when it is done."
                )
            time.sleep(_POLL_SECONDS)
        with suppress(OSError):  # It only tells others who holds the lock.
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        yield
    finally:
        os.close(descriptor)


def locked_file(path: Path) -> int | None:
    """A file, made where it is missing, open and locked until it is closed; None when
    another process has it locked.
    """
    while True:
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, _MODE)
        if not _locked(descriptor):
            os.close(descriptor)
            return None
        if os.fstat(descriptor).st_nlink:
            return descriptor
        os.close(descriptor)  # Its last holder has removed it meanwhile.


def _locked(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
