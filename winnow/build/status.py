"""How things stand: the last build, what it has not taken in, what is held, what is
published, and what all of it takes on disk. Reads a few small tables, the ledger and
names of files, and works while a build runs.
"""

from __future__ import annotations

import datetime as dt
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from winnow.core.errors import BusyError
from winnow.core.settings import Settings
from winnow.core.visible_text import counted
from winnow.load.ledger import Ledger, Load, read_ledger
from winnow.publish.published import current_generation, generation_path, metadata_path
from winnow.warehouse.builds import Build, newest_build, unsound
from winnow.warehouse.reading import has_table, read_only


@dataclass(frozen=True)
class WaitingLoad:
    """A load that the newest build that passed does not have, or still has although it
    counts no more. ``what`` is ``landed``, ``unloaded`` or ``released``; of a
    correction, ``corrects`` is the load whose records it corrects.
    """

    load_id: str
    tenant: str
    source: str
    what: str
    records: int
    corrects: str | None
    loaded_at: dt.datetime


@dataclass(frozen=True)
class HeldLoad:
    """A load of an entity that the gate holds, and why."""

    tenant_id: str
    source: str
    entity: str
    load_id: str
    reason: str


@dataclass(frozen=True)
class Generation:
    """What is published: which build (None where the generation does not say), and
    when (UTC), how many seconds ago, and whether a newer build has passed since; None
    where that cannot be told.
    """

    number: int
    path: Path
    created_at: dt.datetime | None
    age_seconds: float | None
    build_id: str | None
    is_outdated: bool | None


@dataclass
class Standing:
    """``busy`` says what keeps the warehouse from being read, such as a build that
    runs: ``build`` and ``held`` are then those of what is published. ``unpublishable``
    says why the warehouse cannot be published, None where it can. Sizes are bytes.
    """

    build: Build | None = None
    unpublishable: str | None = None
    busy: str | None = None
    waiting: list[WaitingLoad] = field(default_factory=list)
    tenants_not_built: list[str] = field(default_factory=list)
    held: list[HeldLoad] = field(default_factory=list)
    published: Generation | None = None
    disk: dict[str, int] = field(default_factory=dict)

    @property
    def is_nothing(self) -> bool:
        """Whether nothing was ever loaded or built here."""
        known = (self.build, self.busy, self.published)
        return known == (None,) * 3 and not self.waiting


@dataclass
class _Built:
    """What a build has: ids of loads, their files, the loads that it holds, and
    tenants.
    """

    loads: frozenset[str] = frozenset()
    files: frozenset[tuple[str, str]] = frozenset()
    held: frozenset[str] = frozenset()
    tenants: frozenset[str] = frozenset()


def standing(settings: Settings) -> Standing:
    """How things stand. Raises InputError for a warehouse, a pointer or a ledger that
    cannot be read at all; a warehouse that is in use is none of them.
    """
    found = Standing()
    built: _Built | None = None
    if settings.warehouse.exists():
        try:
            with read_only(settings.warehouse) as connection:
                found.build = newest_build(connection)
                found.unpublishable = unsound(connection)
                found.held = _held(connection)
                if found.unpublishable is None:
                    built = _built(connection)
        except BusyError as error:
            found.busy = _holder(settings) or str(error)
    found.published = _generation(settings, found)
    with _published(found.published) as connection:
        if connection is not None:
            if built is None:
                built = _built(connection)
            if found.busy is not None:
                found.build = newest_build(connection)
                found.held = _held(connection)
    ledger = read_ledger(settings.lake)
    found.waiting = list(_waiting(ledger, built or _Built()))
    loaded = {load.landed.tenant for load in ledger.counting()}
    found.tenants_not_built = sorted(loaded - (built or _Built()).tenants)
    found.disk = {
        name: _size(path)
        for name, path in (
            ("warehouse", settings.warehouse),
            ("lake", settings.lake),
            ("published", settings.published),
        )
    }
    return found


