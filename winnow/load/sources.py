"""The sources: which files they read, and what each file holds."""

from __future__ import annotations

import importlib.util
import sys
import traceback
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from types import ModuleType

from winnow.contracts.entities import LOG_SOURCE, load_contracts
from winnow.core.errors import InputError
from winnow.core.file_names import path_text
from winnow.core.settings import project_root
from winnow.readers.folders import IS_FOLDER, LeftOut, files_of
from winnow.readers.source_files import FileFacts, ReadOptions, Recognise, SourceFile

__all__ = [
    "FileFacts",
    "LeftOut",
    "ReadOptions",
    "Source",
    "SourceFile",
    "entities_of",
    "find_files",
    "nothing_to_read",
    "source_of",
    "sources",
]


@dataclass(frozen=True)
class Source:
    """A kind of data: how it knows its files, and what their names look like.

    ``contract`` is the source whose entities its files hold, mostly itself.
    ``default_tenant`` owns the data when nobody else is named.
    """

    name: str
    recognise: Recognise
    reads: str
    contract: str
    default_tenant: str


def sources() -> dict[str, Source]:
    """The sources by their names: every file of the project's ``ingest/``, in
    alphabetical order.

    A loader has ``READS`` and ``recognise``; ``CONTRACT`` where its files hold another
    source's entities, and ``TENANT`` where the default tenant is not called like the
    source. Raises InputError, naming file and line, for one that cannot be used.
    """
    return _sources(project_root())


@lru_cache(maxsize=4)
def _sources(root: Path) -> dict[str, Source]:
    found = {}
    contracts = {source for source, _ in load_contracts(root)} - {LOG_SOURCE}
    for path in sorted((root / "ingest").glob("[!_.]*.py")):
        loader = _module(path)
        missing = {"READS", "recognise"} - vars(loader).keys()
        if missing:
            raise InputError(
                f"{path_text(path)} has no {' and no '.join(sorted(missing))}, which "
                "every loader needs."
            )
        name = path.stem
        of = getattr(loader, "CONTRACT", name)
        if of not in contracts:
            raise InputError(
                f"{path_text(path)}: CONTRACT {of!r} is no source with a contract; "
                f"there are {', '.join(sorted(contracts))}."
            )
        tenant = getattr(loader, "TENANT", name)
        found[name] = Source(name, loader.recognise, loader.READS, of, tenant)
    return found


def _module(path: Path) -> ModuleType:
    """A loader, run from its file: the project's folder is no package."""
    spec = importlib.util.spec_from_file_location(f"ingest.{path.stem}", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module  # Dataclasses look their module up.
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        steps = traceback.extract_tb(error.__traceback__)
        own = [at.lineno for at in steps if at.filename == str(path)]
        line = getattr(error, "lineno", None) or (own or [1])[-1]
        raise InputError(
            f"{path_text(path)}, line {line}: this loader cannot be used: "
            f"{type(error).__name__}: {error}."
        ) from error
    return module


def find_files(
    source: str,
    path: str | Path,
    entity: str | None,
    options: ReadOptions,
    recursive: bool = False,
) -> tuple[list[SourceFile], list[LeftOut]]:
    """The files of a source at ``path`` (a file, a folder or a glob), sorted by name.

    None is opened: a file whose columns are to tell what it holds comes back with an
    empty ``entity``. What the source does not know by its name is left out of a folder;
    named by itself it is read. Raises InputError when there is no such source, entity
    or file, or none that the source reads.
    """
    kind = source_of(source)
    if entity is not None:
        _check_entity(kind.contract, entity)
    found, left_out = files_of(path, recursive)
    files: list[SourceFile] = []
    for one in found:
        file = kind.recognise(one.path, options)
        if one.in_folder and file is None:
            left_out.append(LeftOut(one.path, f"not part of {source}"))
        elif (
            one.in_folder and file and file.entity and entity not in (None, file.entity)
        ):
            left_out.append(LeftOut(one.path, f"holds {file.entity}, not {entity}"))
        elif one.in_folder and file:
            files.append(replace(file, in_folder=True, partition=one.partition))
        elif file is None or entity not in (None, file.entity):
            files.append(SourceFile(one.path, entity or ""))
        else:
            files.append(file)
    if not files:
        raise nothing_to_read(source, path, entity, left_out)
    return files, sorted(left_out, key=lambda one: one.path)


def nothing_to_read(
    source: str, path: str | Path, entity: str | None, left_out: list[LeftOut]
) -> InputError:
    """The error of a folder or pattern of which every file is left out."""
    folders = [one.path.name for one in left_out if one.reason == IS_FOLDER]
    if folders and len(folders) == len(left_out):
        more = f" and {len(folders) - 3} more" if len(folders) > 3 else ""
        return InputError(
            f"{path} has no files, only folders ({', '.join(folders[:3])}{more}); "
            "--recursive loads what is in them."
        )
    sought = f"as {entity}" if entity else "at all"
    deeper = "; --recursive looks into its folders, too" if folders else ""
    return InputError(
        f"{path} has no file that {source} reads {sought}; it reads "
        f"{sources()[source].reads}, also with .gz{deeper}."
    )


def entities_of(source: str) -> tuple[str, ...]:
    """The names of the entities that have a contract of this source, in its order."""
    return tuple(name for of, name in load_contracts() if of == source)


def source_of(name: str) -> Source:
    """The source of this name. Raises InputError, naming those there are."""
    known = sources()
    if name not in known:
        raise InputError(
            f"There is no source {name!r}; the sources are {', '.join(known)}."
        )
    return known[name]


def _check_entity(source: str, entity: str) -> None:
    entities = entities_of(source)
    if entity not in entities:
        raise InputError(
            f"{source} has no entity {entity!r}; it has {', '.join(entities)}."
        )
