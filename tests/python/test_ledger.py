"""The landing lake's ledger: what counts is a fold over its entries, and they have no
gaps whoever writes; what stands is told from it; warehouses follow it.
"""

from __future__ import annotations

import datetime as dt
import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Query, Write, make_settings, rows_of
from hypothesis import given
from hypothesis import settings as examples
from hypothesis import strategies as st
from places import PROJECT_ROOT
from zygote import Zygote

from winnow.build.status import standing
from winnow.contracts.entities import contract, load_contracts
from winnow.core.errors import BusyError, InputError
from winnow.core.lock import warehouse_lock
from winnow.core.settings import Settings
from winnow.load import landing
from winnow.load.corrections import Conflict, Correction, EntityCorrections
from winnow.load.ledger import (
    Landed,
    LandedFile,
    Ledger,
    ParquetFile,
    append_landed,
    append_unloaded,
    newest_number,
    read_ledger,
)
from winnow.load.loads import unload
from winnow.load.pipeline import load, replay, take_in
from winnow.load.standing import standing_twin
from winnow.load.take_in import _Following
from winnow.readers import sha256_of

HEADER = "user_id,item_id\n"
FILES = ("a", "b")
START = dt.datetime(2024, 1, 1)
NEW_COLUMNS = ("feed", "mode", "path", "corrects_load_id", "corrects_file")

Event = tuple[str, Any]


def landed(
    number: int,
    *files: LandedFile,
    corrects: tuple[str, str] | None = None,
) -> Landed:
    """A load of files, with the lake's files of their records and of its log."""
    log = ParquetFile("winnow_loaded_files", f"log-{number}", len(files))
    return Landed(
        str(number),
        "shop",
        "canonical",
        START + dt.timedelta(seconds=number),
        files,
        (*(ParquetFile("records", one.place, one.records) for one in files), log),
        corrects,
    )


def a_file(name: str, number: int = 0, **given: Any) -> LandedFile:
    """A file of a load; what is not given is that of a file of events."""
    values: dict[str, Any] = {
        "entity": "interactions",
        "file": name,
        "path": f"/in/{name}",
        "sha256": "0",
        "options": "{}",
        "limit": None,
        "mode": "append",
        "feed": None,
        "records": 1,
        "unreadable": 0,
        "place": f"{name}-{number}",
    }
    return LandedFile(**values | given)


def entries(*events: Event) -> list[dict[str, Any]]:
    """The ledger's entries of what happened."""
    told: list[dict[str, Any]] = [{"event": "created", "lake_id": "here"}]
    for event, about in events:
        if event == "landed":
            load = asdict(about) | {"loaded_at": about.loaded_at.isoformat()}
            told.append({"event": event, "load": load})
        elif event == "unloaded":
            ids, files = about
            told.append({"event": event, "load_ids": ids, "files": files, "why": None})
        else:
            told.append({"event": event, "load_ids": about, "why": None})
    same = {"at": START.isoformat(), "by": "me"}
    return [{"number": n, **same, **one} for n, one in enumerate(told, start=1)]


@st.composite
def histories(draw: Any) -> list[Event]:
    """Loads of two files and corrections of one of them, taken back and released."""
    events: list[Event] = []
    names: list[tuple[str, tuple[str, ...]]] = []
    for number in range(draw(st.integers(1, 14))):
        what = draw(st.sampled_from(("landed", "landed", "unloaded", "released")))
        if what == "landed" or not names:
            corrects = None
            files = tuple(a_file(name, number) for name in FILES)
            if names and draw(st.booleans()):
                load_id, of_load = draw(st.sampled_from(names))
                corrects = (load_id, draw(st.sampled_from(of_load)))
                files = (a_file("fixes", number),)
            one = landed(number, *files, corrects=corrects)
            events.append(("landed", one))
            names.append((one.load_id, tuple(file.file for file in files)))
            continue
        ids = [load_id for load_id, _ in draw(st.lists(st.sampled_from(names)))]
        if what == "released":
            events.append(("released", ids))
            continue
        parts = [
            [load_id, draw(st.sampled_from(of_load))]
            for load_id, of_load in draw(st.lists(st.sampled_from(names), max_size=2))
        ]
        events.append(("unloaded", (ids, parts)))
    return events


