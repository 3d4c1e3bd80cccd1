"""What rows mean: returns, baskets, events without a time or in no order of time, ids
that start again, catalogues that change. One warehouse, a tenant for each.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from conftest import make_settings, rows_of

from winnow.build.dbt import run_dbt
from winnow.core.settings import Settings
from winnow.load.pipeline import load

NODES = [
    *("+dataset_statistics", "+interaction_features", "+load_verdicts"),
    *("+rejected_records", "+duplicate_records", "+resource_type:snapshot"),
]
EVENTS = "user_id,item_id,event_type,interacted_at"


def days(count: int, time: str = "2024-01-{:02d}T10:00:00Z", user: str = "u") -> str:
    """Clicks of one user on as many items, one a day."""
    return "".join(
        f"{user},i{n},click,{time.format(n) if time else ''}\n"
        for n in range(1, count + 1)
    )


class Home:
    """A warehouse, and files to load into it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.settings = folder, make_settings(folder)
        self.count = 0

    def load(self, tenant: str, text: str, entity: str = "interactions") -> None:
        self.count += 1
        path = self.folder / f"{self.count:03d}.csv"
        path.write_text(text)
        load("canonical", path, tenant=tenant, entity=entity, settings=self.settings)

    def build(self) -> None:
        arguments = ["build", "--exclude-resource-type", "unit_test", "test"]
        arguments += ["--select", *NODES]
        result = run_dbt(self.settings, arguments)
        assert result.succeeded, result.failures


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    home = Home(tmp_path_factory.mktemp("rows"))
    monday = "item_id,category,price\na,books,10\nb,games,\n"
    tuesday = "item_id,category,price\na,films,12\nb,games,\n"
    for tenant in ("grown", "at-once"):
        home.load(tenant, f"{EVENTS}\nu,a,click,2024-01-01\nu,b,click,2024-01-02\n")
    home.load("grown", monday, "items")
    home.build()
    home.load("at-once", monday, "items")
    for tenant in ("grown", "at-once"):
        home.load(tenant, tuesday, "items")
        home.load(tenant, f"{monday}\n", "items")

    home.load("one-less", f"{EVENTS}\n{days(20)}{days(1, time='', user='v')}")
    home.load("untimed", f"{EVENTS}\n{days(20, time='')}{days(1, user='v')}")

    home.load("renamed", f"{EVENTS}\n{days(20)}")
    home.load("renamed", f"{EVENTS.replace('interacted_at', 'occurred')}\n{days(25)}")

    numbered = "interaction_id,user_id,item_id,interacted_at\n"
    for day, user in ((1, "mon"), (2, "tue")):
        rows = [f"{n},{user}{n % 5},i{n},2024-01-0{day}" for n in range(20)]
        home.load("numbered", numbered + "\n".join(rows))

    sold = "user_id,item_id,event_type,quantity,price,interacted_at\n"
    home.load(
        "shop",
        f"{sold}u,a,purchase,2,5,2024-01-01\nu,a,purchase,-1,5,2024-01-05\n"
        "u,b,purchase,1,5,2024-01-01\nu,b,purchase,3,1,2024-01-01\n"
        "u,b,purchase,3,1,2024-01-01\nu,c,refund,1,5,2024-01-06\n",
    )

    untimed = "user_id,item_id\n"
    home.load("in-order", f"{untimed}x,z\nx,z\nx,z\nu,b\nu,a\n")
    home.load("in-order", f"{untimed}u,d\nu,c\n")

    rated = "user_id,item_id,rating,interacted_at\n"
    home.load(
        "rated",
        f"{rated}u,a,5,2024-01-01\nu,b,1,2024-01-02\n"
        "v,a,1,2024-01-01\nv,b,2,2024-01-02\nv,c,3,2024-01-03\n",
    )
    home.build()
    return home.settings


def of_tenant(settings: Settings, tenant: str, sql: str) -> list[tuple[Any, ...]]:
    return rows_of(settings, sql.replace("TENANT", f"tenant_id = '{tenant}'"))


