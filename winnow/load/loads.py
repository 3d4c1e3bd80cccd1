"""The loads of the landing lake and what became of them: in the ledger, and in the
warehouse as the last build left it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from winnow.core.errors import BusyError, InputError
from winnow.core.file_names import path_text
from winnow.core.lock import warehouse_lock
from winnow.core.settings import Settings
from winnow.load.ledger import (
    Ledger,
    Load,
    append_released,
    append_unloaded,
    read_ledger,
)
from winnow.load.pipeline import take_in
from winnow.load.take_in import current_ledger
from winnow.warehouse.reading import has_table, read_only


@dataclass(frozen=True)
class FileState:
    """A file of a load. ``state`` is one of STATES."""

    entity: str
    file: str
    mode: str
    feed: str | None
    records: int
    unreadable: int
    state: str


@dataclass(frozen=True)
class LoadState:
    """A load and its files. ``number`` is that of the ledger's entry; times are UTC,
    without a zone. ``reasons`` says why a gate holds it; empty where none does.
    """

    number: int
    load_id: str
    tenant: str
    source: str
    loaded_at: str
    by: str
    files: tuple[FileState, ...]
    corrects: tuple[str, str] | None
    unloaded: dict[str, object] | None
    released: dict[str, object] | None
    reasons: tuple[str, ...]

    @property
    def records(self) -> int:
        """Records that landed, those that could not be read among them."""
        return sum(one.records + one.unreadable for one in self.files)

    @property
    def states(self) -> str:
        """The states of its files, each once."""
        return ", ".join(dict.fromkeys(one.state for one in self.files)) or "counts"


STATES = {
    "waits": "has landed, and enters the warehouse with the next build",
    "not built": "is in the raw tables, and enters the others with the next build",
    "counts": "is in the tables of the last build",
    "earlier": "is an earlier state of a catalogue, and in its history",
    "held": "is kept out of the tables by the quality gate",
    "replaced": "was replaced by a later load",
    "unloaded": "was taken back",
}
"""What a file of a load can be, and what that means."""


@dataclass
class _Built:
    """What the warehouse has; None where it cannot be read just now."""

    raw: set[str] | None
    states: dict[tuple[str, str], str]
    reasons: dict[str, list[str]]
    judged: set[str]


def load_states(settings: Settings, tenant: str | None = None) -> list[LoadState]:
    """Every load of the lake, in the order of the ledger; of one tenant where one is
    named.
    """
    ledger = read_ledger(settings.lake)
    built = _built(settings)
    return [
        _state(ledger, load, built)
        for load in ledger.loads.values()
        if tenant in (None, load.landed.tenant)
    ]


def load_state(settings: Settings, name: str) -> LoadState:
    """One load, by its id or the number of its entry. Raises InputError when there is
    no such load.
    """
    ledger = read_ledger(settings.lake)
    return _state(ledger, _named(ledger, name), _built(settings))


def unload(
    settings: Settings,
    names: Sequence[str] = (),
    *,
    file: Path | None = None,
    tenant: str | None = None,
    why: str | None = None,
) -> tuple[list[str], str | None]:
    """Take back loads by id or number, all of a tenant, or the rows of one file
    (``file``, of ``tenant`` where one is named); the ids of the loads, and a sentence
    where the warehouse is in use, so that the rows leave it with the next build.

    Raises InputError when there is no such load, or all of them were taken back before.
    """
    if not names and file is None and tenant is None:
        raise InputError("Say which loads: their ids, --file PATH or --tenant NAME.")
    if names and (file is not None or tenant is not None):
        raise InputError("Loads are named by their ids, or by --file and --tenant.")
    ledger = current_ledger(settings)
    chosen: list[str] = []
    parts: list[tuple[str, str]] = []
    if names:
        chosen = [_named(ledger, name).landed.load_id for name in names]
    elif file is None:
        chosen = _of_tenant(ledger, tenant or "")
    else:
        parts = _of_file(ledger, file, tenant)
    chosen = [one for one in chosen if ledger.loads[one].unloaded is None]
    if not chosen and not parts:
        raise InputError(f"{_what(names, file, tenant)} was taken back before.")
    append_unloaded(settings.lake, chosen, parts, why)
    return [*chosen, *(load_id for load_id, _ in parts)], _follow(settings)


def release(
    settings: Settings, names: Sequence[str], why: str | None = None
) -> tuple[list[str], str | None]:
    """Let loads count that a gate holds: their ids, and a sentence where the warehouse
    is in use. Raises InputError when there is no such load, or it was taken back.
    """
    ledger = current_ledger(settings)
    loads = [_named(ledger, name) for name in names]
    for load in loads:
        if not ledger.counts(load):
            raise InputError(
                f"Load {load.landed.load_id} was taken back; load its files again."
            )
    ids = [load.landed.load_id for load in loads]
    append_released(settings.lake, ids, why)
    return ids, _follow(settings)


def _follow(settings: Settings) -> str | None:
    try:
        with warehouse_lock(settings):
            take_in(settings)
    except BusyError:
        return "The warehouse is in use; it follows with the next build."
    return None


def _named(ledger: Ledger, name: str) -> Load:
    if name in ledger.loads:
        return ledger.loads[name]
    for load in ledger.loads.values():
        if str(load.number) == name:
            return load
    raise InputError(
        f"There is no load {name}: `winnow loads list` shows which there are."
    )


def _of_tenant(ledger: Ledger, tenant: str) -> list[str]:
    found = [
        load.landed.load_id
        for load in ledger.loads.values()
        if load.landed.tenant == tenant
    ]
    if not found:
        known = sorted({load.landed.tenant for load in ledger.loads.values()})
        raise InputError(
            f"--tenant {tenant}: there is no load of it; there are loads of "
            f"{', '.join(known) or 'nobody'}."
        )
    return found


def _of_file(ledger: Ledger, file: Path, tenant: str | None) -> list[tuple[str, str]]:
    path = path_text(file.absolute())
    found = [
        (load, one)
        for load in ledger.loads.values()
        for one in load.landed.files
        if one.path == path and tenant in (None, load.landed.tenant)
    ]
    if not found:
        whose = f" of tenant {tenant}" if tenant else ""
        raise InputError(f"--file {path}: no load{whose} has this file.")
    return [
        (load.landed.load_id, one.file)
        for load, one in found
        if ledger.counts(load) and one.file not in load.gone
    ]


def _what(names: Sequence[str], file: Path | None, tenant: str | None) -> str:
    if names:
        return f"Load {', '.join(names)}"
    if file is not None:
        return f"The file {path_text(file)}"
    return f"Every load of tenant {tenant}"


def _built(settings: Settings) -> _Built:
    nothing = _Built(None, {}, {}, set())
    if not settings.warehouse.exists():
        return nothing
    try:
        with read_only(settings.warehouse) as connection:
            if not has_table(connection, "raw", "winnow_loads"):
                return nothing
            raw = connection.execute("select load_id from raw.winnow_loads").fetchall()
            built = _Built({load_id for (load_id,) in raw}, {}, {}, set())
            if has_table(connection, "validated", "file_states"):
                for load_id, file, state in connection.execute(
                    "select load_id, file, state from validated.file_states"
                ).fetchall():
                    built.states[load_id, file] = state
                    built.judged.add(load_id)
                for load_id, reason in connection.execute(
                    "select load_id, reason from validated.load_verdicts "
                    "where verdict = 'held' order by load_id, entity"
                ).fetchall():
                    built.reasons.setdefault(load_id, []).append(reason)
            return built
    except BusyError:
        return nothing


def _state(ledger: Ledger, load: Load, built: _Built) -> LoadState:
    landed = load.landed
    counts = ledger.counts(load)
    files = tuple(
        FileState(
            one.entity,
            one.file,
            one.mode,
            one.feed,
            one.records,
            one.unreadable,
            _file_state(load, one.file, built, counts=counts),
        )
        for one in landed.files
    )
    reasons = tuple(built.reasons.get(landed.load_id, ())) if counts else ()
    return LoadState(
        load.number,
        landed.load_id,
        landed.tenant,
        landed.source,
        landed.loaded_at.isoformat(sep=" ", timespec="seconds"),
        load.by,
        files,
        landed.corrects,
        load.unloaded,
        load.released,
        reasons,
    )


def _file_state(load: Load, file: str, built: _Built, *, counts: bool) -> str:
    if not counts or file in load.gone:
        return "unloaded"
    load_id = load.landed.load_id
    if (load_id, file) in built.states:
        return built.states[load_id, file]
    if built.raw is None or load_id not in built.raw:
        return "waits"
    return "replaced" if load_id in built.judged else "not built"