def what_counts(events: list[Event]) -> tuple[set[tuple[str, str]], set[str]]:
    """The files that count, of which load; and the places in the lake of what does."""
    back: set[tuple[str, str]] = set()
    for event, about in events:
        if event == "unloaded":
            ids, parts = about
            back |= {(load_id, "*") for load_id in ids}
            back |= {(load_id, file) for load_id, file in parts}
    counting: set[tuple[str, str]] = set()
    places: set[str] = set()
    for one in [about for event, about in events if event == "landed"]:
        of_load = {
            (one.load_id, file.file)
            for file in one.files
            if (one.load_id, "*") not in back and (one.load_id, file.file) not in back
        }
        # What is corrected landed earlier, so that it is known whether it counts.
        if of_load and (one.corrects is None or one.corrects in counting):
            counting |= of_load
            places |= {f"log-{one.load_id}"}
            places |= {f"{name}-{load_id}" for load_id, name in of_load}
    return counting, places


@given(histories())
@examples(max_examples=300, deadline=None)
def test_what_counts_is_what_nobody_took_back_nor_what_it_corrects(
    events: list[Event],
) -> None:
    ledger = Ledger.of(entries(*events))
    files, places = what_counts(events)
    counting = ledger.counting()
    found = {(one.landed.load_id, file.file) for one in counting for file in one.files}
    assert found == files
    assert {one.place for load in counting for one in load.parquet} == places
    assert [one.number for one in counting] == sorted(one.number for one in counting)
    assert (ledger.lake_id, ledger.number) == ("here", len(events) + 1)
    released = {one for event, ids in events if event == "released" for one in ids}
    assert released == {
        load_id for load_id, one in ledger.loads.items() if one.released_at is not None
    }


@given(histories(), st.data())
@examples(max_examples=300, deadline=None)
def test_what_was_taken_back_since_an_entry_is_what_counted_until_then(
    events: list[Event], data: Any
) -> None:
    """And what has landed since and counts no more."""
    since = data.draw(st.integers(0, len(events)))
    told = entries(*events)
    then, now = Ledger.of(told[: since + 1]), Ledger.of(told)
    before, after = what_counts(events[:since])[1], what_counts(events)[1]
    every = {one.place for load in now.loads.values() for one in load.landed.parquet}
    old = {one.place for load in then.loads.values() for one in load.landed.parquet}
    found = set(now.gone_since(since + 1))
    assert found >= (before | (every - old)) - after
    assert not found & after
    assert now.gone_since(now.number) == []


