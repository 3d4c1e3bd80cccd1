"""``winnow rejected``: refused records are seen, corrected and loaded again."""

from __future__ import annotations

import dataclasses
import json
import re
import shutil
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Command, Write, make_settings, rows_of
from test_kill import POINTS, Point, raw_rows, run_killed

from winnow.build.dbt import run_dbt
from winnow.contracts.entities import contract, load_contracts
from winnow.core.errors import InputError
from winnow.core.lock import warehouse_lock
from winnow.core.settings import Settings
from winnow.load.loads import release
from winnow.load.pipeline import load
from winnow.rejected.records import Filters, built_warehouse, envelope, export
from winnow.rejected.replay import Outcome, ReplayReport, replay
from winnow.rejected.violations import violation

INTERACTIONS = """\
interaction_id,user_id,item_id,event_type,rating,interacted_at,colour
e1,u1,i1,rating,4,2024-01-01,red
e2,u1,i2,rating,1100,2024-01-02,blue
e3,,i3,view,,2024-01-03,
e4,u2,i3,wink,x,13/1/2024,
e5,broken
e6,u2,i4,rating,x,2/1/2024,
e1,u1,i1,rating,999,2024-01-01,red
,u3,i1,view,y,2024-01-05,
"""
ITEMS = "item_id,title,price\ni1,One,1\ni2,Two,-1\n"

Payloads = Mapping[int, Mapping[str, Any] | None]
"""What is changed in the payloads, by line of the file that was loaded."""


