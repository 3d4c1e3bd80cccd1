"""The ledger of the landing lake: what happened to loads, in the order in which it did.

``<lake>/_ledger/<number>.json`` has one entry each, numbered from 1 without gaps and
never changed: which loads landed, were unloaded or released. An entry appears whole and
for good or not at all, and of two processes that want the same number one gets the
next; so the ledger is all that loads which land side by side share. What counts is a
fold over it, ``Ledger.of``.
"""

from __future__ import annotations

import datetime as dt
import getpass
import json
import os
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from winnow.core.disk import make_folder, sync
from winnow.core.errors import InputError
from winnow.core.file_names import path_text
from winnow.core.lock import locked_file

LEDGER = "_ledger"
INCOMING = ".incoming"
"""Below the lake's root: what is being written, and counts for nothing yet."""

PARTIAL = "entry-"
"""How the names of entries begin that are being written."""

_NAME = re.compile(r"(\d{9,})\.json")
_ONE_MICROSECOND = dt.timedelta(microseconds=1)


@dataclass(frozen=True)
class LandedFile:
    """A file of a load. ``file`` is its path as it was given and ``path`` the absolute
    one; ``limit`` is None when all of it was asked for. ``mode`` is one of
    ``contracts.MODES``, ``feed`` the name that the load gave the feed, if it did.
    ``place`` is where in the lake its records are.
    """

    entity: str
    file: str
    path: str
    sha256: str
    options: str
    limit: int | None
    mode: str
    feed: str | None
    records: int
    unreadable: int
    place: str


@dataclass(frozen=True)
class ParquetFile:
    """A file of the lake: the raw table that its rows belong to, its place relative to
    the lake's root, and how many rows it has.
    """

    table: str
    place: str
    rows: int


@dataclass(frozen=True)
class Landed:
    """A load that landed. ``corrects`` is the load and the file whose records it
    corrects, None where it corrects none; ``loaded_at`` is UTC, without a zone.
    """

    load_id: str
    tenant: str
    source: str
    loaded_at: dt.datetime
    files: tuple[LandedFile, ...]
    parquet: tuple[ParquetFile, ...]
    corrects: tuple[str, str] | None = None

    @property
    def records(self) -> int:
        """Records that were landed, those that could not be read among them."""
        return sum(one.records + one.unreadable for one in self.files)


@dataclass
class Load:
    """A load and what became of it: the number of the entry by which it landed, who
    landed it and when, and who unloaded or released it, when and why, where somebody
    did. ``gone`` are the files that were taken back, with the number of the entry.
    """

    number: int
    landed: Landed
    by: str
    at: str
    unloaded: dict[str, Any] | None = None
    released: dict[str, Any] | None = None
    gone: dict[str, int] = field(default_factory=dict)

    @property
    def files(self) -> tuple[LandedFile, ...]:
        """The files that nobody took back."""
        return tuple(one for one in self.landed.files if one.file not in self.gone)

    @property
    def parquet(self) -> tuple[ParquetFile, ...]:
        """The lake's files that nobody took back."""
        gone = {one.place for one in self.landed.files if one.file in self.gone}
        return tuple(one for one in self.landed.parquet if one.place not in gone)

    @property
    def released_at(self) -> dt.datetime | None:
        """When the load was released, UTC, without a zone."""
        if self.released is None:
            return None
        return dt.datetime.fromisoformat(self.released["at"])


@dataclass
class Ledger:
    """What the entries came to. ``lake_id`` names the lake, None where nothing has
    landed yet; ``number`` is that of the newest entry; ``loads`` are in their order.
    """

    lake_id: str | None = None
    number: int = 0
    loads: dict[str, Load] = field(default_factory=dict)

    @classmethod
    def of(cls, entries: Iterable[dict[str, Any]]) -> Ledger:
        """The fold over the ledger's entries, which come in their order."""
        ledger = cls()
        for entry in entries:
            ledger.add(entry)
        return ledger

    def add(self, entry: dict[str, Any]) -> None:
        """The fold's step. Raises ValueError, TypeError, KeyError or AttributeError for
        what is no entry that may follow.
        """
        event = entry["event"]
        if event == "created":
            self.lake_id = entry["lake_id"]
        elif event == "landed":
            landed = _landed(entry["load"])
            self.loads[landed.load_id] = Load(
                entry["number"], landed, entry["by"], entry["at"]
            )
        elif event == "unloaded":
            self._unload(entry)
        elif event == "released":
            for load_id in entry["load_ids"]:
                self.loads[load_id].released = _about(entry)
        else:
            raise ValueError(f"this version knows no event {event!r}")
        self.number = entry["number"]

    def _unload(self, entry: dict[str, Any]) -> None:
        for load_id in entry["load_ids"]:
            self.loads[load_id].unloaded = _about(entry)
        for load_id, file in entry["files"]:
            load = self.loads[load_id]
            load.gone.setdefault(file, entry["number"])
            if not load.files:
                load.unloaded = _about(entry)

    def counts(self, load: Load) -> bool:
        """Whether a load is in the raw tables: nobody took it back, nor what it
        corrects.
        """
        return self._gone_at(load) is None

    def counting(self) -> list[Load]:
        """The loads that are in the raw tables, in the order of the ledger."""
        return [load for load in self.loads.values() if self.counts(load)]

    def gone_since(self, number: int) -> list[str]:
        """The places of the lake's files that entries after a number took back."""
        places = []
        for load in self.loads.values():
            at = self._gone_at(load)
            if at is not None:
                if at > number:
                    places += [one.place for one in load.landed.parquet]
            elif load.gone:
                places += [
                    one.place
                    for one in load.landed.files
                    if load.gone.get(one.file, 0) > number
                ]
        return places

    def _gone_at(self, load: Load) -> int | None:
        """The number of the entry with which a load ceased to count, because it, or
        what it corrects, was taken back; None where it counts.
        """
        if load.unloaded is not None:
            return int(load.unloaded["number"])
        if load.landed.corrects is None:
            return None
        load_id, file = load.landed.corrects
        corrected = self.loads.get(load_id)
        if corrected is None:
            return load.number
        at = self._gone_at(corrected)
        if at is None:
            at = corrected.gone.get(file)
        return None if at is None else max(at, load.number)

    def next_instant(self) -> dt.datetime:
        """Now, UTC, and later than any load that has landed, whatever the clock says:
        which of two loads is the newer one is told by this.
        """
        now = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        times = [
            load.landed.loaded_at + _ONE_MICROSECOND for load in self.loads.values()
        ]
        return max([now, *times])


