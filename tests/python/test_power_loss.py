"""Power that fails at any instant of a load: what was told as loaded is there, once.

A load writes into a folder while every call that changes it is noted: contents, names
and what was waited for (fsync). A disk of after the loss is then made of the notes:
what was flushed is on it, and of the rest any part, each content and each name for
itself.
"""

from __future__ import annotations

import os
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from conftest import make_settings, rows_of

from winnow.core.lock import warehouse_lock
from winnow.core.settings import Settings
from winnow.load import ledger, pipeline
from winnow.load.ledger import read_ledger
from winnow.load.pipeline import load, take_in


@dataclass
class Disk:
    """What a folder's files and names are in memory, and what of them is flushed.

    Files and folders have numbers, because inodes are given again. ``names`` are the
    operations on names that nobody has waited for, in their order: folder, name, number
    (None: removed).
    """

    root: Path
    flushed_names: dict[tuple[int, str], int] = field(default_factory=dict)
    names: list[tuple[int, str, int | None]] = field(default_factory=list)
    contents: dict[int, bytes] = field(default_factory=dict)
    numbers: dict[int, int] = field(default_factory=dict)
    given: int = 0
    folders: set[int] = field(default_factory=set)
    told: list[str] = field(default_factory=list)
    states: list[Callable[[Path, random.Random], list[str]]] = field(
        default_factory=list
    )

    def inside(self, path: Any) -> Path | None:
        """The path, where it is a name below the root."""
        if not isinstance(path, str | Path):
            return None
        whole = Path(path).absolute()
        return whole if self.root in whole.parents else None

    def number(self, path: Path, *, fresh: bool = False) -> int:
        """The number of the file or folder; a new one where it has just been made."""
        inode = path.lstat().st_ino
        if fresh or inode not in self.numbers:
            self.given += 1
            self.numbers[inode] = self.given
        return self.numbers[inode]

    def name(self, path: Any, *, gone: bool = False, fresh: bool = False) -> None:
        """A name has come, or gone."""
        place = self.inside(path)
        if place is None:
            return
        number = None if gone else self.number(place, fresh=fresh)
        self.names.append((self.number(place.parent), place.name, number))
        if number is not None and place.is_dir():
            self.folders.add(number)
        self.note()

    def flush(self, descriptor: int) -> None:
        """A file's bytes, or a folder's names, are on disk."""
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        if path != self.root and self.root not in path.parents:
            return
        number = self.number(path)
        if path.is_dir():
            for folder, name, one in [n for n in self.names if n[0] == number]:
                self._apply(self.flushed_names, folder, name, one)
            self.names = [n for n in self.names if n[0] != number]
        else:
            self.contents[number] = path.read_bytes()
        self.note()

    @staticmethod
    def _apply(
        names: dict[tuple[int, str], int], folder: int, name: str, inode: int | None
    ) -> None:
        if inode is None:
            names.pop((folder, name), None)
        else:
            names[folder, name] = inode

    def note(self) -> None:
        """Remember this instant."""
        flushed, waiting = dict(self.flushed_names), list(self.names)
        contents, told = dict(self.contents), list(self.told)
        root = self.number(self.root)
        folders = set(self.folders)

        def lose_power(target: Path, rng: random.Random) -> list[str]:
            names = dict(flushed)
            # What was not waited for may be there or not; of one folder's names each
            # for itself, though never an earlier one after a later one of its own.
            for folder, name, inode in waiting:
                if rng.random() < 0.5:
                    self._apply(names, folder, name, inode)
            _write(target, root, names, contents, folders)
            return told

        self.states.append(lose_power)


def _write(
    target: Path,
    folder: int,
    names: dict[tuple[int, str], int],
    contents: dict[int, bytes],
    folders: set[int],
) -> None:
    target.mkdir()
    for (parent, name), inode in names.items():
        if parent != folder:
            continue
        if inode in folders:
            _write(target / name, inode, names, contents, folders)
        else:
            # A file whose bytes nobody waited for has none.
            (target / name).write_bytes(contents.get(inode, b""))


