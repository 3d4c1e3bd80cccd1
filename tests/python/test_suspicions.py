"""What looks wrong in a tenant's interactions although no rule is broken."""

from __future__ import annotations

import json

import duckdb
import pytest
from conftest import Command, Write

from winnow.build.suspicions import scale_hint, suspicions

Row = tuple[float | None, str | None, bool]
"""Rating, time, and whether it is positive."""


def said(
    rows: list[Row], own: float | None = None, any_tenant: float = 4.0
) -> tuple[str, ...]:
    """The sentences on a tenant ``acme`` with these interactions and settings."""
    with duckdb.connect() as connection:
        connection.execute("create schema prepared; create schema seeds")
        connection.execute(
            "create table prepared.interactions (tenant_id varchar, rating double, "
            "interacted_at timestamp, is_positive boolean)"
        )
        connection.execute(
            "create table seeds.tenant_settings "
            "(tenant_id varchar, positive_rating_minimum double)"
        )
        connection.executemany(
            "insert into seeds.tenant_settings values (?, ?)",
            [("*", any_tenant), ("acme", own)],
        )
        connection.executemany(
            "insert into prepared.interactions values ('acme', ?, ?, ?)", rows
        )
        return suspicions(connection)


@pytest.mark.parametrize(
    ("lowest", "highest", "words"),
    [
        (1, 5, None),
        (0.5, 5, None),
        (2, 4.5, None),
        (1, 10, "ratings run from 1 to 10, and 4 or more counts as positive"),
        (0, 1, "ratings run from 0 to 1, and 4 or more"),
        (1, 1, "ratings run from 1 to 1, and 4 or more"),
        (0, 100, "if 0 means that no rating was given"),
        (0, 10, "if 0 means that no rating was given"),
        (0, 5, "if 0 means that no rating was given"),
        (-1, 10, "if -1 means that no rating was given"),
        (-9.9, 99, "if 99 means that no rating was given"),
        (-10, 10, "ratings run from -10 to 10"),
    ],
)
def test_a_scale_other_than_1_to_5_is_hinted_at(
    lowest: float, highest: float, words: str | None
) -> None:
    hint = scale_hint(lowest, highest, 4.0)
    assert (hint is None) == (words is None)
    assert (words or "") in (hint or "")


def test_a_tenant_that_has_set_its_threshold_hears_nothing_of_its_scale() -> None:
    rows: list[Row] = [(1, "2024-01-01", False), (10, "2024-01-02", True)]
    (hint,) = said(rows)
    assert hint == (
        "tenant acme: ratings run from 1 to 10, and 4 or more counts as positive, "
        "which is meant for 1 to 5: set positive_rating_minimum in "
        "seeds/tenant_settings.csv."
    )
    assert said(rows, own=7) == ()
    assert said(rows, any_tenant=7) == ()


def test_a_tenant_without_a_positive_is_told_why() -> None:
    (sentence,) = said([(1, "2024-01-01", False), (3, "2024-01-02", False)])
    assert sentence.startswith(
        "tenant acme: none of its 2 interactions is positive; its ratings end at 3, "
        "and 4 or more counts (positive_rating_minimum in seeds/tenant_settings.csv)."
    )
    (sentence,) = said([(None, "2024-01-01", False), (None, "2024-01-02", False)])
    assert "which event types are positive is in seeds/event_types.csv" in sentence


def test_times_that_are_all_one_or_of_the_first_day_of_1970_are_told() -> None:
    (sentence,) = said([(5, "2024-01-01", True), (5, "2024-01-01", True)])
    assert sentence.startswith("tenant acme: all of its 2 times are 2024-01-01 00:00")
    rows: list[Row] = [
        (5, "1970-01-01", True),
        (5, "1970-01-01 03:25:45", True),
        (5, "2024-01-01", True),
    ]
    (sentence,) = said(rows)
    assert sentence.startswith(
        "tenant acme: 2 of its 3 times are on 1970-01-01, 1 of them exactly at 0: "
    )
    assert said([(5, None, True), (5, "2024-01-01", True)]) == ()


def test_a_warehouse_without_interactions_has_none() -> None:
    with duckdb.connect() as connection:
        assert suspicions(connection) == ()


@pytest.mark.parametrize(
    ("ratings", "said"),
    [
        ("7\n10", "ratings run from 7 to 10, and 4 or more counts as positive"),
        ("0\n1", "ratings run from 0 to 1"),
        ("0.5\n5\nnan", None),
        ("x\n", None),
    ],
)
def test_a_load_says_that_its_ratings_are_of_another_scale(
    winnow: Command, write: Write, ratings: str, said: str | None
) -> None:
    rows = "".join(f"u{n},i,{one}\n" for n, one in enumerate(ratings.split("\n")))
    path = write("r.csv", f"user_id,item_id,rating\n{rows}")
    code, out, err = winnow("load", "canonical", path, "--tenant", "shop", "--json")
    assert code == 0, err
    warnings = json.loads(out)["warnings"]
    assert (said in warnings[0]) if said else (warnings == [])
