"""Loads, corrections and take-backs that are killed anywhere, beside another process
that lands all the time: what was told as done is done, once, and nothing else is.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest
from conftest import make_settings, rows_of
from zygote import Zygote

from winnow.core.errors import InputError
from winnow.core.lock import warehouse_lock
from winnow.core.settings import Settings, settings
from winnow.load.ledger import read_ledger
from winnow.load.loads import unload
from winnow.load.pipeline import load, take_in

ROWS = 40


def write_file(folder: Path, number: int) -> Path:
    """A file of its own values, one row of which cannot be read."""
    path = folder / f"events-{number}.csv"
    rows = "".join(f"u{number},i{row},view\n" for row in range(ROWS))
    path.write_text(f"user_id,item_id,event_type\n{rows}broken {number}\n")
    return path


def land(path: str, tenant: str, mode: str | None) -> str | None:
    """Load a file of events; the load."""
    return load(
        "canonical", path, tenant=tenant, entity="interactions", mode=mode
    ).load_id


def take_back(load_id: str) -> None:
    """Unload a load, unless an earlier call that was killed had done it."""
    try:
        unload(settings(), [load_id])
    except InputError as error:
        assert "taken back before" in str(error)


def follow() -> None:
    """Take in what has landed."""
    with warehouse_lock(settings(), wait_seconds=60):
        take_in(settings())


def land_all(paths: list[str], tenant: str) -> list[str | None]:
    """Load files one after the other."""
    return [land(path, tenant, None) for path in paths]


def raw_values(own: Settings) -> dict[str, list[tuple[Any, ...]]]:
    """What the raw tables have, without what tells one load from another."""
    return {
        "interactions": rows_of(
            own,
            "select tenant_id, file, row_number, user_id, item_id, event_type "
            "from raw.canonical_interactions order by all",
        ),
        "unreadable": rows_of(
            own,
            "select tenant_id, file, row_number, raw_record "
            "from raw.winnow_unreadable_records order by all",
        ),
        "files": rows_of(
            own,
            "select tenant_id, file, record_count, unreadable_count "
            "from raw.winnow_loaded_files order by all",
        ),
    }


@pytest.mark.parametrize(
    "points", [8, pytest.param(200, marks=pytest.mark.scale)], ids=["few", "many"]
)
def test_what_was_told_as_done_is_done_once_wherever_a_process_is_killed(
    tmp_path: Path, points: int
) -> None:
    rng = random.Random(points)
    own = make_settings(tmp_path / "own")
    environment = own.environment()
    told: dict[str, str] = {}
    gone: set[str] = set()
    tried: set[str] = set()
    killed = 0
    with Zygote(environment) as one, Zygote(environment) as other:
        beside = [str(write_file(tmp_path, 10_000 + n)) for n in range(points)]
        other.send("test_ledger_kill:land_all", beside, "beside")
        first = str(write_file(tmp_path, 0))
        whole = one.call("test_ledger_kill:land", first, "a", None)
        assert whole["error"] is None
        told[first] = whole["result"]
        for number in range(1, points + 1):
            kill_at = rng.randrange(1, whole["calls"] + 10)
            what = rng.choice(["land", "land", "land", "replace", "unload", "follow"])
            if what == "unload" and told.keys() - gone:
                path = rng.choice(sorted(told.keys() - gone))
                ended = one.call(
                    "test_ledger_kill:take_back", told[path], kill_at=kill_at
                )
                again = one.call("test_ledger_kill:take_back", told[path])
                assert again["error"] is None, again["error"]
                gone.add(path)
            elif what == "follow":
                ended = one.call("test_ledger_kill:follow", kill_at=kill_at)
            else:
                path = str(write_file(tmp_path, number))
                tried.add(path)
                mode = "replace" if what == "replace" else None
                ended = one.call(
                    "test_ledger_kill:land", path, "a", mode, kill_at=kill_at
                )
                if not ended["killed"] and ended["error"] is None:
                    told[path] = ended["result"]
            killed += ended["killed"]
            assert ended["error"] is None, ended["error"]
        answer = other.answer()
        assert answer["error"] is None, answer["error"]
        assert one.call("test_ledger_kill:follow")["error"] is None
    assert killed > points / 3
    ledger = read_ledger(own.lake)
    counting = [file.file for load in ledger.counting() for file in load.files]
    assert len(counting) == len(set(counting))
    assert set(told) - gone <= set(counting)
    assert set(counting) <= (set(told) | tried | set(beside)) - gone
    assert set(beside) <= set(counting)
    assert_as_undisturbed(own, set(counting), set(beside), tmp_path)


def assert_as_undisturbed(
    own: Settings, counting: set[str], beside: set[str], tmp_path: Path
) -> None:
    """Raw and lake are those of loads of these files that nobody disturbed."""
    undisturbed = make_settings(tmp_path / "undisturbed")
    with warehouse_lock(undisturbed):  # They are all taken in at the end, at once.
        for path in sorted(counting):
            tenant = "beside" if path in beside else "a"
            load(
                "canonical",
                path,
                tenant=tenant,
                entity="interactions",
                settings=undisturbed,
            )
        take_in(undisturbed)
    assert raw_values(own) == raw_values(undisturbed)
    assert list((own.lake / ".incoming").iterdir()) == []
    there = {
        one.relative_to(own.lake).as_posix() for one in own.lake.rglob("*.parquet")
    }
    loads = read_ledger(own.lake).counting()
    assert there == {one.place for load in loads for one in load.parquet}