def test_of_processes_that_write_at_once_each_gets_a_number(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/python'); from pathlib import Path\n"
        "from test_ledger import a_file, landed; from winnow.load.ledger import *\n"
        "sys.stdin.readline()\n"
        "for n in range(25): print(append_landed(Path(sys.argv[1]), "
        "landed(100 * int(sys.argv[2]) + n, a_file('a'))).number)"
    )
    writers = [
        subprocess.Popen(
            [sys.executable, "-c", code, str(tmp_path), str(one)],
            cwd=PROJECT_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for one in range(4)
    ]
    for one in writers:
        assert one.stdin is not None
        one.stdin.write("\n")
        one.stdin.flush()
    told = [[int(line) for line in one.communicate()[0].split()] for one in writers]
    assert all(numbers == sorted(numbers) for numbers in told)
    assert sorted(n for numbers in told for n in numbers) == list(range(2, 102))
    ledger = read_ledger(tmp_path)
    assert (len(ledger.counting()), ledger.number) == (100, 101)
    ids = {one.number: load_id for load_id, one in ledger.loads.items()}
    for writer, numbers in enumerate(told):
        wanted = [str(100 * writer + n) for n in range(25)]
        assert [ids[number] for number in numbers] == wanted
    assert list((tmp_path / ".incoming").iterdir()) == []


def changed(old: str, new: str) -> Callable[[Path], object]:
    """Write an entry anew, with other text in it."""
    return lambda path: path.write_text(path.read_text().replace(old, new, 1))


UNLOADED = (
    '{"number": 3, "event": "unloaded", "load_ids": ["7"], "files": [], '
    '"at": "2024-01-01T00:00:00", "by": "me", "why": null}'
)
SPOILT: dict[str, tuple[Callable[[Path], object], str]] = {
    "missing": (lambda path: path.unlink(), r"2\.json is missing, so that nobody"),
    "torn": (lambda path: path.write_text("{"), r"2\.json is no entry"),
    "empty": (lambda path: path.write_text(""), r"2\.json is no entry"),
    "no object": (lambda path: path.write_text("[]"), r"2\.json is no entry"),
    "no text": (lambda path: path.write_bytes(b"\xff"), r"2\.json is no entry"),
    "another number": (changed("2", "3"), r"2\.json .*its number is 3"),
    "nothing else": (
        lambda path: path.write_text('{"number": 2}'),
        r"2\.json is no entry .*'event' is missing",
    ),
    "an unknown event": (
        changed('"landed"', '"gone"'),
        r"2\.json .*knows no event 'gone'",
    ),
    "a field is missing": (changed("sha256", "md5"), r"2\.json is no entry"),
    "no time": (changed("00:00:01", "once"), r"2\.json is no entry"),
    "of a load that is not there": (
        lambda path: path.with_name("000000003.json").write_text(UNLOADED),
        r"3\.json is no entry .*'7' is missing",
    ),
}


@pytest.mark.parametrize(("spoil", "said"), SPOILT.values(), ids=SPOILT)
def test_an_entry_that_is_missing_or_broken_is_one_sentence(
    tmp_path: Path, spoil: Callable[[Path], object], said: str
) -> None:
    append_landed(tmp_path, landed(1, a_file("a")))
    append_landed(tmp_path, landed(2, a_file("b")))
    spoil(tmp_path / "_ledger" / "000000002.json")
    with pytest.raises(InputError, match=said) as raised:
        read_ledger(tmp_path)
    assert "\n" not in str(raised.value)


def test_what_is_no_entry_by_its_name_is_passed_over(tmp_path: Path) -> None:
    append_landed(tmp_path, landed(1, a_file("a")))
    for name in (".DS_Store", "note.txt", "1.json", "000000003.json.tmp"):
        (tmp_path / "_ledger" / name).write_text("no entry")
    assert (read_ledger(tmp_path).number, newest_number(tmp_path)) == (2, 2)


def test_what_corrects_a_record_goes_with_its_file_alone() -> None:
    both = landed(1, a_file("a"), a_file("b"))
    of_a = landed(2, a_file("fixes"), corrects=("1", "a"))
    of_b = landed(3, a_file("fixes"), corrects=("1", "b"))
    of_that = landed(4, a_file("more"), corrects=("3", "fixes"))
    all_landed = [("landed", one) for one in (both, of_a, of_b, of_that)]
    for back, left in (
        (([], [["1", "a"]]), ["1", "3", "4"]),
        (([], [["1", "b"]]), ["1", "2"]),
        ((["1"], []), []),
        ((["3"], []), ["1", "2"]),
        (([], [["1", "a"], ["1", "b"]]), []),
        ((["4", "2"], []), ["1", "3"]),
    ):
        ledger = Ledger.of(entries(*all_landed, ("unloaded", back)))
        assert [one.landed.load_id for one in ledger.counting()] == left


# What stands already


def twin(
    events: list[Event],
    file: LandedFile,
    tenant: str = "shop",
    source: str = "canonical",
) -> str | None:
    """The load that a file would be skipped for."""
    found = standing_twin(
        Ledger.of(entries(*events)),
        tenant=tenant,
        source=source,
        entity=contract("canonical", file.entity),
        path=file.path,
        sha256=file.sha256,
        options=file.options,
        limit=file.limit,
        mode=file.mode,
        feed=file.feed,
    )
    return found.load_id if found else None


def test_the_same_bytes_stand_under_any_path_for_their_tenant_and_options() -> None:
    events: list[Event] = [("landed", landed(1, a_file("a")))]
    assert twin(events, a_file("a")) == "1"
    assert twin(events, a_file("elsewhere")) == "1"
    assert twin(events, a_file("a", feed="named")) == "1"
    assert twin(events, a_file("a", sha256="1")) is None
    assert twin(events, a_file("a", options='{"delimiter": ";"}')) is None
    assert twin(events, a_file("a"), tenant="other") is None
    assert twin(events, a_file("a"), source="movielens") is None
    assert twin(events, a_file("a", entity="items")) is None


def test_a_load_with_a_limit_hides_as_much_as_it_took() -> None:
    events: list[Event] = [("landed", landed(1, a_file("a", limit=10)))]
    for limit, found in ((5, "1"), (10, "1"), (11, None), (None, None)):
        assert twin(events, a_file("a", limit=limit)) == found
    events.append(("landed", landed(2, a_file("a"))))
    assert twin(events, a_file("a", limit=50)) == "2"


def test_what_was_taken_back_can_be_loaded_again() -> None:
    events: list[Event] = [("landed", landed(1, a_file("a"), a_file("b", sha256="1")))]
    assert twin([*events, ("unloaded", (["1"], []))], a_file("a")) is None
    part = [*events, ("unloaded", ([], [["1", "a"]]))]
    assert twin(part, a_file("a")) is None
    assert twin(part, a_file("b", sha256="1")) == "1"
    again = [*part, ("landed", landed(2, a_file("a")))]
    assert twin(again, a_file("a")) == "2"


def test_a_catalogue_that_goes_back_is_a_new_state() -> None:
    def file(sha256: str, feed: str | None = None) -> LandedFile:
        return a_file("i", entity="items", mode="snapshot", sha256=sha256, feed=feed)

    def state(number: int, sha256: str, feed: str | None = None) -> Event:
        return "landed", landed(number, file(sha256, feed))

    events = [state(1, "A"), state(2, "B")]
    assert twin(events, file("B")) == "2"
    assert twin(events, file("A")) is None
    assert twin([*events, state(3, "A")], file("A")) == "3"
    assert twin([*events, state(3, "A")], file("B")) is None
    # What took its place was taken back.
    assert twin([*events, ("unloaded", (["2"], []))], file("A")) == "1"
    # Feeds are catalogues of their own.
    apart = [state(1, "A", "north"), state(2, "B", "south")]
    assert twin(apart, file("A", "north")) == "1"
    assert twin(apart, file("B", "south")) == "2"


def test_lists_of_predictions_stand_until_others_come_under_their_path() -> None:
    def lists(name: str, sha256: str) -> LandedFile:
        return a_file(name, entity="predictions", sha256=sha256)

    events: list[Event] = [("landed", landed(1, lists("a", "A")))]
    assert twin(events, lists("a", "A")) == "1"
    assert twin(events, lists("b", "A")) == "1"
    events.append(("landed", landed(2, lists("a", "B"))))
    assert twin(events, lists("a", "A")) is None
    events[1] = ("landed", landed(2, lists("b", "B")))
    assert twin(events, lists("a", "A")) == "1"
    assert twin(events, lists("c", "A")) is None


def test_a_file_that_replaces_is_no_twin_of_one_that_joined() -> None:
    joined: list[Event] = [("landed", landed(1, a_file("a")))]
    assert twin(joined, a_file("a", mode="replace")) is None
    replaced = [*joined, ("landed", landed(2, a_file("a", mode="replace")))]
    assert twin(replaced, a_file("a", mode="replace")) == "2"
    assert twin(replaced, a_file("a")) == "2"
    assert twin(replaced, a_file("a", mode="replace", feed="days")) is None
    newer = a_file("a", mode="replace", sha256="1")
    gone_back = [*replaced, ("landed", landed(3, newer))]
    assert twin(gone_back, a_file("a", mode="replace")) is None
    assert twin(gone_back, a_file("a")) is None


def test_records_of_a_correction_are_no_file_that_stands() -> None:
    fixes = landed(2, a_file("fixes", sha256="1"), corrects=("1", "a"))
    events: list[Event] = [("landed", landed(1, a_file("a"))), ("landed", fixes)]
    assert twin(events, a_file("fixes", sha256="1")) is None


# Warehouses that follow


def values(own: Settings) -> list[tuple[Any, ...]]:
    """Users of the events in raw, with their tenants."""
    sql = "select tenant_id, user_id from raw.canonical_interactions order by all"
    return rows_of(own, sql)


def another_warehouse(own: Settings) -> Settings:
    """One that follows the same lake, with the same state folder."""
    return own.model_copy(update={"warehouse": own.warehouse.with_name("other.duckdb")})


def test_processes_that_land_side_by_side_while_another_takes_in(
    tmp_path: Path,
) -> None:
    """Four land five files each; each counts once, in raw and in the ledger."""
    own = make_settings(tmp_path / "own")
    wanted = []
    zygotes = [Zygote(own.environment()) for _ in range(5)]
    try:
        for number, one in enumerate(zygotes[:4]):
            paths = []
            for file in range(5):
                path = tmp_path / f"{number}-{file}.csv"
                path.write_text(f"{HEADER}u{number}-{file},i\n")
                paths.append(str(path))
                wanted.append((f"t{number % 2}", f"u{number}-{file}"))
            one.send("test_ledger_kill:land_all", paths, f"t{number % 2}")
        for _ in range(3):
            assert zygotes[4].call("test_ledger_kill:follow")["error"] is None
        ids = []
        for one in zygotes[:4]:
            answer = one.answer()
            assert answer["error"] is None, answer["error"]
            ids += answer["result"]
        assert zygotes[4].call("test_ledger_kill:follow")["error"] is None
    finally:
        for one in zygotes:
            one.__exit__()
    assert len(set(ids)) == 20
    assert set(read_ledger(own.lake).loads) == set(ids)
    assert values(own) == sorted(wanted)
    times = rows_of(own, "select distinct loaded_at from raw.winnow_loads")
    assert len(times) == 20
    assert list((own.lake / ".incoming").iterdir()) == []


def test_what_is_taken_back_before_the_warehouse_has_it_leaves_the_lake(
    write: Write, settings: Settings
) -> None:
    kept = write("kept.csv", HEADER + "1,a\n")
    wrong = write("wrong.csv", HEADER + "2,a\nbroken\n")
    folder = write("in/a.csv", HEADER + "3,a\n").parent
    write("in/b.csv", HEADER + "4,a\n")
    with warehouse_lock(settings):
        for path in (kept, wrong, folder):
            load("canonical", path, entity="interactions", settings=settings)
        unload(settings, ["3"])
        unload(settings, file=folder / "a.csv")
    take_in(settings)
    assert values(settings) == [("default", "1"), ("default", "4")]
    names = [one.name for one in settings.lake.rglob("interactions/**/*.parquet")]
    assert sorted(name[0] for name in names) == ["b", "k"]
    assert len(list(settings.lake.rglob("*.parquet"))) == 4


def test_a_load_that_is_taken_back_while_its_files_move_leaves_the_lake(
    write: Write, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    place: Any = landing.place_files

    def taken_back(lake: Path, one: Any) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(landing, "place_files", place)
            unload(settings, [one.landed.load_id])
        place(lake, one)

    monkeypatch.setattr(landing, "place_files", taken_back)
    path = write("a.csv", HEADER + "1,a\n")
    load("canonical", path, entity="interactions", settings=settings)
    assert values(settings) == []
    assert list(settings.lake.rglob("*.parquet")) == []
    assert list((settings.lake / ".incoming").iterdir()) == []


def test_a_correction_that_landed_and_was_killed_goes_with_what_it_corrects(
    write: Write, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write("a.csv", HEADER + "1,a\n")
    one = load("canonical", path, entity="interactions", settings=settings)
    corrected = one.load_id or ""

    def taken_back(*_: Any) -> None:
        monkeypatch.undo()
        unload(settings, [corrected])

    monkeypatch.setattr(landing, "_end", taken_back)
    of_it = replace(only_conflicts(path), corrects=(corrected, str(path)))
    replay(path, of_it, settings)
    assert len(list((settings.lake / ".incoming").rglob("*.parquet"))) == 1
    take_in(settings)
    assert list(settings.lake.rglob("*.parquet")) == []


def test_a_load_that_another_warehouse_takes_back_while_it_comes_in(
    write: Write, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = another_warehouse(settings)
    ids = []
    for user in (1, 2):
        path = write(f"{user}.csv", HEADER + f"{user},a\n")
        one = load("canonical", path, entity="interactions", settings=other)
        ids.append(one.load_id or "")
    insert: Any = _Following._insert

    def taken_back(following: Any, missing: Any) -> None:
        monkeypatch.setattr(_Following, "_insert", insert)
        unload(other, ids[:1])
        insert(following, missing)

    monkeypatch.setattr(_Following, "_insert", taken_back)
    with warehouse_lock(settings):
        assert take_in(settings).taken == (ids[1],)
    assert values(settings) == [("default", "2")]
    # What is missing for no such reason is told.
    settings.warehouse.unlink()
    for path in settings.lake.rglob("interactions/**/*.parquet"):
        path.unlink()
    with pytest.raises(InputError, match="is missing from the landing lake"):
        take_in(settings)


def test_the_mark_of_one_tenant_is_before_what_is_left_for_later(
    write: Write, settings: Settings, query: Query
) -> None:
    for number, tenant in enumerate(("a", "b", "a")):
        path = write(f"{number}.csv", HEADER + f"{number},x\n")
        load("canonical", path, tenant=tenant, settings=settings)
    mark = "select ledger_number from raw.winnow_mark"
    assert query(mark) == [(4,)]
    take_in(settings, only_tenant="a")
    assert (query(mark), len(values(settings))) == ([(2,)], 2)
    unload(settings, ["4"])
    assert (query(mark), len(values(settings))) == ([(5,)], 2)


# Warehouses from before there was a ledger


def only_conflicts(path: Path) -> EntityCorrections:
    """Corrections none of which is loaded: their records stand in raw as they are."""
    one = Correction("known", {"user_id": "9"}, row_number=1, line_number=1)
    return EntityCorrections(
        "b",
        contract("canonical", "interactions"),
        sha256_of(path),
        conflicts=[Conflict(one, "accepted_record")],
    )


def as_before_the_ledger(own: Settings) -> None:
    """Make warehouse and lake what they were before the lake had a ledger: a load
    counts when dlt has a record of it, and one that was killed has none.
    """
    for path in [*(own.lake / "_ledger").iterdir()]:
        path.unlink()
    (own.lake / "_ledger").rmdir()
    with duckdb.connect(str(own.warehouse)) as connection:
        ids = connection.execute("select load_id from raw.winnow_loads").fetchall()
        for table in ("winnow_loads", "winnow_mark", "winnow_replaced"):
            connection.execute(f"drop table raw.{table}")
        for column in NEW_COLUMNS:
            connection.execute(
                f"alter table raw.winnow_loaded_files drop column {column}"
            )
        connection.execute("drop table raw._dlt_loads")
        connection.execute(
            "create table raw._dlt_loads (load_id varchar, schema_name varchar, "
            "status bigint, inserted_at timestamptz, schema_version_hash varchar)"
        )
        connection.executemany(
            "insert into raw._dlt_loads values (?, 'winnow', 0, now(), '')", ids
        )
        connection.execute(
            "insert into raw.canonical_interactions by name "
            "select 'torn' as load_id, 'default' as tenant_id"
        )


def test_a_warehouse_from_before_the_ledger_keeps_its_rows(
    write: Write, settings: Settings, query: Query
) -> None:
    folder = write("in/interactions.csv", HEADER + "1,a\n2\n").parent
    write("in/items.csv", "item_id,title\na,A\n")
    load("canonical", str(folder), settings=settings)
    more = write("more.csv", HEADER + "3,a\n")
    load("canonical", more, entity="interactions", tenant="b", settings=settings)
    replay(more, only_conflicts(more), settings)
    take_in(settings)
    left_out = {"loaded_files": f" exclude ({', '.join(NEW_COLUMNS)})"}

    def everything() -> dict[str, list[tuple[Any, ...]]]:
        return {
            one.table: query(
                f"select *{left_out.get(one.name, '')} from raw.{one.table} "
                "order by all"
            )
            for one in load_contracts().values()
            if one.name != "loads"
        }

    rows = everything()
    as_before_the_ledger(settings)
    # The first that is done with it: what it has is not loaded again.
    assert load("canonical", str(folder), settings=settings).landed == 0
    assert everything() == rows
    assert read_ledger(settings.lake).number == 4
    assert len(query("from raw.winnow_loads")) == 3
    assert len(query("from raw.winnow_replay_conflicts")) == 1
    # A build makes nothing of conflicts alone, so that they wait for none.
    assert len(standing(settings).waiting) == 2
    settings.warehouse.unlink()
    take_in(settings)
    assert everything() == rows
    unload(settings, tenant="b")
    assert values(settings) == [("default", "1")]


def test_a_warehouse_from_before_the_ledger_that_is_in_use(
    write: Write, settings: Settings
) -> None:
    """Nobody knows what it has, so that nothing can be loaded for now."""
    path = write("a.csv", HEADER + "1,a\n")
    load("canonical", path, settings=settings)
    as_before_the_ledger(settings)
    with warehouse_lock(settings), pytest.raises(BusyError):
        load("canonical", path, settings=settings)
    assert newest_number(settings.lake) == 0
    assert load("canonical", path, settings=settings).landed == 0
    assert values(settings) == [("default", "1")]


def test_a_warehouse_from_before_the_ledger_whose_lake_has_lost_a_file(
    write: Write, settings: Settings, query: Query
) -> None:
    load("canonical", write("a.csv", HEADER + "1,a\n"), settings=settings)
    as_before_the_ledger(settings)
    # Metadata under the names that earlier versions gave it is none.
    for path in settings.lake.rglob("_*.json"):
        path.rename(path.with_name(path.name[1:]))
    for path in settings.lake.rglob("interactions/**/*.parquet"):
        path.rename(path.with_suffix(".kept"))
    with pytest.raises(InputError, match="the warehouse has its rows"):
        take_in(settings)
    assert query("select count(*) from raw.canonical_interactions") == [(2,)]
    assert newest_number(settings.lake) == 0
    for path in settings.lake.rglob("interactions/**/*.kept"):
        path.rename(path.with_suffix(".parquet"))
    take_in(settings)
    assert values(settings) == [("default", "1")]


def test_an_entry_that_a_killed_process_did_not_end_is_removed_by_the_next(
    write: Write, settings: Settings
) -> None:
    append_landed(settings.lake, landed(1, a_file("a")))
    append_unloaded(settings.lake, ["1"], [], None)
    left = settings.lake / ".incoming" / "entry-of-a-killed-process"
    left.write_text(json.dumps({"number": 4}))
    load("canonical", write("a.csv", HEADER + "1,a\n"), settings=settings)
    assert list((settings.lake / ".incoming").iterdir()) == []
    assert read_ledger(settings.lake).number == 4