def unjudged_loads(
    settings: Settings, connection: duckdb.DuckDBPyConnection
) -> list[WaitingLoad]:
    """The loads that the tables of the warehouse do not have yet, in their order."""
    waiting = _waiting(read_ledger(settings.lake), _built(connection))
    return [load for load in waiting if load.what == "landed"]


def lines(found: Standing) -> list[str]:
    """The sentences that tell of it."""
    if found.is_nothing:
        return ["Nothing has been built yet: load some data, then `winnow build`."]
    said = []
    if found.busy is not None:
        said.append(found.busy)
    said.append(_build_line(found))
    if found.unpublishable is not None and found.build is not None:
        if found.build.passed:
            said.append(found.unpublishable)
        said.append("The warehouse as it is cannot be published.")
    said += _waiting_lines(found)
    said += [
        f"Held: load {one.load_id} of {one.source}.{one.entity}, tenant "
        f"{one.tenant_id}: {one.reason}"
        for one in found.held
    ]
    said.append(_published_line(found))
    sizes = [f"{name} {size / 1e6:,.1f} MB" for name, size in found.disk.items()]
    said.append(f"On disk: {', '.join(sizes)}.")
    return said


def _build_line(found: Standing) -> str:
    build = found.build
    if build is None and found.busy is not None:
        return "What the last build came to can be read when that is done."
    if build is None:
        return "Nothing has been built as a whole yet: `winnow build` does that."
    what = "The last build" if found.busy is None else "The build that is published"
    took = "" if build.seconds is None else f" It took {build.seconds:,.1f} s."
    return f"{what} {build.outcome}.{took}"


def _waiting_lines(found: Standing) -> list[str]:
    said = []
    for what, ends in (
        ("landed", "waiting for a build"),
        ("unloaded", "unloaded, leaving with the next build"),
        ("released", "released, counting from the next build on"),
    ):
        loads = [one for one in found.waiting if one.what == what]
        if loads:
            records = sum(one.records for one in loads)
            tenants = ", ".join(sorted({one.tenant for one in loads}))
            of_them = sum(one.corrects is not None for one in loads)
            corrections = f", {of_them} of them corrections" if of_them else ""
            said.append(
                f"{counted(len(loads), 'load')} ({counted(records, 'record')}"
                f"{corrections}; tenants: {tenants}) {ends}."
            )
    if found.tenants_not_built:
        names = ", ".join(found.tenants_not_built)
        said.append(f"Loaded, and in no build that passed: {names}.")
    return said


def _published_line(found: Standing) -> str:
    published = found.published
    if published is None:
        return "Nothing is published."
    when = ""
    if published.created_at is not None and published.age_seconds is not None:
        when = (
            f", of {published.created_at:%Y-%m-%d %H:%M} UTC "
            f"({_age(published.age_seconds)} ago)"
        )
    newer = {
        True: " The warehouse has a newer build that passed: `winnow publish`.",
        False: " The warehouse has no newer build that passed.",
        None: "",
    }[published.is_outdated]
    return f"Published: generation {published.number}{when}.{newer}"


def _age(seconds: float) -> str:
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:,.0f} {unit}"
    return f"{max(seconds, 0):,.0f} s"


def _held(connection: duckdb.DuckDBPyConnection) -> list[HeldLoad]:
    if not has_table(connection, "validated", "load_verdicts"):
        return []
    rows = connection.execute(
        "select tenant_id, source, entity, load_id, coalesce(reason, '') "
        "from validated.load_verdicts where verdict = 'held' "
        "and not coalesce(is_superseded, false) order by all"
    ).fetchall()
    return [HeldLoad(*row) for row in rows]


