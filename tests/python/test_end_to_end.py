"""The commands of the README, run as a user runs them, on sample data."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Command, rows_of
from homes import Winnow, make_environment, make_winnow, query
from places import PROJECT_ROOT
from scipy.stats import chisquare

from winnow import connect as winnow_connect
from winnow.core.settings import Settings

FEEDS = ("retail", "likes")
NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "winnow")
BUILT_SCHEMAS = (
    "validated",
    "prepared",
    "features",
    "training",
    "evaluation",
    "quality",
)


def checksums(home: Path) -> dict[str, tuple[int, Any]]:
    """Row count and order-free checksum of every table and view that dbt builds, but
    for those that are a history of builds.
    """
    tables = query(
        home,
        "select table_schema || '.' || table_name from information_schema.tables "
        f"where table_schema in {BUILT_SCHEMAS} "
        "and (table_schema, table_name) not in (('quality', 'metrics'), "
        "('quality', 'builds'), ('quality', 'build_tables')) order by all",
    )
    assert len(tables) > 30
    return {
        table: query(
            home, f"select count(*), sum(hash(cast(t as varchar))) from {table} as t"
        )[0]
        for (table,) in tables
    }


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, Any]]:
    """A home with small sample data and two small feeds of a user's own loaded and
    built, and the sample's manifest.
    """
    home = tmp_path_factory.mktemp("sample")
    winnow = make_winnow(home)
    out = home / "sample-data"
    winnow(
        "sample-data", out, "--users", "300", "--items", "200", "--interactions", "6000"
    )
    winnow("load", "canonical", out / "canonical", "--tenant", "shop")
    winnow("load", "recomart", out / "recomart")
    load_feeds(home, winnow)
    done = winnow("build")
    assert "shop" in done.stdout
    return home, json.loads((out / "manifest.json").read_text())


def test_nobody_else_may_read_what_was_made(
    sample: tuple[Path, dict[str, Any]],
) -> None:
    home, _ = sample
    own = [path for path in home.rglob("*") if not path.is_symlink()]
    top = {path.relative_to(home).parts[0] for path in own}
    assert {"winnow.duckdb", "lake", "state", "target", "published"} <= top
    seen_by_others = [
        str(path)
        for path in own
        if path.stat().st_mode & 0o007
        and path.name not in ("orders.csv", "interactions.csv")
    ]
    assert seen_by_others == []


def load_feeds(home: Path, winnow: Winnow) -> None:
    """Two files as users have them: columns of their own names, and a bad row."""
    lines = ["CustomerID,StockCode,InvoiceDate,Quantity"]
    lines += [
        f"{17850 + user},{80000 + (user * 7 + day * 3) % 40},12/{day}/2010 8:{day:02},2"
        for user in range(30)
        for day in range(1, 29)
    ]
    orders = home / "orders.csv"
    orders.write_text("\r\n".join(lines))
    winnow(
        *("load", "canonical", orders, "--tenant", "retail"),
        *("--map", "user_id=CustomerID", "--map", "item_id=StockCode"),
        *("--map", "interacted_at=InvoiceDate", "--map", "quantity=Quantity"),
    )
    rows = [
        f"u{row % 50},i{row % 83},like,{1_700_000_000 + row}" for row in range(1000)
    ]
    rows[500] = "u1,i1,like,tomorrow"
    likes = home / "interactions.csv"
    likes.write_text("user_id,item_id,event_type,interacted_at\n" + "\n".join(rows))
    winnow("load", "canonical", likes, "--tenant", "likes")


IMPORTED = """
import sys
from winnow.cli.main import app
for line in sys.stdin.read().splitlines():
    status = app(line.split(), standalone_mode=False)
    assert not status, (line, status)
    print(line, "great_expectations" in sys.modules, sep=": ", file=sys.stderr)