@contextmanager
def noted(root: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Disk]:
    """Note every change below a folder that is there, and empty."""
    disk = Disk(root)
    real: dict[str, Any] = {
        name: getattr(os, name)
        for name in (
            *("open", "link", "replace", "rename", "unlink", "mkdir", "rmdir", "fsync"),
        )
    }

    def opened(path: Any, flags: int, *rest: Any, **more: Any) -> Any:
        there = disk.inside(path)
        is_new = there is not None and not there.exists()
        descriptor = real["open"](path, flags, *rest, **more)
        if is_new:
            disk.name(path, fresh=True)
        return descriptor

    def moved(name: str) -> Any:
        def move(source: Any, target: Any, **more: Any) -> None:
            real[name](source, target, **more)
            disk.name(target)
            if name != "link":
                disk.name(source, gone=True)

        return move

    def removed(name: str) -> Any:
        def remove(path: Any, **more: Any) -> None:
            whole = path
            if "dir_fd" in more and more["dir_fd"] is not None:  # shutil.rmtree's
                folder = Path(f"/proc/self/fd/{more['dir_fd']}").readlink()
                whole = folder / path
            real[name](path, **more)
            disk.name(whole, gone=True)

        return remove

    def made(path: Any, *rest: Any, **more: Any) -> None:
        real["mkdir"](path, *rest, **more)
        disk.name(path, fresh=True)

    def synced(descriptor: int) -> None:
        real["fsync"](descriptor)
        disk.flush(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", opened)
        for name in ("link", "replace", "rename"):
            patch.setattr(os, name, moved(name))
        for name in ("unlink", "rmdir"):
            patch.setattr(os, name, removed(name))
        patch.setattr(os, "mkdir", made)
        patch.setattr(os, "fsync", synced)
        _note_files_of_arrow(patch, disk)
        yield disk


def _note_files_of_arrow(patch: pytest.MonkeyPatch, disk: Disk) -> None:
    """Files that come without ``os.open``: Parquet's writer's, and metadata."""
    from winnow.load import landing

    open_writer: Any = landing.LakeWriter._open
    path_open: Any = Path.open

    def opened(writer: Any, path: Path, schema: Any) -> None:
        open_writer(writer, path, schema)
        disk.name(path, fresh=True)

    def path_opened(path: Path, mode: str = "r", *rest: Any, **more: Any) -> Any:
        is_new = "w" in mode and not path.exists()
        file = path_open(path, mode, *rest, **more)
        if is_new:
            disk.name(path, fresh=True)
        return file

    patch.setattr(landing.LakeWriter, "_open", opened)
    patch.setattr(Path, "open", path_opened)


@pytest.fixture
def told_when_noted(monkeypatch: pytest.MonkeyPatch) -> Callable[[Disk], None]:
    """Let a disk know which loads were told as loaded."""

    def tell(disk: Disk) -> None:
        append: Any = ledger.append_landed

        def appended(lake: Path, landed: Any) -> Any:
            found = append(lake, landed)
            disk.told.append(landed.load_id)
            disk.note()
            return found

        monkeypatch.setattr(pipeline, "append_landed", appended)

    return tell


@pytest.mark.parametrize(
    "points", [20, pytest.param(200, marks=pytest.mark.scale)], ids=["few", "many"]
)
def test_what_was_told_as_loaded_is_there_once_after_power_has_failed(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    told_when_noted: Callable[[Disk], None],
    points: int,
) -> None:
    """DuckDB's own commits are taken as durable: the warehouse is made anew."""
    own = make_settings(tmp_path / "own")
    own.lake.mkdir(parents=True)
    paths = []
    for number in range(3):
        path = tmp_path / f"events-{number}.csv"
        path.write_text(f"user_id,item_id\nu{number},i\nbroken\n")
        paths.append(path)
    with noted(own.lake, monkeypatch) as disk:
        told_when_noted(disk)
        with warehouse_lock(own):
            for path in paths:
                load("canonical", path, entity="interactions", settings=own)
    rng = random.Random(points)
    assert len(disk.states) > 60
    lost = 0
    for number in range(points):
        after = make_settings(tmp_path / f"after-{number}")
        after.lake.parent.mkdir()
        told = rng.choice(disk.states)(after.lake, rng)
        lost += len(told) < len(paths)
        assert_told_is_there(after, told)
        shutil.rmtree(after.lake.parent)
    assert lost > points / 4


def assert_told_is_there(after: Settings, told: list[str]) -> None:
    with warehouse_lock(after):
        take_in(after)
    counting = [one.landed.load_id for one in read_ledger(after.lake).counting()]
    assert counting[: len(told)] == told
    assert len(counting) <= len(told) + 1
    if not counting:
        return
    for table, rows in (
        ("canonical_interactions", 1),
        ("winnow_unreadable_records", 1),
    ):
        found = rows_of(
            after, f"select load_id, count(*) from raw.{table} group by all order by 1"
        )
        assert found == [(load_id, rows) for load_id in sorted(counting)]
    incoming = after.lake / ".incoming"
    assert not incoming.exists() or list(incoming.iterdir()) == []


def test_a_content_or_a_name_that_nobody_waited_for_can_be_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The model would see what is left out: it loses what is not flushed."""
    root = tmp_path / "lake"
    root.mkdir()
    with noted(root, monkeypatch) as disk:
        (root / "a").open("w").close()
        descriptor = os.open(root, os.O_RDONLY)
        os.fsync(descriptor)
        (root / "a").replace(root / "b")
    found = set()
    for seed in range(40):
        target = tmp_path / str(seed)
        disk.states[-1](target, random.Random(seed))
        found.add(tuple(sorted(path.name for path in target.iterdir())))
    os.close(descriptor)
    assert found == {("a",), ("b",), ("a", "b"), ()}
