"""Which files of the ledger stand: the bytes of one that does need no second load."""

from __future__ import annotations

from collections.abc import Iterator

from winnow.contracts.entities import Entity
from winnow.load.ledger import Landed, LandedFile, Ledger

_LISTS = ("predictions",)
"""Entities of which the newest load of a user counts, whole."""


def standing_twin(
    ledger: Ledger,
    *,
    tenant: str,
    source: str,
    entity: Entity,
    path: str,
    sha256: str,
    options: str,
    limit: int | None,
    mode: str,
    feed: str | None,
) -> Landed | None:
    """The load that has a file's bytes already, read with the same options, and whose
    rows still say what loading the file again would say; None where there is none.

    Bytes of an earlier state mean something new: a catalogue that goes back to what it
    was, or a file that replaces what replaced it, is no twin of that earlier load.
    """
    of_entity = list(_files(ledger, tenant, source, entity.name))
    for place, (landed, file) in enumerate(of_entity):
        is_same = (file.sha256, file.options) == (sha256, options)
        covers = file.limit is None or (limit is not None and file.limit >= limit)
        if not (is_same and covers):
            continue
        if mode == "replace" and (file.mode, file.feed) != (mode, feed):
            continue
        later = [
            (load, one)
            for load, one in of_entity[place + 1 :]
            if load.load_id != landed.load_id
        ]
        if any(_supersedes(one, file, entity) for _, one in later):
            continue
        if entity.name in _LISTS and later and file.path != path:
            continue
        return landed
    return None


def _supersedes(later: LandedFile, file: LandedFile, entity: Entity) -> bool:
    """Whether a later file of the entity took the place of an earlier one."""
    if later.mode == "replace":
        if later.feed is None:
            return later.path == file.path
        return later.feed == file.feed
    if later.mode == "snapshot":
        return later.feed == file.feed
    return entity.name in _LISTS and later.path == file.path


def _files(
    ledger: Ledger, tenant: str, source: str, entity: str
) -> Iterator[tuple[Landed, LandedFile]]:
    """The files of one tenant and entity that count, in the order of the loads."""
    loads = [
        load
        for load in ledger.counting()
        if (load.landed.tenant, load.landed.source) == (tenant, source)
        and load.landed.corrects is None
    ]
    for load in sorted(loads, key=lambda one: (one.landed.loaded_at, one.number)):
        for file in load.files:
            if file.entity == entity:
                yield load.landed, file