def _built(connection: duckdb.DuckDBPyConnection) -> _Built:
    def texts(schema: str, table: str, sql: str) -> frozenset[str]:
        if not has_table(connection, schema, table):
            return frozenset()
        rows = connection.execute(sql).fetchall()
        return frozenset(text for (text,) in rows)

    files: list[tuple[str, str]] = []
    if has_table(connection, "validated", "file_states"):
        files = connection.execute(
            "select load_id, file from validated.file_states"
        ).fetchall()

    return _Built(
        texts(
            "quality",
            "reconciliation",
            "select distinct load_id from quality.reconciliation",
        )
        # Their rows have left, after the build that found out what replaces them.
        | texts(
            "raw",
            "winnow_replaced",
            "select distinct load_id from raw.winnow_replaced",
        ),
        frozenset(files),
        texts(
            "validated",
            "load_verdicts",
            "select distinct load_id from validated.load_verdicts "
            "where verdict = 'held'",
        ),
        texts("prepared", "tenants", "select tenant_id from prepared.tenants"),
    )


def waiting_loads(
    ledger: Ledger, connection: duckdb.DuckDBPyConnection
) -> list[WaitingLoad]:
    """What has happened to loads that what was built in a warehouse does not have."""
    return list(_waiting(ledger, _built(connection)))


def _waiting(ledger: Ledger, built: _Built) -> Iterator[WaitingLoad]:
    """What has happened to loads that a build has not followed yet."""
    for load in ledger.loads.values():
        load_id = load.landed.load_id
        if ledger.counts(load):
            # A replay of conflicts alone has no file: a build makes nothing of it.
            if load.files and load_id not in built.loads:
                yield _waiting_load(load, "landed")
            elif load.released_at is not None and load_id in built.held:
                yield _waiting_load(load, "released")
            elif any((load_id, file) in built.files for file in load.gone):
                yield _waiting_load(load, "unloaded")
        elif load_id in built.loads:
            yield _waiting_load(load, "unloaded")


def _waiting_load(load: Load, what: str) -> WaitingLoad:
    landed = load.landed
    return WaitingLoad(
        landed.load_id,
        landed.tenant,
        landed.source,
        what,
        sum(one.records + one.unreadable for one in load.files),
        landed.corrects[0] if landed.corrects else None,
        landed.loaded_at,
    )


def _generation(settings: Settings, found: Standing) -> Generation | None:
    number = current_generation(settings.published)
    if number is None:
        return None
    created_at, build_id = None, None
    with suppress(OSError, ValueError, KeyError, TypeError):
        noted = json.loads(metadata_path(settings.published, number).read_text("utf-8"))
        created_at = dt.datetime.fromisoformat(noted["created_at"])
        build_id = noted.get("build_id")
    age = None
    if created_at is not None:
        age = (dt.datetime.now(dt.UTC) - created_at).total_seconds()
    is_outdated = None
    if found.busy is None and found.build is not None and build_id is not None:
        is_outdated = found.build.passed and found.build.build_id != build_id
    return Generation(
        number,
        generation_path(settings.published, number),
        created_at,
        age,
        build_id,
        is_outdated,
    )


@contextmanager
def _published(
    generation: Generation | None,
) -> Iterator[duckdb.DuckDBPyConnection | None]:
    """The generation, None where nothing is published or it is being replaced."""
    if generation is None:
        yield None
        return
    try:
        connection = duckdb.connect(str(generation.path), read_only=True)
    except duckdb.Error:
        yield None
        return
    try:
        yield connection
    finally:
        connection.close()


def _holder(settings: Settings) -> str | None:
    """That a process of Winnow holds the warehouse, in a sentence."""
    lock = settings.warehouse.with_name(f"{settings.warehouse.name}.lock")
    with suppress(OSError, ValueError):
        process = int(lock.read_text("ascii"))
        os.kill(process, 0)
        return f"Process {process} has the warehouse: a build, or another command."
    return None


def _size(path: Path) -> int:
    """Bytes of a file with its write-ahead log, or of all files of a folder."""
    if path.is_dir():
        return sum(_sizes(path))
    total = 0
    for file in (path, path.with_name(f"{path.name}.wal")):
        with suppress(OSError):
            total += file.stat().st_size
    return total


def _sizes(folder: Path) -> Iterator[int]:
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            with suppress(OSError):
                if entry.is_dir(follow_symlinks=False):
                    yield from _sizes(Path(entry.path))
                else:
                    yield entry.stat(follow_symlinks=False).st_size
