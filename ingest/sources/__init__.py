"""The sources: which files they read, and what each file holds."""

from __future__ import annotations

import glob
from dataclasses import dataclass
from pathlib import Path

from ingest.contracts import load_contracts
from ingest.errors import InputError
from ingest.sources import canonical, microlens, movielens, recomart
from ingest.sources.base import FileFacts, ReadOptions, Recognise, SourceFile

__all__ = [
    "SOURCES",
    "FileFacts",
    "LeftOut",
    "ReadOptions",
    "Source",
    "SourceFile",
    "entities_of",
    "find_files",
]


@dataclass(frozen=True)
class Source:
    """A kind of data: how it knows its files, and what their names look like.

    ``default_tenant`` owns the data when nobody else is named.
    """

    name: str
    recognise: Recognise
    reads: str
    default_tenant: str


SOURCES = {
    source.name: source
    for source in (
        Source("movielens", movielens.recognise, movielens.READS, "movielens"),
        Source("microlens", microlens.recognise, microlens.READS, "microlens"),
        Source("recomart", recomart.recognise, recomart.READS, "recomart"),
        Source("canonical", canonical.recognise, canonical.READS, "default"),
    )
}


@dataclass(frozen=True)
class LeftOut:
    """A file of the folder that is not loaded, and why."""

    path: Path
    reason: str


def find_files(
    source: str,
    path: str | Path,
    entity: str | None,
    options: ReadOptions,
    recursive: bool = False,
) -> tuple[list[SourceFile], list[LeftOut]]:
    """The files of a source at ``path`` (a file, a folder or a glob), sorted by name.

    A file that the source does not know by its name is left out of a folder; named by
    itself it is read as ``entity``, and comes back with an empty ``entity`` where none
    was given, so that its header must tell. Raises InputError when there is no such
    source, entity or file, or none that the source reads.
    """
    kind = _source(source)
    if entity is not None:
        _check_entity(source, entity)
    paths, is_folder = _paths(path)
    files: list[SourceFile] = []
    left_out: list[LeftOut] = []
    for one in paths:
        file = kind.recognise(one, options)
        if is_folder and file is None:
            left_out.append(LeftOut(one, f"not part of {source}"))
        elif is_folder and file and entity not in (None, file.entity):
            left_out.append(LeftOut(one, f"holds {file.entity}, not {entity}"))
        elif file is None or entity not in (None, file.entity):
            files.append(SourceFile(one, entity or ""))
        else:
            files.append(file)
    if not files:
        sought = f"as {entity}" if entity else "at all"
        raise InputError(
            f"{path} has no file that {source} reads {sought}; it reads {kind.reads}, "
            f"also with .gz."
        )
    return files, left_out


def entities_of(source: str) -> tuple[str, ...]:
    """The names of a source's entities, in the order of their contracts."""
    return tuple(name for of, name in load_contracts() if of == source)


def _source(name: str) -> Source:
    if name not in SOURCES:
        raise InputError(
            f"There is no source {name!r}; the sources are {', '.join(SOURCES)}."
        )
    return SOURCES[name]


def _check_entity(source: str, entity: str) -> None:
    entities = entities_of(source)
    if entity not in entities:
        raise InputError(
            f"{source} has no entity {entity!r}; it has {', '.join(entities)}."
        )


def _paths(path: str | Path) -> tuple[list[Path], bool]:
    """The files meant by ``path``, and whether it is a folder."""
    place = Path(path).expanduser()
    if place.is_dir():
        inside = (one for one in place.iterdir() if not one.name.startswith("."))
        return sorted(one for one in inside if one.is_file()), True
    if place.exists():
        if not place.is_file():
            raise InputError(f"{path} is neither a file nor a folder.")
        return [place], False
    if glob.has_magic(str(place)):
        root = Path(place.anchor)
        pattern = str(place.relative_to(root))
        files = sorted(one for one in root.glob(pattern) if one.is_file())
        if files:
            return files, False
    raise InputError(f"There is no file {path}.")
