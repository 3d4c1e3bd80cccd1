"""What looks wrong in a load beside the earlier ones of its feed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import duckdb
import pytest

from winnow.build.suspicions import suspicions
from winnow.contracts.entities import contract

Row = dict[str, Any]


@dataclass(frozen=True)
class Landed:
    """A load of one file: its rows, and how it was loaded."""

    load_id: str
    rows: Sequence[Row]
    tenant: str = "acme"
    feed: str | None = None
    mode: str = "append"
    corrects: str | None = None
    verdict: str = "counts"


def said(
    loads: Sequence[Landed], source: str = "canonical", entity: str = "interactions"
) -> tuple[str, ...]:
    """The sentences on these loads of one entity, the oldest first."""
    columns = contract(source, entity).columns
    with duckdb.connect() as connection:
        names = ", ".join(f'"{c.canonical_name}" {c.data_type}' for c in columns)
        connection.execute(
            f"""
            create schema staging; create schema validated;
            create table staging.stg_winnow__loaded_files (
                source varchar, entity varchar, tenant_id varchar, feed varchar,
                mode varchar, load_id varchar, file varchar,
                corrects_load_id varchar, loaded_at timestamp
            );
            create table validated.load_verdicts (
                tenant_id varchar, source varchar, entity varchar, load_id varchar,
                verdict varchar
            );
            create table validated.val_{source}__{entity} (
                tenant_id varchar, load_id varchar, file varchar, {names},
                rejection_reasons varchar[] default [],
                is_accepted boolean default true
            );
            """
        )
        for number, load in enumerate(loads, start=1):
            connection.execute(
                "insert into staging.stg_winnow__loaded_files "
                "values (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                [
                    *(source, entity, load.tenant, load.feed, load.mode, load.load_id),
                    *(f"{load.load_id}.csv", load.corrects, f"2024-01-0{number}"),
                ],
            )
            connection.execute(
                "insert into validated.load_verdicts values (?, ?, ?, ?, ?)",
                [load.tenant, source, entity, load.load_id, load.verdict],
            )
            for row in load.rows:
                values = {
                    "tenant_id": load.tenant,
                    "load_id": load.load_id,
                    "file": f"{load.load_id}.csv",
                    **row,
                }
                marks = ", ".join("?" * len(values))
                connection.execute(
                    f"insert into validated.val_{source}__{entity} "
                    f"({', '.join(values)}) values ({marks})",
                    list(values.values()),
                )
        return suspicions(connection)


def events(count: int, **values: Any) -> list[Row]:
    """Events of as many users."""
    return [{"user_id": f"u{n}", "item_id": "i", **values} for n in range(count)]


TIMED = {"interacted_at": "2024-01-01"}


def test_a_file_without_a_column_that_all_earlier_loads_had_is_told() -> None:
    loads = [Landed("l1", events(3, **TIMED)), Landed("l2", events(3, **TIMED))]
    (sentence,) = said([*loads, Landed("l3", events(1))])
    assert sentence == (
        "tenant acme: l3.csv (load l3) brings no interacted_at, and all 2 before it "
        "have it. Has the file another name for it? --map interacted_at=COLUMN says "
        "which."
    )
    assert said([*loads, Landed("l3", events(1, **TIMED))]) == ()
    assert said([*loads, Landed("l3", [])]) == ()
    # One of the earlier ones had none either; or it is another feed, or tenant.
    assert said([Landed("l0", events(2)), *loads, Landed("l3", events(1))]) == ()
    assert said([*loads, Landed("l3", events(1), feed="web")]) == ()
    assert said([*loads, Landed("l3", events(1), tenant="other")]) == ()
    # Values that cannot be read are there all the same.
    unread = events(2, rejection_reasons=["interacted_at.type"], is_accepted=False)
    assert said([*loads, Landed("l3", unread)]) == ()


def test_the_column_has_the_name_that_its_source_gives_it() -> None:
    loads = [Landed("l1", events(3, **TIMED)), Landed("l2", events(3))]
    (sentence,) = said(loads, "microlens", "pairs")
    assert "brings no timestamp, and the load before it has it" in sentence


def test_a_column_that_is_seldom_given_may_be_missing_from_few_records() -> None:
    half = [*events(5, rating=4), *events(5)]
    assert said([Landed("l1", half), Landed("l2", events(4))]) == ()
    (sentence,) = said([Landed("l1", half), Landed("l2", events(5))])
    assert "brings no rating" in sentence


def test_loads_that_are_held_and_corrections_are_no_measure() -> None:
    first = Landed("l1", events(3, **TIMED))
    held = Landed("l2", events(3), verdict="held")
    (sentence,) = said([first, held, Landed("l3", events(3))])
    assert "l3.csv" in sentence
    (sentence,) = said([first, held])
    assert "l2.csv" in sentence
    assert said([first, Landed("l2", events(3), corrects="l1")]) == ()


@pytest.mark.parametrize(
    ("mode", "count", "is_told"),
    [("snapshot", 4, True), ("snapshot", 5, False), ("append", 4, False)],
)
def test_a_snapshot_that_lists_less_than_half_is_told(
    mode: str, count: int, is_told: bool
) -> None:
    def items(many: int) -> list[Row]:
        return [{"item_id": f"i{n}", "title": "x"} for n in range(many)] * 2

    loads = [
        Landed("l1", items(10), mode="snapshot"),
        Landed("l2", items(count), mode=mode),
    ]
    sentences = said(loads, entity="items")
    assert bool(sentences) == is_told
    if is_told:
        assert sentences[0] == (
            "tenant acme: load l2 of canonical.items lists 4 items, and the one before "
            "it 10. What a snapshot does not list is no longer listed: load a catalogue"
            " that comes in parts with --mode append."
        )


def test_ids_that_took_the_place_of_others_are_told() -> None:
    with duckdb.connect() as connection:
        connection.execute(
            """
            create schema validated;
            create table validated.id_collisions as select * from (values
                ('acme', 'canonical', 'interactions', 'l1', 100, 0),
                ('acme', 'canonical', 'interactions', 'l2', 100, 3),
                ('acme', 'canonical', 'interactions', 'l3', 100, 90),
                ('other', 'canonical', 'interactions', 'l4', 9, 0)
            ) as known (
                tenant_id, source, entity, load_id, checked_count, collision_count
            );
            """
        )
        (sentence,) = suspicions(connection)
        assert "93 of 200 records have an interaction_id that an earlier" in sentence
        connection.execute(
            "create table validated.load_verdicts as select 'acme' as tenant_id, "
            "'canonical' as source, 'interactions' as entity, 'l3' as load_id, "
            "'held' as verdict"
        )
        (sentence,) = suspicions(connection)
        assert sentence == (
            "tenant acme: 3 of 100 records have an interaction_id that an earlier load "
            "gave to another user or item, and took the place of that record. If ids "
            "start again with each file, load with --ignore interaction_id."
        )