def read_ledger(lake: Path) -> Ledger:
    """The lake's ledger; empty where nothing has landed. Raises InputError, naming the
    file, for an entry that is missing or cannot be read.
    """
    ledger = Ledger()
    for path in _entries(lake / LEDGER):
        try:
            entry = json.loads(path.read_bytes())
            if entry["number"] != ledger.number + 1:
                raise ValueError(f"its number is {entry['number']}")
            ledger.add(entry)
        except KeyError as error:
            raise _broken(path, f"{error} is missing") from error
        except (ValueError, TypeError, AttributeError) as error:
            raise _broken(path, str(error)) from error
    return ledger


def newest_number(lake: Path) -> int:
    """The number of the newest entry, 0 where there is none."""
    return max(_numbers(lake / LEDGER), default=0)


def append_landed(lake: Path, landed: Landed) -> Load:
    """Note a load that has landed, for good: from here on it counts."""
    load = asdict(landed) | {"loaded_at": landed.loaded_at.isoformat()}
    number = _append(lake, {"event": "landed", "load": load})
    return Load(number, landed, _user(), "")


def append_unloaded(
    lake: Path,
    load_ids: Sequence[str],
    files: Sequence[tuple[str, str]],
    why: str | None,
) -> int:
    """Note that loads, and files of loads, were taken back, for good. The number of the
    entry.
    """
    return _append(
        lake,
        {
            "event": "unloaded",
            "load_ids": list(load_ids),
            "files": [list(one) for one in files],
            "why": why,
        },
    )


def append_released(lake: Path, load_ids: Sequence[str], why: str | None) -> int:
    """Note that no gate may hold these loads, for good. The number of the entry."""
    return _append(lake, {"event": "released", "load_ids": list(load_ids), "why": why})


def _append(lake: Path, entry: dict[str, Any]) -> int:
    make_folder(lake / LEDGER)
    make_folder(lake / INCOMING)
    if not newest_number(lake):
        with suppress(FileExistsError):
            _write(lake, 1, {"event": "created", "lake_id": uuid.uuid4().hex})
    while True:
        number = newest_number(lake) + 1
        with suppress(FileExistsError):
            _write(lake, number, entry)
            return number


def _write(lake: Path, number: int, entry: dict[str, Any]) -> None:
    """Put an entry in its place, whole. Raises FileExistsError when another process has
    the number.
    """
    about = {
        "number": number,
        "at": dt.datetime.now(dt.UTC).replace(tzinfo=None).isoformat(),
        "by": _user(),
    }
    partial = lake / INCOMING / f"{PARTIAL}{uuid.uuid4().hex}"
    descriptor = locked_file(partial)
    assert descriptor is not None, "nobody else knows its name"
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            json.dump(about | entry, file, ensure_ascii=False, indent=1)
            file.write("\n")
            file.flush()
            os.fsync(file.fileno())
            os.link(partial, lake / LEDGER / f"{number:09}.json")
        sync(lake / LEDGER)
    finally:
        partial.unlink(missing_ok=True)


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):
        return str(os.getuid())


def _about(entry: dict[str, Any]) -> dict[str, Any]:
    """Who did it, when and why."""
    return {name: entry[name] for name in ("number", "at", "by", "why")}


def _numbers(folder: Path) -> list[int]:
    try:
        with os.scandir(folder) as names:
            found = [_NAME.fullmatch(one.name) for one in names]
    except FileNotFoundError:
        return []
    return sorted(int(name[1]) for name in found if name)


def _entries(folder: Path) -> Iterator[Path]:
    for expected, number in enumerate(_numbers(folder), start=1):
        if number != expected:
            missing = folder / f"{expected:09}.json"
            raise InputError(
                f"{path_text(missing)} is missing, so that nobody knows which loads "
                "count; bring it back from a copy of the landing lake."
            )
        yield folder / f"{number:09}.json"


def _broken(path: Path, what: str) -> InputError:
    return InputError(
        f"{path_text(path)} is no entry of the landing lake's ledger ({what}); bring "
        "it back from a copy of the lake."
    )


def _landed(load: dict[str, Any]) -> Landed:
    corrects = load["corrects"]
    return Landed(
        load["load_id"],
        load["tenant"],
        load["source"],
        dt.datetime.fromisoformat(load["loaded_at"]),
        tuple(LandedFile(**one) for one in load["files"]),
        tuple(ParquetFile(**one) for one in load["parquet"]),
        None if corrects is None else (corrects[0], corrects[1]),
    )
