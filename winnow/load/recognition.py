"""Which files of a source are read, and what each of them holds."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import NamedTuple

from winnow.contracts.entities import Column, Entity, contract
from winnow.core.errors import InputError
from winnow.load.columns import (
    AmbiguousColumnsError,
    MissingColumnsError,
    match_with_folders,
    member_names,
)
from winnow.load.records import headerless, is_empty_part, opened
from winnow.load.sources import (
    LeftOut,
    ReadOptions,
    SourceFile,
    entities_of,
    find_files,
    nothing_to_read,
    source_of,
    sources,
)
from winnow.readers import is_parquet, normalise_name, parquet_columns

_IDS = ("user_id", "item_id")
_FEWEST_OF_ANOTHER_HEADER = 3
"""Columns that a header must have to be known as another source's."""


class Recognised(NamedTuple):
    """A file, the contract that it is read by, and what the user should know of it."""

    file: SourceFile
    entity: Entity
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Fit:
    """How well a file's columns fit an entity.

    ``used`` counts the contract's columns that it fills, ``by_name`` those by their own
    names; ``ids`` are the file's columns that fill its ids. ``error`` says why the file
    cannot be read as this entity, None when it can. ``fits`` is also true of one whose
    only error is that a column must be chosen.
    """

    entity: Entity
    used: int
    by_name: int
    ids: frozenset[str]
    is_rest_left: bool
    fits: bool
    error: InputError | None

    @property
    def merit(self) -> tuple[int, int]:
        """A user and an item are an event: more ids first, then more columns."""
        return len(_ids(self.entity)), self.used

    @property
    def has_one_id(self) -> bool:
        """Whether it is about users or items alone."""
        return len(_ids(self.entity)) == 1

    @property
    def is_only_an_id(self) -> bool:
        """One id is all that is known, and there is more in the file."""
        return self.used == 1 and self.has_one_id and self.is_rest_left


def recognise_files(
    source: str,
    path: str | Path,
    entity: str | None,
    options: ReadOptions,
    recursive: bool = False,
) -> tuple[list[Recognised], list[LeftOut]]:
    """The files to read at ``path``, each with its entity, and what is left out.

    The columns of a file tell its entity, whatever it is called; its name decides where
    they fit several alike. ``entity`` is what a file that is named is read as; of a
    folder it takes the files that hold it. Raises InputError when a file cannot be
    used, or no file is left.
    """
    files, left_out = find_files(source, path, entity, options, recursive)
    of = source_of(source).contract
    found: list[Recognised] = []
    empty: list[SourceFile] = []
    reasons: list[InputError] = []
    for file in files:
        try:
            one = _recognised(of, file, entity, options)
        except InputError as error:
            if not (file.in_folder and file.is_optional):
                raise
            reasons.append(error)
            left_out.append(LeftOut(file.path, _reason(error, source, file.path)))
            continue
        if one is None:
            empty.append(file)
        elif file.in_folder and entity not in (None, one.entity.name):
            reason = f"holds {one.entity.name}, not {entity}"
            left_out.append(LeftOut(file.path, reason))
        else:
            found.append(one)
    for file in empty:
        likely = [entity, file.likely, *(one.entity.name for one in found)]
        name = next(filter(None, likely), entities_of(of)[0])
        found.append(Recognised(file, contract(of, name)))
    if not found:
        raise reasons[0] if reasons else nothing_to_read(source, path, entity, left_out)
    found.sort(key=lambda one: one.file.path)
    return found, sorted(left_out, key=lambda one: one.path)


def _recognised(
    source: str, file: SourceFile, entity: str | None, options: ReadOptions
) -> Recognised | None:
    """What a file holds; None where it has neither records nor columns to tell."""
    if file.entity and (entity is not None or file.layout is not None):
        return Recognised(file, contract(source, file.entity))
    entities = [contract(source, name) for name in entities_of(source)]
    columns = _columns(file, entities, options)
    if not columns:
        return None
    if file.entity:
        known = _fit(contract(source, file.entity), columns, file, options)
        if known.error is not None and not known.fits:
            raise _with_hint(known.error, _others(source, columns, file, options))
        return Recognised(file, known.entity)
    fits = [_fit(one, columns, file, options) for one in entities]
    try:
        return Recognised(file, *_best(source, fits, columns, file, options))
    except InputError:
        asked = [one for one in fits if one.entity.name == entity and one.fits]
        if not asked:
            raise
        return Recognised(file, asked[0].entity)


def _columns(
    file: SourceFile, entities: Sequence[Entity], options: ReadOptions
) -> tuple[str, ...]:
    """A file's own columns. Raises InputError for text of a folder that is no data."""
    if is_empty_part(file):
        return ()
    if is_parquet(file.path):
        columns = parquet_columns(file.path)
        return (*columns, *member_names(columns, options.mapping.values()))
    columns, batches, layout = opened(file, entities, options)
    with closing(batches):
        if file.is_optional and file.in_folder:
            first = next(batches, None)
            if first and first.faults.num_rows > first.records.num_rows:
                raise InputError(
                    f"{file.path} has more lines that cannot be read than others."
                )
    if columns and layout and not layout.header and not options.mapping:
        raise headerless(file, entities[0], layout)
    return columns