def test_one_event_without_a_time_is_rejected_and_its_tenant_keeps_its_times(
    built: Settings,
) -> None:
    assert of_tenant(built, "one-less", "from validated.tenant_times where TENANT") == [
        ("one-less", 21, 20, True)
    ]
    assert of_tenant(
        built,
        "one-less",
        "select reasons, row_number from validated.rejected_records where TENANT",
    ) == [(["interacted_at.required"], 21)]
    tenants = dict(rows_of(built, "select tenant_id, has_times from prepared.tenants"))
    assert tenants["one-less"]
    assert not tenants["untimed"]
    assert of_tenant(
        built, "untimed", "select count(*) from prepared.interactions where TENANT"
    ) == [(21,)]
    methods = dict(
        rows_of(
            built,
            "select tenant_id, method from prepared.splits where is_first_split",
        )
    )
    assert methods["one-less"] == "global_time"
    assert methods["untimed"] == "leave_last_out"


def test_a_larger_file_with_a_renamed_time_column_takes_no_times_away(
    built: Settings,
) -> None:
    assert of_tenant(
        built, "renamed", "select has_times from prepared.tenants where TENANT"
    ) == [(True,)]
    assert of_tenant(
        built,
        "renamed",
        "select reasons, count(*) from validated.rejected_records "
        "where TENANT group by all",
    ) == [(["interacted_at.required"], 25)]


def test_returns_are_no_positives(built: Settings) -> None:
    assert of_tenant(
        built,
        "shop",
        "select item_id, event_type, is_positive, is_seen, quantity "
        "from prepared.interactions where TENANT order by interacted_at, item_id",
    ) == [
        ("a", "purchase", True, True, 2),
        ("b", "purchase", True, True, 4),
        ("a", "return", False, True, -1),
        ("c", "return", False, True, 1),
    ]


def test_a_baskets_lines_are_one_interaction_that_keeps_the_amount(
    built: Settings,
) -> None:
    assert of_tenant(
        built,
        "shop",
        "select quantity, price from prepared.interactions "
        "where TENANT and item_id = 'b'",
    ) == [(4, 2)]
    assert of_tenant(
        built,
        "shop",
        "select row_number, is_merged, is_repeat from prepared.duplicate_records "
        "where TENANT order by 1",
    ) == [(3, True, False), (4, False, True)]


def test_without_times_a_later_load_comes_after_an_earlier_one(
    built: Settings,
) -> None:
    assert of_tenant(
        built,
        "in-order",
        "select string_agg(item_id, '' order by interaction_order) "
        "from prepared.interactions where TENANT and user_id = 'u'",
    ) == [("badc",)]


def test_ids_that_start_again_are_counted(built: Settings) -> None:
    assert of_tenant(
        built,
        "numbered",
        "select checked_count, collision_count from validated.id_collisions "
        "where TENANT order by load_id",
    ) == [(20, 0), (20, 20)]


def test_a_load_that_breaks_these_rules_is_held_alone(built: Settings) -> None:
    held = rows_of(
        built,
        "select tenant_id, reason from validated.load_verdicts "
        "where verdict = 'held' order by all",
    )
    assert [tenant for tenant, _ in held] == ["numbered", "renamed"]
    assert "20 of 20" in held[0][1]
    assert "25 of 25" in held[1][1]


def test_the_same_loads_give_the_same_versions_with_and_without_a_build_between(
    built: Settings,
) -> None:
    def versions(tenant: str) -> list[tuple[Any, ...]]:
        return of_tenant(
            built,
            tenant,
            "select item_id, version, category, price from prepared.item_versions "
            "where TENANT order by all",
        )

    assert versions("grown") == [
        ("a", 1, "books", 10),
        ("a", 2, "films", 12),
        ("a", 3, "books", 10),
        ("b", 1, "games", None),
    ]
    assert versions("at-once") == versions("grown")
    assert of_tenant(
        built,
        "at-once",
        "select item_category, item_price from features.interaction_features "
        "where TENANT order by all",
    ) == [("books", 10), ("games", None)]
    assert of_tenant(
        built,
        "grown",
        "select count(*) from prepared.item_history where TENANT and valid_to is null",
    ) == [(2,)]


def test_negatives_of_a_user_without_positives_are_counted(built: Settings) -> None:
    assert of_tenant(
        built,
        "rated",
        "select explicit_negatives, unplaced_negatives "
        "from training.dataset_statistics where TENANT",
    ) == [(1, 2)]


def test_what_tenants_set_has_a_history(built: Settings) -> None:
    assert rows_of(
        built,
        "select tenant_id, negative_ratio, dbt_valid_to "
        "from seeds.tenant_settings_history",
    ) == [("*", 4, None)]
