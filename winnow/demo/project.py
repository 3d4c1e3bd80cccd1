"""A new project: the dbt project, seeds and loaders that an installed Winnow carries,
with an example of a source of one's own.
"""

from __future__ import annotations

import shutil
import tomllib
from collections.abc import Iterator
from pathlib import Path

import winnow
from winnow.core.errors import InputError, writing
from winnow.core.file_names import path_text

_PACKAGE = Path(winnow.__file__).parent
_CARRIED = _PACKAGE / "project"


def write_project(folder: Path) -> None:
    """Write a project into a folder that is not there yet, or is empty. Raises
    InputError for a folder that has files of its own.
    """
    if folder.is_dir() and any(folder.iterdir()):
        raise InputError(
            f"{path_text(folder)} has files of its own; name a folder that is empty "
            "or not there yet."
        )
    with writing(folder, "another DIR"):
        for name, source in _files():
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)  # Without the rights of what is installed.


def _files() -> Iterator[tuple[Path, Path]]:
    """Every file of a project: its name in it, and where it is."""
    for name, place in _parts():
        for file in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if file.is_file() and "__pycache__" not in file.parts:
                yield name / file.relative_to(place), file


def _parts() -> list[tuple[Path, Path]]:
    """What a project is made of: what the wheel carries, or, in a checkout, what it
    would carry.
    """
    if _CARRIED.is_dir():
        return [(Path(), _CARRIED)]
    root = _PACKAGE.parent
    declared = tomllib.loads((root / "pyproject.toml").read_text("utf-8"))
    carried = declared["tool"]["hatch"]["build"]["targets"]["wheel"]["force-include"]
    return [
        ((root / target).relative_to(_CARRIED), root / source)
        for source, target in carried.items()
    ]
