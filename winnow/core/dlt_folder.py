"""The folder that dlt works in, which is there only while it does."""

from __future__ import annotations

import hashlib
import shutil
import uuid
from pathlib import Path

from winnow.core.file_names import is_plain, plain_temporary_folder
from winnow.core.settings import Settings

_DLT = "dlt"
_ELSEWHERE = "elsewhere"


def dlt_folder(settings: Settings) -> Path:
    """dlt's working folder, of one warehouse. It is there only while dlt works."""
    warehouse = hashlib.sha256(str(settings.warehouse.resolve()).encode()).hexdigest()
    return settings.state / f"{_DLT}-{warehouse[:12]}"


def begin_dlt_folder(settings: Settings) -> Path:
    """Make the folder in which dlt works: ``dlt_folder``, or one that it links to.

    dlt writes its folder's real name into SQL and into format strings, so where that
    has a quote or a percent sign the folder is made among the temporary files.
    """
    folder = dlt_folder(settings)
    folder.mkdir(parents=True, exist_ok=True)
    if is_plain(folder.resolve()):
        return folder
    elsewhere = plain_temporary_folder(folder).resolve() / f"winnow-{uuid.uuid4().hex}"
    # The link first, so that what a killed load leaves is always found.
    (folder / _ELSEWHERE).symlink_to(elsewhere)
    elsewhere.mkdir(mode=0o700)
    return elsewhere


def remove_dlt_folder(settings: Settings) -> None:
    """Remove what dlt has left of a warehouse, wherever it worked."""
    _remove_dlt_folder(dlt_folder(settings))


def remove_dlt_folders(state: Path) -> None:
    """Remove what dlt has left of any warehouse of a state folder."""
    for folder in state.glob(f"{_DLT}-*"):
        _remove_dlt_folder(folder)


def _remove_dlt_folder(folder: Path) -> None:
    link = folder / _ELSEWHERE
    if link.is_symlink():
        shutil.rmtree(link.readlink(), ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
