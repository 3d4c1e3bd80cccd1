"""Names of files and folders, for those who cannot take just any name."""

from __future__ import annotations

import os
import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from winnow.core.errors import InputError

_PLAIN = re.compile(r"[\w/.,:;@+~ -]*")
_TEMPORARY_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm")


def path_text(path: str | Path) -> str:
    r"""A path as valid Unicode: a byte that is not UTF-8 is written ``\xNN``.

    Python reads such bytes as lone surrogates, which neither DuckDB nor a UTF-8 file
    can hold.
    """
    return os.fsencode(path).decode("utf-8", "backslashreplace")


def is_plain(path: str | Path) -> bool:
    """Whether a path means the same in SQL, in a format string and in a pattern.

    A quote, a percent sign, a bracket, a line break or a byte that is not UTF-8 does
    not, nor ``name=value``, which readers of Parquet files take for a column.
    """
    return _PLAIN.fullmatch(str(path)) is not None


@contextmanager
def plain_path(path: Path) -> Iterator[Path]:
    """The same file or folder by a plain name: its own, or a link while the block runs.

    Raises InputError when there is no folder for temporary files that has such a name.
    """
    if is_plain(path.absolute()):
        yield path
        return
    folder = Path(tempfile.mkdtemp(prefix="winnow-", dir=plain_temporary_folder(path)))
    try:
        link = folder / f"link{path.suffix if is_plain(path.suffix) else ''}"
        link.symlink_to(path.absolute())
        yield link
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def plain_temporary_folder(path: Path) -> Path:
    """A folder for temporary files that has a plain name. Raises InputError, naming
    ``path`` as what needs it, when there is none.
    """
    for folder in (tempfile.gettempdir(), *_TEMPORARY_FOLDERS):
        if is_plain(folder) and os.access(folder, os.W_OK | os.X_OK):
            return Path(folder)
    raise InputError(
        f"{path_text(path)} has a character in its name that DuckDB or dlt cannot "
        "take, and there is no folder for temporary files to use instead: set TMPDIR "
        "to one with a plain name."
    )
