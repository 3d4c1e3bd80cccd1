"""What is written, on disk."""

from __future__ import annotations

import ctypes
import errno
import os
from contextlib import suppress
from pathlib import Path

_HERE = -100
"""AT_FDCWD of Linux: paths are relative to the working folder."""

_EXCHANGE = 2
"""RENAME_EXCHANGE of Linux, RENAME_SWAP of macOS."""

_NO_LINKS = (errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


def sync(path: Path) -> None:
    """Wait until a file's bytes, or a folder's names, are on disk. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def make_folder(folder: Path) -> None:
    """Make a folder and those above it, and wait until their names are on disk."""
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for one in reversed(missing):
        one.mkdir(exist_ok=True)
        sync(one.parent)


def put(file: Path, place: Path) -> None:
    """Give a file a second name, on disk before the first one may go. Only where the
    file system knows no second names the file is moved.
    """
    make_folder(place.parent)
    try:
        os.link(file, place)
    except FileExistsError:
        if not place.samefile(file):
            file.replace(place)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        file.replace(place)
    sync(place.parent)


def exchanged(one: Path, other: Path) -> bool:
    """Let two files or folders have each other's name at one instant; False where the
    system cannot do that, with nothing changed.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    first, second = os.fsencode(one), os.fsencode(other)
    with suppress(AttributeError):
        done: int = libc.renameat2(_HERE, first, _HERE, second, _EXCHANGE)
        return done == 0
    with suppress(AttributeError):
        done = libc.renamex_np(first, second, _EXCHANGE)
        return done == 0
    return False