def _best(
    source: str,
    fits: Sequence[_Fit],
    columns: Sequence[str],
    file: SourceFile,
    options: ReadOptions,
) -> tuple[Entity, tuple[str, ...]]:
    """The entity that columns fit best, with notes. Raises InputError where none fits,
    only an id does, or several fit alike and the name does not tell.
    """
    fitting = [one for one in fits if one.fits]
    likely = [one for one in fits if one.entity.name == file.likely]
    if not fitting:
        nearest = max(fits, key=lambda one: (one.used, one in likely))
        assert nearest.error is not None
        others = ", ".join(
            one.entity.name for one in fits if one.entity is not nearest.entity
        )
        where = _others(source, columns, file, options)
        hint = where or f"or name another entity ({others}) with --entity"
        raise _with_hint(nearest.error, hint)
    most = max(one.merit for one in fitting)
    best = [one for one in fitting if one.merit == most]
    winner = best[0]
    listed = _listed(columns)
    if winner.is_only_an_id:
        nearer = [one for one in fits if one.error and one.used > winner.used]
        if nearer and nearer[0].error is not None:
            hint = f"or --entity {winner.entity.name} if it holds those"
            raise _with_hint(nearer[0].error, hint)
        names = " or ".join(one.entity.name for one in best)
        raise InputError(
            f"{file.path}, line 1: of the columns {listed} only an id is known, which "
            f"is too little to tell what the file holds; if it is {names}, say so with "
            f"--entity {winner.entity.name}, else name its columns with --map."
        )
    if len(best) > 1:
        named = [one for one in best if one in likely]
        if not named:
            names = " and ".join(one.entity.name for one in best)
            raise InputError(
                f"{file.path}, line 1: the columns {listed} fit {names} alike; say "
                f"which with --entity {winner.entity.name}."
            )
        winner = named[0]
    for one in likely:
        more = one.used > winner.used or one.by_name > winner.by_name
        if not one.fits and one.error is not None and more:
            hint = f"or --entity {winner.entity.name} if it holds those"
            raise _with_hint(one.error, hint)
        if one is not winner and one.fits and one.has_one_id and one.ids == winner.ids:
            # An ``id`` is whose it is called after.
            raise InputError(
                f"{file.path}, line 1: the columns {listed} fit {winner.entity.name} "
                f"best, and the name says {one.entity.name}; say which with --entity "
                f"{one.entity.name} or --entity {winner.entity.name}."
            )
    if winner.error is not None:
        raise winner.error
    notes = [
        f"It has more columns of {one.entity.name}: --entity {one.entity.name} if it "
        "holds those."
        for one in fits
        if one.fits and one.used > winner.used
    ]
    notes += _header_of_another(winner.entity, columns)
    return winner.entity, tuple(notes)


def _fit(
    entity: Entity, columns: Sequence[str], file: SourceFile, options: ReadOptions
) -> _Fit:
    path, folders = str(file.path), tuple(file.partition)
    error: InputError | None = None
    fits = True
    left: Sequence[str] = columns
    used, extra = 0, True
    ids: frozenset[str] = frozenset()
    while True:
        try:
            match = match_with_folders(
                entity,
                left,
                folders,
                options.mapping,
                path,
                not fits,
                options.ignore,
            )
        except AmbiguousColumnsError as ambiguous:
            # One of them is enough to see what the others would give.
            error = error or ambiguous
            again = {*ambiguous.columns[1:]}
            left = [name for name in left if name not in again]
            if again:
                continue
        except InputError as unfit:
            error = unfit
            if fits:
                fits = False
                continue
        else:
            used, extra = len(match.used), bool(match.extra)
            of_ids = (match.used.get(one.name) for one in _ids(entity))
            ids = frozenset(filter(None, of_ids))
        break
    names = {*map(normalise_name, (*columns, *folders))}
    by_name = sum(normalise_name(column.name) in names for column in entity.columns)
    return _Fit(entity, used, by_name, ids, extra, fits, error)


def _ids(entity: Entity) -> list[Column]:
    return [one for one in entity.required_columns if one.canonical_name in _IDS]


def _others(
    source: str, columns: Sequence[str], file: SourceFile, options: ReadOptions
) -> str:
    """What else the columns would fit, as the end of a sentence; empty for nothing."""
    # canonical before those that have their own idea of what its columns mean.
    for other in dict.fromkeys((source, "canonical", *sources())):
        fits = [
            fit
            for name in entities_of(other)
            if (fit := _fit(contract(other, name), columns, file, options)).error
            is None
            and not fit.is_only_an_id
        ]
        if fits:
            best = max(fits, key=lambda one: one.merit).entity
            option = f"--entity {best.name}" if other == source else f"load {other}"
            return f"the columns fit {best.name} of {other} ({option})"
    return ""


def _header_of_another(entity: Entity, columns: Sequence[str]) -> list[str]:
    """A note where a header is another source's own: its names, and no others."""
    names = set(map(normalise_name, columns))
    if len(names) < _FEWEST_OF_ANOTHER_HEADER:
        return []
    notes = []
    for source in sources():
        for name in entities_of(source) if source != entity.source else ():
            other = contract(source, name)
            own = {normalise_name(column.name) for column in other.columns}
            required = {normalise_name(one.name) for one in other.required_columns}
            # Ids that have names of their own; user_id and item_id are anybody's.
            renamed = any(one.name != one.canonical_name for one in _ids(other))
            if renamed and required <= names <= own:
                notes.append(
                    f"Its header is that of {source}'s {name}: load it with {source} "
                    "for the rules of that data."
                )
    return notes


def _with_hint(error: InputError, hint: str) -> InputError:
    """The same sentence with one more way out, where columns are missing."""
    if not hint or not isinstance(error, MissingColumnsError):
        return error
    return MissingColumnsError(f"{str(error).removesuffix('.')}; {hint}.")


def _reason(error: InputError, source: str, path: Path) -> str:
    """Why a file is left out: the error without the file's name."""
    if isinstance(error, MissingColumnsError):
        return f"its columns fit nothing of {source}"
    said = str(error).removeprefix(str(path)).removeprefix(", line 1:")
    return said.strip().removesuffix(".")


def _listed(columns: Iterable[str], most: int = 20) -> str:
    names = list(columns)
    shown = ", ".join(islice(names, most))
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"