"""


def test_only_documents_of_great_expectations_import_it(
    sample: tuple[Path, dict[str, Any]], tmp_path: Path
) -> None:
    """The build of ``sample`` ran where it cannot be imported."""
    home, _ = sample
    shutil.copytree(home, tmp_path / "home")
    ratings = tmp_path / "ratings.csv"
    ratings.write_text("user_id,item_id,rating\nu,i,4\n")
    environment = make_environment(tmp_path / "home")
    (tmp_path / "home" / "absent" / "great_expectations.py").unlink()
    lines = [
        *("status", "metrics", "loads list", "rejected list"),
        f"validate canonical {ratings}",
        f"load canonical {ratings} --tenant new",
        f"export {tmp_path / 'out'} --tenant shop",
        "publish",
    ]
    documents = f"validate canonical {ratings} --docs {tmp_path / 'docs'}"
    done = subprocess.run(
        [sys.executable, "-c", IMPORTED],
        input="\n".join([*lines, documents]),
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = [
        one for one in done.stderr.splitlines() if one.endswith((": True", ": False"))
    ]
    assert told == [*(f"{line}: False" for line in lines), f"{documents}: True"]
    assert sorted(one.name for one in (tmp_path / "docs").iterdir()) == [
        "index.html",
        "suites",
        "validations",
    ]


def test_every_dirty_row_of_the_sample_is_refused_for_its_own_reason(
    sample: tuple[Path, dict[str, Any]],
) -> None:
    home, manifest = sample
    found: dict[tuple[str, str], Counter[str]] = {}
    for source, entity, reason, count in query(
        home,
        "select source, entity, reason, count(*) "
        "from validated.rejected_records, unnest(reasons) as r (reason) "
        f"where tenant_id not in {FEEDS} group by all",
    ):
        found.setdefault((source, entity), Counter())[reason] = count
    expected = {
        (file["source"], file["entity"]): Counter(file["rejected"])
        for file in manifest["files"].values()
        if file["rejected"]
    }
    assert found == expected


def test_duplicates_and_accepted_rows_of_the_sample_are_counted_exactly(
    sample: tuple[Path, dict[str, Any]],
) -> None:
    home, manifest = sample
    counted = {
        (source, entity): (accepted, duplicates)
        for source, entity, accepted, duplicates in query(
            home,
            "select source, entity, sum(accepted_count), sum(duplicate_count) "
            f"from quality.reconciliation where tenant_id not in {FEEDS} group by all",
        )
    }
    assert counted == {
        (file["source"], file["entity"]): (file["clean"], file["duplicates"])
        for file in manifest["files"].values()
    }


def test_every_positive_has_four_negatives_that_its_user_never_touched(
    sample: tuple[Path, dict[str, Any]],
) -> None:
    home, _ = sample
    positives, negatives, shortfall = query(
        home,
        "select sum(positives), sum(negatives), sum(shortfall) "
        "from training.dataset_statistics",
    )[0]
    assert positives > 1000
    assert negatives == 4 * positives - shortfall
    touched = query(
        home,
        "select count(*) from training.negatives "
        "semi join prepared.interactions using (tenant_id, user_id, item_id)",
    )
    assert touched == [(0,)]


def test_user_and_item_keys_equal_pythons_uuid5(
    sample: tuple[Path, dict[str, Any]],
) -> None:
    home, _ = sample
    for entity in ("user", "item"):
        rows = query(
            home,
            f"select tenant_id, {entity}_id, {entity}_uuid from prepared.{entity}s",
        )
        assert len(rows) > 100
        for tenant, key, found in rows:
            assert found == uuid.uuid5(NAMESPACE, f"{entity}\x1f{tenant}\x1f{key}")


def dbt_build(home: Path, **extra: str) -> None:
    """Plain ``dbt build``, unit tests and all."""
    dbt = Path(sys.executable).with_name("dbt")
    done = subprocess.run(
        [dbt, "build", "--profiles-dir", PROJECT_ROOT, "--project-dir", PROJECT_ROOT],
        env=make_environment(home)
        | {"DBT_TARGET_PATH": str(home), "DBT_LOG_PATH": str(home)}
        | extra,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:]


def test_building_again_with_plain_dbt_and_one_thread_gives_identical_tables(
    sample: tuple[Path, dict[str, Any]],
) -> None:
    home, _ = sample
    first = checksums(home)
    dbt_build(home, WINNOW_THREADS="1", WINNOW_DUCKDB_THREADS="1")
    assert checksums(home) == first
    # Only quality.metrics has grown: every build adds its figures.
    builds = query(
        home,
        "select build_id, count(*), bool_and(status != 'failed' or severity = 'warn') "
        "from quality.metrics group by build_id",
    )
    assert len(builds) >= 2
    assert {(count, passed) for _, count, passed in builds} == {(builds[0][1], True)}


def test_what_a_build_publishes_is_read_while_the_warehouse_is_written(
    sample: tuple[Path, dict[str, Any]],
) -> None:
    home, _ = sample
    settings = Settings(published=home / "published")
    with (
        duckdb.connect(str(home / "winnow.duckdb")),
        winnow_connect(settings) as published,
    ):
        found = published.execute("select count(*) from training.examples").fetchone()
    assert found == query(home, "select count(*) from training.examples")[0]


def test_views_run_in_a_database_of_any_name(
    sample: tuple[Path, dict[str, Any]],
) -> None:
    home, _ = sample
    views = query(
        home,
        "select schema_name || '.' || view_name from duckdb_views() where not internal",
    )
    assert len(views) > 15
    with duckdb.connect() as connection:
        for name in ("winnow.duckdb", "published/gen-1.duckdb"):
            connection.execute(f"attach '{home / name}' as other (read_only)")
            for (view,) in views:
                connection.execute(f"from other.{view} limit 1").fetchall()
            connection.execute("detach other")


@pytest.mark.scale
def test_a_fresh_clone_with_nothing_loaded_passes_plain_dbt_build(
    tmp_path: Path,
) -> None:
    dbt_build(tmp_path)
    assert query(tmp_path, "select count(*) from training.examples") == [(0,)]


def test_a_csv_with_its_own_column_names_reaches_the_training_examples(
    sample: tuple[Path, dict[str, Any]],
) -> None:
    home, _ = sample
    assert query(
        home,
        "select count(*), min(interacted_at)::varchar, max(interacted_at)::varchar, "
        "sum(quantity) from prepared.interactions where tenant_id = 'retail'",
    ) == [(840, "2010-12-01 08:01:00", "2010-12-28 08:28:00", 1680)]
    labels = query(
        home,
        "select label, count(*) from training.examples where tenant_id = 'retail' "
        "group by 1 order by 1",
    )
    assert labels == [(0, 4 * 840), (1, 840)]


def test_one_bad_row_in_a_thousand_is_refused_alone(
    sample: tuple[Path, dict[str, Any]],
) -> None:
    home, _ = sample
    assert query(
        home,
        "select tenant_id, reasons, raw_record->>'interacted_at', row_number, "
        f"line_number from validated.rejected_records where tenant_id in {FEEDS}",
    ) == [("likes", ["interacted_at.type"], "tomorrow", 501, 502)]
    assert query(
        home, "select count(*) from prepared.interactions where tenant_id = 'likes'"
    ) == [(999,)]


def test_a_load_that_is_mostly_bad_is_held_and_told_with_its_rows(
    winnow: Command, settings: Settings, tmp_path: Path
) -> None:
    feed = tmp_path / "interactions.csv"
    feed.write_text(
        "user_id,item_id,event_type,interacted_at\n"
        + "".join(
            f"{'' if row % 2 else 'u'},i{row},view,2024-01-01T00:00:00Z\n"
            for row in range(100)
        )
    )
    assert winnow("load", "canonical", feed, "--tenant", "broken")[0] == 0
    code, out, _ = winnow("build")
    assert code == 1
    said = " ".join(out.split())
    assert "tenant broken, canonical.interactions: load" in said
    assert "50 of 100 values break user_id.required (5% may)" in said
    for line in (3, 5, 7, 9, 11):
        assert f"interactions.csv, line {line}: user_id is missing" in said
    assert "line 13" not in said
    assert rows_of(settings, "select count(*) from prepared.interactions") == [(0,)]


def test_every_untouched_item_is_equally_likely_to_be_drawn(
    sample: tuple[Path, dict[str, Any]],
) -> None:
    """Chi-square over tenths of the items by id, and again by popularity."""
    home, _ = sample
    for order in ("item_id", "touches, item_id"):
        tenths = query(
            home,
            f"""
            with items as (
                select item_id, ntile(10) over (order by {order}) as tenth
                from (
                    select i.item_id, count(n.item_id) as touches
                    from prepared.items as i
                    left join prepared.interactions as n using (tenant_id, item_id)
                    where i.tenant_id = 'shop'
                    group by all
                )
            ),
            expected as (
                select tenth, sum(positive_count * negative_ratio / pool_size)
                    as expected
                from training.user_pools cross join items
                where tenant_id = 'shop' and (user_id, item_id) not in (
                    select (user_id, item_id)
                    from prepared.interactions where tenant_id = 'shop'
                )
                group by tenth
            ),
            drawn as (
                select tenth, count(*) as drawn
                from training.negatives join items using (item_id)
                where tenant_id = 'shop'
                group by tenth
            )
            select drawn, expected from drawn join expected using (tenth)
            """,
        )
        drawn = [float(row[0]) for row in tenths]
        expected = [float(row[1]) for row in tenths]
        assert len(tenths) == 10
        assert sum(drawn) == pytest.approx(sum(expected))
        assert chisquare(drawn, expected).pvalue > 0.001