def build(settings: Settings) -> None:
    """Everything that says where records went, and the tests of it."""
    result = run_dbt(
        settings,
        [
            *("build", "--select", "+reconciliation"),
            *("--indirect-selection", "cautious"),
            *("--exclude-resource-type", "unit_test"),
        ],
    )
    assert result.succeeded, result.failures


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A warehouse with seven refused interactions and a refused item, released."""
    folder = tmp_path_factory.mktemp("refused")
    (folder / "data").mkdir()
    (folder / "data" / "interactions.csv").write_text(INTERACTIONS)
    (folder / "data" / "items.csv").write_text(ITEMS)
    settings = make_settings(folder / "home")
    result = load("canonical", folder / "data", tenant="acme", settings=settings)
    assert result.load_id is not None
    release(settings, [result.load_id])
    build(settings)
    return settings


@pytest.fixture
def settings(built: Settings, tmp_path: Path) -> Settings:
    """A copy of that warehouse, for the test alone."""
    shutil.copytree(built.warehouse.parent, tmp_path / "home")
    return make_settings(tmp_path / "home")


def envelopes(settings: Settings, everything: bool = False) -> list[dict[str, Any]]:
    out = settings.state / "envelopes.jsonl"
    export(settings, out, Filters(everything=everything), overwrite=True)
    return [json.loads(line) for line in out.read_text().splitlines()]


def by_line(
    settings: Settings, entity: str = "interactions", everything: bool = False
) -> dict[int, dict[str, Any]]:
    """Envelopes of the records that were loaded first, by their line."""
    return {
        one["line_number"]: one
        for one in envelopes(settings, everything)
        if one["entity"] == entity and one["replay_of"] is None
    }


def corrected(settings: Settings, changes: Payloads, name: str = "fixed.jsonl") -> Path:
    """A file of corrections of some lines of the interactions, as a user makes it."""
    known = by_line(settings, everything=True)
    lines = []
    for line, change in changes.items():
        one = known[line]
        payload = None if change is None else (one["payload"] or {}) | dict(change)
        lines.append(json.dumps(one | {"payload": payload}))
    path = settings.state.parent / name
    path.write_text("\n".join(lines) + "\n")
    return path


def outcomes(report: ReplayReport) -> list[Outcome]:
    return [one.outcome for one in report.judged]


def accepted(settings: Settings) -> dict[str, tuple[Any, ...]]:
    """Accepted interactions: user, rating and day by id."""
    return {
        row[0]: row[1:]
        for row in rows_of(
            settings,
            "select interaction_id, user_id, rating, "
            "cast(cast(interacted_at as date) as varchar) from prepared.interactions",
        )
    }


def test_a_refused_record_can_be_seen(winnow: Command, settings: Settings) -> None:
    code, out, _ = winnow("rejected", "list")
    assert code == 0
    rows = [re.split(r" {2,}", line.strip()) for line in out.splitlines()]
    table = {tuple(row[1:4]): row[4:] for row in rows[3:-1] if len(row) > 4}
    assert set(table) == {
        ("canonical interactions", "rating.maximum", "2"),
        ("canonical interactions", "rating.type", "3"),
        ("canonical interactions", "event_type.accepted_values", "1"),
        ("canonical interactions", "record.too_few_fields", "1"),
        ("canonical interactions", "user_id.required", "1"),
        ("canonical items", "price.minimum", "1"),
    }
    ((example, short),) = [v for k, v in table.items() if k[1] == "rating.maximum"]
    assert example.endswith("interactions.csv, line 3")
    assert "8 records." in out
    code, out, _ = winnow("rejected", "show", short)
    assert code == 0
    assert "  rating must be at most 100, and is '1100'\n" in out
    assert "interactions.csv, line 3 (record 2)" in out
    code, out, _ = winnow("rejected", "show", short, "--json")
    shown = json.loads(out)
    assert shown == by_line(settings)[3]
    assert shown["violations"] == [
        {
            "rule": "maximum",
            "column": "rating",
            "value": "1100",
            "message": "rating must be at most 100, and is '1100'",
        }
    ]
    assert shown["payload"]["extra"] == '{"colour":"blue"}'
    assert (shown["topic"], shown["partition"], shown["offset"]) == (None, None, None)
    received = rows_of(settings, "select max(received_at) from raw.winnow_loaded_files")
    assert shown["received_at"][:18] == received[0][0].isoformat()[:18]
    assert (shown["attempts"], shown["status"]) == (1, "open")


def test_loads_that_no_build_has_judged_are_told(
    winnow: Command, write: Write, settings: Settings
) -> None:
    """Those in the raw tables, and those that only the lake has."""
    path = write("late.csv", "user_id,item_id,rating\nu1,i1,5\nu2,i1,500\nu3\n")
    other = write("later.csv", "user_id,item_id\nu1,i1\n")
    assert json.loads(winnow("rejected", "list", "--json")[1])["waiting"] == []
    assert winnow("load", "canonical", path, "--tenant", "late")[0] == 0
    with warehouse_lock(settings):
        assert winnow("load", "canonical", other, "--tenant", "later")[0] == 0
    said = "2 loads (4 records; tenants: late, later) wait for `winnow build`, which"
    code, out, _ = winnow("rejected", "list")
    assert (code, said in out, "8 records." in out) == (0, True, True)
    document = json.loads(winnow("rejected", "list", "--json")[1])
    assert document["records"] == 8
    assert [(one["tenant"], one["records"]) for one in document["waiting"]] == [
        ("late", 3),
        ("later", 1),
    ]
    code, out, _ = winnow("rejected", "list", "--tenant", "later")
    assert out.splitlines() == [
        "No rejected records.",
        "1 load (1 record; tenants: later) waits for `winnow build`, "
        "which judges them.",
    ]
    assert "wait" not in winnow("rejected", "list", "--source", "recomart")[1]
    settings.warehouse.unlink()
    assert winnow("load", "canonical", path, "--tenant", "late")[0] == 0
    out = winnow("rejected", "list")[1]
    assert "No rejected records." in out
    assert "wait for `winnow build`" in out


@pytest.fixture(scope="module")
def states(built: Settings, tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A build in which the interactions were loaded again in place of those before; and
    of another tenant, two files whose loads are held, one of them loaded again since.
    """
    home = tmp_path_factory.mktemp("states") / "home"
    shutil.copytree(built.warehouse.parent, home)
    settings = make_settings(home)
    path = built.warehouse.parents[1] / "data" / "interactions.csv"
    path.write_text("user_id,item_id,interacted_at\nu1,i1,2024-01-09\n")
    load("canonical", path, tenant="acme", mode="replace", settings=settings)
    bad = "".join(f"b{n},u{n},i1,view,2024-01-0{n},x\n" for n in range(1, 5))
    rows = "interaction_id,user_id,item_id,event_type,interacted_at,rating\n"
    for name, text in (
        ("a", bad),
        ("b", bad.replace("b", "c")),
        ("a", "d1,u,i,view,2024-01-01,\n"),
    ):
        file = home / "held" / f"interactions_{name}.csv"
        file.parent.mkdir(exist_ok=True)
        file.write_text(rows + text)
        load("canonical", file, tenant="held", settings=settings)
    build(settings)
    path.write_text(INTERACTIONS)
    return settings


