"""The files that a path means: a file, a folder's, or those of a pattern."""

from __future__ import annotations

import glob
from collections.abc import Iterator, Mapping, Set
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from urllib.parse import unquote

from winnow.core.errors import InputError
from winnow.core.file_names import path_text
from winnow.readers import column_name

HIVE_NULL = "__HIVE_DEFAULT_PARTITION__"
"""What Hive and Spark write into a folder's name for a missing value."""

_HIDING = {".": "a dot", "_": "an underscore"}
"""Characters at the begin of names that nobody reads from a folder."""

IS_FOLDER = "a folder; --recursive loads it, too"


@dataclass(frozen=True)
class LeftOut:
    """A file or subfolder that is not loaded, and why."""

    path: Path
    reason: str


@dataclass(frozen=True)
class FoundFile:
    """A file, whether it was found in a folder or by a pattern rather than named, and
    what the folders between there and the file say (``day=2024-01-01``).
    """

    path: Path
    in_folder: bool
    partition: Mapping[str, str | None] = field(default_factory=dict)


def files_of(
    path: str | Path, recursive: bool
) -> tuple[list[FoundFile], list[LeftOut]]:
    """The files meant by ``path``, sorted, and what is left out.

    What is left out of a folder: names that begin with ``.`` or ``_`` (as Spark, pandas
    and Arrow do), subfolders unless ``recursive``, and what is no file. A pattern's
    files are treated alike. Raises InputError when there is nothing of this name.
    """
    if not str(path).strip() or "\0" in str(path):
        raise InputError(
            f"{str(path)!r} is no path: name a file, a folder (`.` for the one that "
            "you are in) or a pattern."
        )
    try:
        return _files_of(Path(path).expanduser(), path, recursive)
    except OSError as error:
        where = path_text(error.filename or path)
        raise InputError(f"{where} cannot be read: {error.strerror}.") from error
    except RuntimeError as error:  # ``~nobody``
        raise InputError(f"{path}: {error}") from error


def _files_of(
    start: Path, path: str | Path, recursive: bool
) -> tuple[list[FoundFile], list[LeftOut]]:
    if start.is_dir():
        return _sorted(_inside(start, start, recursive, set()))
    if start.exists():
        if not start.is_file():
            raise InputError(f"{path} is neither a file nor a folder.")
        return [FoundFile(start, False)], []
    root, pattern = _pattern(start)
    if pattern and root.is_dir():
        shown = {part[:1] for part in pattern}
        matches = [
            entry
            for match in sorted(root.glob(str(Path(*pattern))))
            for entry in _one(match, root, recursive, set(), shown)
            if not _is_hidden(match.relative_to(root).parent, shown)
        ]
        if matches:
            return _sorted(iter(matches))
    raise InputError(f"There is no file {path}.{_similar(start)}")


def _similar(missing: Path) -> str:
    """What else is there, for a name that is not; empty where that is unclear."""
    folder = missing.parent
    if not folder.is_dir():
        return f" There is no folder {folder} either."
    try:
        names = [entry.name for entry in folder.iterdir()]
    except OSError:
        return ""
    similar = get_close_matches(missing.name, sorted(names), n=3)
    return f" There is {' and '.join(similar)}." if similar else ""


def _pattern(path: Path) -> tuple[Path, tuple[str, ...]]:
    """The folder where a pattern begins, and its parts; no parts when it is none.

    Folders that are there are meant by their names, brackets or not.
    """
    root = Path(path.anchor)
    parts = path.parts[1:] if path.anchor else path.parts
    while parts and (root / parts[0]).is_dir():
        root, parts = root / parts[0], parts[1:]
    return root, parts if any(map(glob.has_magic, parts)) else ()


def _sorted(
    entries: Iterator[FoundFile | LeftOut],
) -> tuple[list[FoundFile], list[LeftOut]]:
    files: dict[Path, FoundFile] = {}
    left_out: dict[Path, LeftOut] = {}
    for entry in entries:
        if isinstance(entry, FoundFile):
            files.setdefault(entry.path, entry)
        else:
            left_out.setdefault(entry.path, entry)
    return (
        [files[path] for path in sorted(files)],
        [left_out[path] for path in sorted(left_out)],
    )


def _inside(
    folder: Path, root: Path, recursive: bool, seen: set[tuple[int, int]]
) -> Iterator[FoundFile | LeftOut]:
    """What is in a folder; ``seen`` are the folders that were entered on the way."""
    try:
        status = folder.stat()
        names = sorted(folder.iterdir())
    except OSError as error:
        raise InputError(f"{folder} cannot be read: {error.strerror}.") from error
    key = (status.st_dev, status.st_ino)
    if key in seen:
        yield LeftOut(folder, "the same folder as another one here")
        return
    seen.add(key)
    for path in names:
        yield from _one(path, root, recursive, seen)


def _one(
    path: Path,
    root: Path,
    recursive: bool,
    seen: set[tuple[int, int]],
    shown: Set[str] = frozenset(),
) -> Iterator[FoundFile | LeftOut]:
    """A file or folder below ``root``; a first character that is ``shown`` does not
    hide a name.
    """
    if _is_hidden(Path(path.name), shown):
        yield LeftOut(path, f"its name begins with {_HIDING[path.name[0]]}")
    elif path.is_dir():
        if not recursive:
            yield LeftOut(path, IS_FOLDER)
        elif path.is_symlink() and root.resolve().is_relative_to(path.resolve()):
            yield LeftOut(path, "a link to a folder that this one is in")
        else:
            yield from _inside(path, root, recursive, seen)
    elif path.is_file():
        yield FoundFile(path, True, _partition(path.relative_to(root).parts[:-1]))
    else:
        yield LeftOut(path, "neither a file nor a folder")


def _is_hidden(path: Path, shown: Set[str]) -> bool:
    """Whether a part begins with ``.`` or ``_`` that ``shown`` does not have."""
    return any(part[:1] in _HIDING.keys() - shown for part in path.parts)


def _partition(folders: tuple[str, ...]) -> dict[str, str | None]:
    """Columns that the names of Hive's folders are: ``day=2024-01-01`` is one.

    Names and values are percent-decoded. A name that a batch has for itself gets a
    ``_``, as in a header.
    """
    columns: dict[str, str | None] = {}
    for folder in folders:
        name, equals, value = folder.partition("=")
        if name and equals:
            text = unquote(path_text(value), errors="backslashreplace")
            key = unquote(path_text(name), errors="backslashreplace")
            columns[column_name(key)] = None if value == HIVE_NULL else text
    return columns