def test_records_of_replaced_files_and_of_held_loads_are_told_apart(
    winnow: Command, states: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in states.environment().items():
        monkeypatch.setenv(name, value)
    states_of = {
        (one["tenant_id"], Path(one["file"]).name): (
            one["status"],
            one["is_held"],
            one["replaced_by"],
        )
        for one in envelopes(states, everything=True)
    }
    [newest] = rows_of(
        states,
        "select max_by(load_id, loaded_at) from validated.file_states "
        "where tenant_id = 'acme' and entity = 'interactions'",
    )
    assert states_of == {
        ("acme", "interactions.csv"): ("replaced", False, *newest),
        ("acme", "items.csv"): ("open", False, None),
        ("held", "interactions_a.csv"): ("replaced", False, None),
        ("held", "interactions_b.csv"): ("open", True, None),
    }
    out = winnow("rejected", "list")[1]
    assert "5 records." in out
    rows = [re.split(r" {2,}", line.strip()) for line in out.splitlines()]
    assert [row[1:5] for row in rows if row[0] in ("acme", "held")] == [
        ["canonical interactions", "rating.type", "4", "4"],
        ["canonical items", "price.minimum", "1", "0"],
    ]
    assert "Those under `held` lie in loads that the quality gate holds" in out
    counts = json.loads(winnow("rejected", "list", "--json")[1])["counts"]
    assert [(one["records"], one["held"]) for one in counts] == [(4, 4), (1, 0)]
    assert "16 records." in winnow("rejected", "list", "--all")[1]

    by_file = {Path(one["file"]).name: one for one in envelopes(states, True)}
    shown = {
        name: winnow("rejected", "show", one["rejected_id"])[1]
        for name, one in by_file.items()
    }
    replaced = (
        f"its file was loaded again by load {newest[0]}, and no correction is needed"
    )
    assert replaced in shown["interactions.csv"]
    assert "its file was loaded again since" in shown["interactions_a.csv"]
    told = {name for name, out in shown.items() if "The load is held" in out}
    assert told == {"interactions_b.csv"}
    load_id = by_file["interactions_b.csv"]["load_id"]
    assert f"`winnow loads show {load_id}` says why" in shown["interactions_b.csv"]


def test_corrections_of_replaced_files_are_rejected_and_of_held_loads_told(
    winnow: Command, states: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(states.warehouse.parent, tmp_path / "copy")
    settings = make_settings(tmp_path / "copy")
    for name, value in settings.environment().items():
        monkeypatch.setenv(name, value)
    by_file = {Path(one["file"]).name: one for one in envelopes(settings, True)}
    del by_file["items.csv"]
    path = tmp_path / "fixed.jsonl"
    path.write_text(
        "".join(
            json.dumps(one | {"payload": one["payload"] | {"rating": "2"}}) + "\n"
            for _, one in sorted(by_file.items())
        )
    )
    replaced_by = by_file["interactions.csv"]["replaced_by"]
    held = by_file["interactions_b.csv"]["load_id"]
    landed = len(raw_rows(settings)["canonical_interactions"])
    code, out, _ = winnow("rejected", "replay", path)
    assert (code, f"{path}: 1 loaded, 2 replaced." in out) == (1, True)
    again = by_file["interactions_a.csv"]["load_id"]
    assert f"line 1, replaced: its file was replaced by load {replaced_by}" in out
    assert f"line 2, replaced: its load {again} is held, and its file" in out
    assert f"Load {held} is held: corrections of its records count once" in out
    raw = raw_rows(settings)
    assert len(raw["canonical_interactions"]) == landed + 1
    assert "winnow_replay_conflicts" not in raw or not raw["winnow_replay_conflicts"]
    code, out, _ = winnow("rejected", "replay", path)
    assert (code, "1 already replayed, 2 replaced." in out) == (1, True)


def test_a_warehouse_without_states_of_files_has_no_replaced_records(
    winnow: Command, settings: Settings
) -> None:
    before = envelopes(settings)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("drop table validated.file_states")
    assert envelopes(settings) == before
    path = corrected(settings, {3: {"rating": "5"}})
    assert winnow("rejected", "replay", path)[0] == 0


def test_only_what_is_asked_for_is_counted_and_written(
    winnow: Command, settings: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    assert winnow("rejected", "export", out, "--entity", "items")[0] == 0
    assert [json.loads(one)["entity"] for one in out.read_text().splitlines()] == [
        "items"
    ]
    code, _, err = winnow("rejected", "export", out, "--reason", "rating.type")
    assert (code, "--overwrite" in err) == (2, True)
    winnow("rejected", "export", out, "--reason", "rating.type", "--overwrite")
    assert len(out.read_text().splitlines()) == 3
    winnow("rejected", "export", out, "--limit", "2", "--overwrite")
    assert len(out.read_text().splitlines()) == 2
    assert "No rejected records" in winnow("rejected", "list", "--tenant", "other")[1]
    _, text, _ = winnow("rejected", "list", "--reason", "rating.type", "--limit", "1")
    assert "3 records." in text
    assert "accepted_values" not in text
    assert [path.name for path in tmp_path.iterdir() if path.name[0] == "."] == []


def test_an_export_that_breaks_off_leaves_the_old_file(
    settings: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "out.jsonl"
    out.write_text("old")

    def stop(written: int, total: int) -> None:
        raise KeyboardInterrupt

    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(
            "insert into validated.rejected_records "
            "select rejected.* replace (rejected_id || n as rejected_id) "
            "from validated.rejected_records as rejected, range(2000) as numbers (n)"
        )
    with pytest.raises(KeyboardInterrupt):
        export(settings, out, Filters(), overwrite=True, progress=stop)
    assert out.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir() if path.is_file()] == ["out.jsonl"]


def test_the_life_of_refused_records(winnow: Command, settings: Settings) -> None:
    path = corrected(
        settings,
        {
            3: {"rating": 4.50},
            4: {"user_id": "u9"},
            5: {"event_type": "view", "rating": "y"},
            6: {
                **{"interaction_id": "e5", "user_id": "u5", "item_id": "i1"},
                "interacted_at": "2024-01-05",
            },
            7: {"rating": "3"},
        },
    )
    assert winnow("rejected", "replay", path)[:2] == (
        0,
        f"5 corrections in {path}: 5 loaded.\n`winnow build` judges what was loaded.\n",
    )
    landed = raw_rows(settings)
    code, out, _ = winnow("rejected", "replay", path)
    assert (code, f"{path}: 5 already replayed." in out) == (0, True)
    assert raw_rows(settings) == landed
    other = corrected(settings, {3: {"rating": "5"}}, "other.jsonl")
    code, out, _ = winnow("rejected", "replay", other)
    assert (code, "line 1, waiting for a build" in out) == (1, True)

    build(settings)
    # 2/1/2024 is read by the order of the file that it was loaded from.
    assert accepted(settings) == {
        "e1": ("u1", 4.0, "2024-01-01"),
        "e2": ("u1", 4.5, "2024-01-02"),
        "e3": ("u9", None, "2024-01-03"),
        "e5": ("u5", None, "2024-01-05"),
        "e6": ("u2", 3.0, "2024-01-02"),
    }
    assert rows_of(
        settings,
        "select extra from raw.canonical_interactions where rating = '4.5'",
    ) == [('{"colour":"blue"}',)]
    everything = by_line(settings, everything=True)
    assert {line: one["status"] for line, one in everything.items()} == {
        **dict.fromkeys((3, 4, 6, 7), "resolved"),
        5: "superseded",
        **dict.fromkeys((8, 9), "open"),
    }
    assert {one["attempts"] for line, one in everything.items() if line < 8} == {2}
    still = [one for one in envelopes(settings) if one["entity"] == "interactions"]
    assert sorted(one["line_number"] for one in still) == [3, 8, 9]
    (again,) = (one for one in still if one["replay_of"])
    assert again["replay_of"] == everything[5]["rejected_id"]
    assert again["file"] == str(path)
    assert (again["attempt"], again["attempts"]) == (2, 2)
    assert [one["message"] for one in again["violations"]] == [
        "rating must be a number, and is 'y'"
    ]
    assert again["replayed_in"] == again["load_id"]

    # Replayed again: one that was accepted, one that was refused again.
    code, out, _ = winnow("rejected", "replay", path)
    assert (code, f"{path}: 5 already replayed." in out) == (0, True)
    code, out, _ = winnow("rejected", "replay", other)
    assert (code, "line 1, conflict: another correction" in out) == (1, True)
    winnow("rejected", "replay", other)
    assert rows_of(
        settings,
        "select rejected_id, reason, payload::json->>'rating', file, line_number "
        "from raw.winnow_replay_conflicts",
    ) == [(everything[3]["rejected_id"], "accepted_replay", "5", str(other), 1)]

    # The original and its correction are one record.
    both = corrected(settings, {5: {"rating": "1"}}, "both.jsonl")
    with both.open("a") as file:
        file.write(json.dumps(again))
    code, _, err = winnow("rejected", "replay", both)
    assert (code, "is the one that line 1 corrects" in err) == (2, True)

    third = settings.state.parent / "third.jsonl"
    third.write_text(json.dumps(again | {"payload": again["payload"] | {"rating": 2}}))
    assert winnow("rejected", "replay", third)[0] == 0
    build(settings)
    assert accepted(settings)["e2"][1] == 4.5
    assert accepted(settings)["e4"] == ("u2", 2.0, "2024-01-13")
    everything = by_line(settings, everything=True)
    assert (everything[5]["status"], everything[5]["attempts"]) == ("resolved", 3)
    open_lines = [o["line_number"] for o in envelopes(settings)]
    assert sorted(open_lines) == [3, 8, 9]  # line 3 is the item's


def test_a_correction_that_changes_nothing_is_not_loaded(settings: Settings) -> None:
    path = corrected(settings, {3: {}, 6: None})
    before = raw_rows(settings)
    report = replay(settings, path)
    assert outcomes(report) == [Outcome.UNCHANGED, Outcome.UNCHANGED]
    assert (report.load_ids, report.complete) == ((), False)
    assert raw_rows(settings) == before


def test_what_was_refused_under_another_contract_may_be_replayed_as_it_is(
    settings: Settings,
) -> None:
    path = corrected(settings, {3: {}})
    with duckdb.connect(str(settings.warehouse)) as connection:
        # As a build under an earlier contract would have left it.
        connection.execute(
            "update validated.rejected_records set contract_version = 'earlier'"
        )
    assert outcomes(replay(settings, path)) == [Outcome.LOADED]
    assert outcomes(replay(settings, path)) == [Outcome.ALREADY]


def test_an_accepted_record_of_the_same_id_is_never_replaced(
    settings: Settings,
) -> None:
    path = corrected(settings, {8: {"rating": "5"}})
    noted = ("winnow_replay_conflicts", "winnow_loads")
    before = {k: v for k, v in raw_rows(settings).items() if k not in noted}
    report = replay(settings, path)
    assert outcomes(report) == [Outcome.CONFLICT]
    assert outcomes(replay(settings, path)) == [Outcome.CONFLICT]
    after = raw_rows(settings)
    (kept,) = after.pop("winnow_replay_conflicts")
    after.pop("winnow_loads")
    assert {"accepted_record", "acme"} < set(kept)
    assert after == before
    # The same values are the same event, which is there once.
    same = corrected(settings, {8: {"rating": "4 "}})
    assert outcomes(replay(settings, same)) == [Outcome.LOADED]
    build(settings)
    assert accepted(settings)["e1"] == ("u1", 4.0, "2024-01-01")
    assert by_line(settings, everything=True)[8]["status"] == "resolved"
    counts = rows_of(
        settings,
        "select sum(landed_count), sum(accepted_count), sum(rejected_count), "
        "sum(duplicate_count) from quality.reconciliation "
        "where entity = 'interactions'",
    )
    assert counts == [(9, 1, 7, 1)]


@pytest.mark.scale
def test_what_no_build_has_judged_has_to_be_built_first(
    settings: Settings, tmp_path: Path
) -> None:
    late = tmp_path / "interactions_late.csv"
    late.write_text(
        "interaction_id,user_id,item_id,rating,interacted_at\ne2,u1,i2,3,2024-01-02\n"
    )
    load("canonical", late, tenant="acme", settings=settings)
    path = corrected(settings, {3: {"rating": "5"}})
    report = replay(settings, path)
    assert outcomes(report) == [Outcome.WAITING]
    assert rows_of(settings, "select * from raw.winnow_replay_conflicts") == []
    build(settings)
    assert outcomes(replay(settings, path)) == [Outcome.CONFLICT]
    # Once its file has been replaced, the other record is none any more.
    late.write_text(late.read_text().replace("e2", "e8"))
    load("canonical", late, tenant="acme", mode="replace", settings=settings)
    build(settings)
    assert outcomes(replay(settings, path)) == [Outcome.LOADED]


def test_another_tenants_event_of_the_same_id_is_none_of_its_business(
    settings: Settings, tmp_path: Path
) -> None:
    late = tmp_path / "interactions_late.csv"
    late.write_text("interaction_id,user_id,item_id,rating\ne2,u1,i2,3\n")
    load("canonical", late, tenant="other", settings=settings)
    path = corrected(settings, {3: {"rating": "5"}})
    assert outcomes(replay(settings, path)) == [Outcome.LOADED]


@pytest.mark.scale
def test_two_corrections_of_one_event_must_agree(
    settings: Settings, tmp_path: Path
) -> None:
    twice = tmp_path / "interactions_twice.csv"
    twice.write_text("interaction_id,user_id,item_id,rating\ne9,u1,i2,x\ne9,u1,i2,y\n")
    load("canonical", twice, tenant="acme", settings=settings)
    build(settings)
    ids = [one for one in envelopes(settings) if one["file"] == str(twice)]
    path = tmp_path / "fixed.jsonl"

    def write(*ratings: str) -> None:
        path.write_text(
            "\n".join(
                json.dumps(one | {"payload": one["payload"] | {"rating": rating}})
                for one, rating in zip(ids, ratings, strict=True)
            )
        )

    write("1", "2")
    assert outcomes(replay(settings, path)) == [Outcome.LOADED, Outcome.CONFLICT]
    assert outcomes(replay(settings, path)) == [Outcome.ALREADY, Outcome.CONFLICT]
    assert rows_of(settings, "select reason from raw.winnow_replay_conflicts") == [
        ("repeated_event",)
    ]
    write("1", "1")
    assert outcomes(replay(settings, path)) == [Outcome.ALREADY, Outcome.LOADED]


def test_the_id_of_the_event_is_filled_in_and_never_changed(
    settings: Settings,
) -> None:
    path = corrected(settings, {3: {"rating": "5", "interaction_id": None}})
    assert outcomes(replay(settings, path)) == [Outcome.LOADED]
    assert rows_of(
        settings,
        "select interaction_id from raw.canonical_interactions where rating = '5'",
    ) == [("e2",)]
    with pytest.raises(InputError, match=r"line 1: interaction_id is 'e7'.*'e3'"):
        replay(settings, corrected(settings, {4: {"interaction_id": "e7"}}))


BAD_LINES: dict[str, tuple[str, str]] = {
    "not JSON": ("{", "line 2 is not one JSON object"),
    "not UTF-8": ("\udcff", "line 2 is not one JSON object"),
    "no object": ("[]", "line 2 is JSON, but no object"),
    "no id": ('{"payload": {}}', "line 2 has no rejected_id"),
    "an id that is no text": (
        '{"rejected_id": 1, "payload": {}}',
        "must be text|no rej",
    ),
    "no payload": ('{"rejected_id": "FIRST"}', "line 2 has no payload"),
    "an empty payload": (
        '{"rejected_id": "FIRST", "payload": null}',
        "payload is null",
    ),
    "a list": ('{"rejected_id": "FIRST", "payload": []}', "must be an object"),
    "an unknown id": (
        '{"rejected_id": "none", "payload": {}}',
        "no rejected record none",
    ),
    "an unknown column": (
        '{"rejected_id": "FIRST", "payload": {"ratting": "1"}}',
        "line 2: the payload has a key 'ratting'",
    ),
    "a nested value": (
        '{"rejected_id": "FIRST", "payload": {"rating": {}}}',
        "line 2: the payload's rating must be text",
    ),
    "half a character": (
        '{"rejected_id": "FIRST", "payload": {"device": "\\ud800"}}',
        "line 2: the payload's device has half a character",
    ),
    "the same record twice": (
        '{"rejected_id": "OTHER", "payload": {}}',
        "line 2: the record .* is corrected on line 1 already",
    ),
}


@pytest.mark.parametrize(("line", "message"), BAD_LINES.values(), ids=BAD_LINES)
def test_a_line_that_cannot_be_used_stops_the_whole_file(
    line: str, message: str, settings: Settings
) -> None:
    path = corrected(settings, {4: {"user_id": "u9"}})
    known = by_line(settings)
    line = line.replace("FIRST", known[3]["rejected_id"])
    line = line.replace("OTHER", known[4]["rejected_id"])
    with path.open("ab") as file:
        file.write(line.encode("utf-8", "surrogateescape") + b"\n")
    before = raw_rows(settings)
    with pytest.raises(InputError, match=rf"{re.escape(str(path))}, .*{message}"):
        replay(settings, path)
    assert raw_rows(settings) == before


def test_commands_say_what_is_missing(winnow: Command, settings: Settings) -> None:
    code, _, err = winnow("rejected", "show", "00000000")
    assert (code, "There is no rejected record 00000000" in err) == (2, True)
    code, _, err = winnow("rejected", "show", "0")
    assert (code, "at least 8 characters" in err) == (2, True)
    code, _, err = winnow("rejected", "replay", "nowhere.jsonl")
    assert (code, "nowhere.jsonl cannot be read" in err) == (2, True)
    (settings.state / "empty.jsonl").write_text("\n")
    code, _, err = winnow("rejected", "replay", settings.state / "empty.jsonl")
    assert (code, "has no line with a correction" in err) == (2, True)
    with warehouse_lock(settings):
        path = corrected(settings, {3: {"rating": "5"}})
        code, _, err = winnow("rejected", "replay", path)
        assert (code, "is in use" in err) == (2, True)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("drop table validated.rejected_records")
    code, _, err = winnow("rejected", "show", "00000000")
    assert (code, "`winnow build` makes them" in err) == (2, True)
    settings.warehouse.unlink()
    code, _, err = winnow("rejected", "list")
    assert (code, "There is no warehouse" in err) == (2, True)


REPLAY_POINTS = {
    name: POINTS[name]
    for name in (
        "between two inserts",
        "after all inserts, before the load's record",
        "when the ledger has it",
        "before the mark",
    )
}


@pytest.mark.scale
@pytest.mark.parametrize("point", REPLAY_POINTS.values(), ids=REPLAY_POINTS)
def test_a_replay_that_is_killed_and_run_again_gives_the_same_rows(
    point: Point, settings: Settings, built: Settings, tmp_path: Path
) -> None:
    """Two entities, one of them with a conflict, so that there are two loads."""
    path = corrected(settings, {3: {"rating": "5"}, 8: {"rating": "5"}})
    item = by_line(settings, "items")[3]
    with path.open("a") as file:
        file.write(json.dumps(item | {"payload": item["payload"] | {"price": 1}}))
    shutil.copytree(built.warehouse.parent, tmp_path / "clean")
    clean = make_settings(tmp_path / "clean")
    loaded = [Outcome.LOADED, Outcome.CONFLICT, Outcome.LOADED]
    assert outcomes(replay(clean, path)) == loaded
    call = f"winnow.rejected.replay.replay(settings(), pathlib.Path({str(path)!r}))"
    run_killed(settings, point, f"import pathlib, winnow.rejected.replay; {call}")
    report = replay(settings, path)
    assert report.judged[1].outcome is Outcome.CONFLICT
    assert raw_rows(settings) == raw_rows(clean)
    lake = [
        Counter(
            (*file.relative_to(home.lake).parts[:3], file.suffix)
            for file in home.lake.rglob("*")
            if file.is_file()
        )
        for home in (settings, clean)
    ]
    assert lake[0] == lake[1]


def test_a_file_that_changes_is_not_loaded(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = corrected(settings, {3: {"rating": "5"}})
    before = raw_rows(settings)

    def stage(what: str) -> None:
        if what.startswith("loading"):
            path.write_text(path.read_text().replace("e2", "e7"))

    with pytest.raises(InputError, match="changed while it was read"):
        replay(settings, path, stage)
    assert raw_rows(settings) == before
    assert outcomes(replay(settings, corrected(settings, {3: {"rating": "5"}}))) == [
        Outcome.LOADED
    ]


def test_the_contract_has_one_version_in_sql_and_in_python(built: Settings) -> None:
    compiled = built.target / "compiled/winnow/models/validated/rejected_records.sql"
    found = re.findall(
        r"when source = '(\w+)' and entity = '(\w+)'\s+then '(\w+)'",
        compiled.read_text(),
    )
    versions = {(source, entity): version for source, entity, version in found}
    assert versions == {
        key: entity.version
        for key, entity in load_contracts().items()
        if entity.source != "winnow"
    }


@pytest.mark.parametrize(
    "change",
    [
        {"minimum": 0},
        {"data_type": "bigint"},
        {"required": True},
        {"accepted_values": ("1",)},
        {"missing_tokens": ("?",)},
        {"name": "other"},
    ],
    ids=str,
)
def test_a_version_follows_the_rules(change: dict[str, Any]) -> None:
    entity = contract("canonical", "interactions")
    *others, last = entity.columns
    other = dataclasses.replace(last, **({"minimum": None} | change))
    changed = dataclasses.replace(entity, columns=(*others, other))
    same = dataclasses.replace(
        entity, columns=(*others, dataclasses.replace(last, description="", aliases=()))
    )
    assert same.version == entity.version
    assert (changed.version == entity.version) == (change == {"minimum": 0})


@pytest.mark.parametrize(
    ("entity", "reason", "value", "sentence"),
    [
        ("interactions", "rating.maximum", "101", "at most 100, and is '101'"),
        ("interactions", "price.minimum", "-1", "at least 0, and is '-1'"),
        ("interactions", "rating.type", "x", "rating must be a number, and is 'x'"),
        ("users", "age.type", "3.5", "age must be a whole number, and is '3.5'"),
        ("interactions", "user_id.required", "", "must be given, and is missing"),
        ("interactions", "device.max_length", "x" * 65, "64 characters, and has 65"),
        ("interactions", "rating.type", "x" * 99, f"is '{'x' * 79}…'"),
        ("interactions", "event_type.accepted_values", "fly", "seeds/event_types.csv"),
        ("interactions", "rating.format", "x", "breaks the rule format, and is 'x'"),
        ("interactions", "gone.format", "x", "breaks the rule format, and is 'x'"),
    ],
)
def test_a_rule_is_a_sentence(
    entity: str, reason: str, value: str, sentence: str
) -> None:
    column = reason.partition(".")[0]
    found = violation(contract("canonical", entity), reason, {column: value})
    assert sentence in found.message
    assert (found.column, found.value) == (column, value)


def test_a_broken_record_has_a_sentence_too() -> None:
    entity = contract("canonical", "users")
    found = violation(entity, "record.invalid_json", None)
    assert found.message == "the record is not valid JSON"
    assert (found.rule, found.column, found.value) == ("invalid_json", None, None)


def test_an_id_that_two_records_begin_with_is_not_guessed_at(
    settings: Settings,
) -> None:
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(
            "update validated.rejected_records "
            "set rejected_id = 'aaaaaaaa' || row_number"
        )
    with (
        built_warehouse(settings) as connection,
        pytest.raises(InputError, match="more than one rejected record aaaaaaaa"),
    ):
        envelope(connection, "aaaaaaaa")
