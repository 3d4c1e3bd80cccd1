"""The quality gate: loads of broken feeds are held, with the right dimension."""

from __future__ import annotations

import datetime as dt
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import Write, make_settings, rows_of
from noting import note_build
from prometheus_client.parser import text_string_to_metric_families

from winnow.build import metrics as gauges
from winnow.build import quality
from winnow.build.build import build
from winnow.core.errors import BuildError, InputError
from winnow.core.settings import Settings
from winnow.load.pipeline import load
from winnow.warehouse.builds import SHARES

MODELS = [
    "+metrics,resource_type:model",
    "+reconciliation,resource_type:model",
    "repeated_records",
]
"""Leaves the seeds in the warehouse as a test has changed them."""
SELECT = [*MODELS, "+metrics,resource_type:seed"]
TENANTS = ("movielens", "gap", "ahead", "behind", "emptied", "twice")
HEADER = "userId,movieId,rating,timestamp\n"
NOON = int(dt.datetime(2024, 1, 1, 12, tzinfo=dt.UTC).timestamp())
YEAR = 366 * 86_400


def ratings(users: range, shift: int = 0, without: int = 0, twice: bool = False) -> str:
    """Five ratings per user; every ``without``-th has no rating."""
    rows = [
        f"{user},{movie},{'' if without and movie % without == 0 else movie},"
        f"{NOON + 86_400 * user + movie + shift}\n"
        for user in users
        for movie in range(1, 6)
    ]
    return HEADER + "".join(rows + rows if twice else rows)


MOVIES = "movieId,title,genres\n" + "".join(
    f"{movie},Film {movie} (2001),Drama\n" for movie in range(1, 6)
)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with the same sound feed of six tenants loaded and built."""
    home = tmp_path_factory.mktemp("sound")
    settings = make_settings(home)
    data = home / "data"
    data.mkdir()
    (data / "ratings.csv").write_text(ratings(range(1, 301)))
    (data / "movies.csv").write_text(MOVIES)
    for tenant in TENANTS:
        load("movielens", data, tenant=tenant, settings=settings)
    report = build(settings, SELECT)
    assert report.warnings == ()
    return home


@pytest.fixture
def home(built: Path, tmp_path: Path) -> Path:
    """A copy of the sound home, to break."""
    return Path(shutil.copytree(built, tmp_path / "home"))


@pytest.fixture(scope="module")
def broken(
    built: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Settings, dict[str, str]]:
    """A copy of the sound home in which the next feed of five tenants is broken, each
    in a way of its own, and what is said of each: why its load is held, or what stops
    the build.
    """
    home = Path(shutil.copytree(built, tmp_path_factory.mktemp("broken") / "home"))
    settings = make_settings(home)
    now = int(dt.datetime.now(dt.UTC).timestamp())
    users = range(301, 321)
    feeds = {
        "gap": ratings(users, without=2),
        "ahead": ratings(users, shift=now - NOON + YEAR),
        "behind": ratings(users, shift=now - NOON - YEAR - 320 * 86_400),
        "twice": ratings(users, twice=True),
    }
    for tenant, rows in feeds.items():
        feed = home / tenant / "ratings.csv"
        feed.parent.mkdir()
        feed.write_text(rows)
        load("movielens", feed, tenant=tenant, settings=settings)
    feed = home / "movies.csv"
    feed.write_text("movieId,title,genres\n")
    load("movielens", feed, tenant="emptied", settings=settings)
    set_limit(home, "freshness", 48 * 3600, tenant="behind")
    first, *failures = stopped(home, MODELS).split("\n  tenant ")
    assert first == "Quality stopped the build; what was published stands:"
    said: dict[str, str] = {}
    for failure in failures:
        tenant = failure.partition(",")[0]
        said[tenant] = said.get(tenant, "") + failure
    assert set(said) == {"behind"}
    return settings, said | held(settings)


def held(settings: Settings) -> dict[str, str]:
    """Why the loads that are held are, by their tenants."""
    return dict(
        rows_of(
            settings,
            "select tenant_id, reason from validated.load_verdicts "
            "where verdict = 'held' and not is_superseded",
        )
    )


def stopped(home: Path, select: Sequence[str] = SELECT) -> str:
    """What the build of a home says as it stops."""
    with pytest.raises(BuildError) as stop:
        build(make_settings(home), select)
    return str(stop.value)


def set_limit(
    home: Path, dimension: str, threshold: float, tenant: str = "movielens"
) -> None:
    """Let a tenant have a threshold of severity error."""
    with duckdb.connect(str(make_settings(home).warehouse)) as connection:
        connection.execute(
            "insert into seeds.quality_thresholds values (?, 'ratings', ?, ?, 'error')",
            [tenant, dimension, threshold],
        )


def metric(settings: Settings, dimension: str, tenant: str) -> tuple[Any, str]:
    """Value and status of a dimension of the tenant's ratings in the newest build."""
    [found] = [
        one
        for one in quality.latest_metrics(settings.warehouse)
        if (one.tenant_id, one.dimension, one.entity) == (tenant, dimension, "ratings")
    ]
    return found.value, found.status


@pytest.mark.parametrize("tenant", TENANTS)
def test_a_sound_feed_passes_and_its_shares_are_one(built: Path, tenant: str) -> None:
    settings = make_settings(built)
    for dimension in SHARES:
        assert metric(settings, dimension, tenant) == (1.0, "passed")
    assert metric(settings, "freshness", tenant)[1] == "not_judged"
    assert metric(settings, "volume", tenant) == (None, "insufficient_history")
    latency, status = metric(settings, "latency", tenant)
    assert 0 <= latency < 600
    assert status == "not_judged"


def test_what_holds_a_load_or_stops_a_build_is_said_of_the_broken_feeds_alone(
    broken: tuple[Settings, dict[str, str]],
) -> None:
    assert set(broken[1]) == {*TENANTS} - {"movielens", "emptied"}


def test_a_load_with_half_of_its_ratings_missing_is_held(
    broken: tuple[Settings, dict[str, str]],
) -> None:
    assert broken[1]["gap"] == (
        "40 of 100 records were rejected (5% may); "
        "40 of 100 values break rating.required (5% may); "
        "40 of 400 required values are missing (5% may)."
    )


def test_a_held_load_is_counted_where_it_stays_and_the_others_are_built(
    broken: tuple[Settings, dict[str, str]],
) -> None:
    went = rows_of(
        broken[0],
        "select landed_count, accepted_count, rejected_count, held_count "
        "from quality.reconciliation where tenant_id = 'gap' and entity = 'ratings' "
        "order by load_id",
    )
    assert went == [(1500, 1500, 0, 0), (100, 0, 40, 60)]
    assert rows_of(
        broken[0],
        "select tenant_id, count(*) from prepared.interactions "
        "where tenant_id in ('gap', 'behind') group by all order by all",
    ) == [("behind", 1600), ("gap", 1500)]


def test_the_same_gap_in_all_of_the_data_is_held_and_named_with_its_rows(
    settings: Settings, write: Write
) -> None:
    path = write("ratings.csv", ratings(range(1, 21), without=2))
    load("movielens", path, settings=settings)
    report = build(settings, SELECT)
    [one] = report.gate.held
    assert "values break rating.required" in one.message
    assert f"{path}, line" in one.message
    assert "winnow loads release" in one.message


def test_a_load_a_year_ahead_is_held_for_consistency(
    broken: tuple[Settings, dict[str, str]],
) -> None:
    assert broken[1]["ahead"] == (
        "100 of 100 interactions contradict the catalogue, the clock or themselves "
        "(5% may)."
    )


def test_a_feed_a_year_behind_is_stopped_for_freshness_where_the_tenant_has_a_limit(
    broken: tuple[Settings, dict[str, str]],
) -> None:
    message = broken[1]["behind"]
    assert "movielens.ratings: freshness is 8,7" in message
    assert "hours, and must be 48.0 hours or less" in message


def test_a_load_without_a_record_stops_nothing_and_has_no_shares(
    broken: tuple[Settings, dict[str, str]],
) -> None:
    of_movies = {
        one.dimension: one
        for one in quality.latest_metrics(broken[0].warehouse)
        if (one.tenant_id, one.entity) == ("emptied", "movies")
    }
    for dimension in {*SHARES} - {"consistency"}:
        one = of_movies[dimension]
        assert (one.value, one.status) == (None, "insufficient_history"), dimension
    assert of_movies["completeness"].details["empty_loads"] == 1


def test_a_load_with_every_row_twice_is_held_for_uniqueness(
    broken: tuple[Settings, dict[str, str]],
) -> None:
    assert broken[1]["twice"] == (
        "100 of 200 records repeat a key of their load (5% may)."
    )


@pytest.mark.scale
def test_a_day_without_half_of_its_rows_is_stopped_for_volume_where_it_is_an_error(
    home: Path, write: Write
) -> None:
    settings = make_settings(home)
    [(load_id,)] = rows_of(
        settings,
        "select distinct load_id from raw.movielens_ratings "
        "where tenant_id = 'movielens'",
    )
    backdate(load_id, settings, 30)
    for day in range(9):
        users = range(400 + 40 * day, 420 + 40 * day + day % 2)
        feed = write(f"day{day}/ratings-{day}.csv", ratings(users))
        backdate(load("movielens", feed, settings=settings).load_id, settings, 9 - day)
    set_limit(home, "volume", 3)
    build(settings, MODELS)
    assert metric(settings, "volume", "movielens")[1] == "passed"
    feed = write("today/ratings.csv", ratings(range(900, 910)))
    load("movielens", feed, settings=settings)
    message = stopped(home, MODELS)
    assert "movielens.ratings: volume is -" in message
    assert "and must be within 3 of the days before" in message


@pytest.mark.scale
def test_a_corrected_file_takes_the_place_of_the_broken_one(
    home: Path, write: Write, tmp_path: Path
) -> None:
    settings = make_settings(home)
    users = range(301, 321)
    feed = write("day2/ratings.csv", ratings(users, without=2))
    load("movielens", feed, settings=settings)
    build(settings, SELECT)
    assert "40 of 400 required values" in held(settings)["movielens"]
    # Without a change it is held still, and a sound load of another name goes on.
    other = write("day3/ratings-3.csv", ratings(range(331, 333)))
    load("movielens", other, settings=settings)
    build(settings, SELECT)
    assert "40 of 400 required values" in held(settings)["movielens"]
    counted = "select count(*) from prepared.interactions where tenant_id = 'movielens'"
    assert rows_of(settings, counted) == [(1510,)]
    load("movielens", write("day2/ratings.csv", ratings(users)), settings=settings)
    build(settings, SELECT)
    assert held(settings) == {}
    assert rows_of(settings, counted) == [(1610,)]
    assert metric(settings, "completeness", "movielens") == (1.0, "passed")


@pytest.mark.scale
def test_drift_of_ratings_is_reported_and_does_not_stop(
    home: Path, write: Write
) -> None:
    settings = make_settings(home)
    rows = [f"{user},1,5,{NOON + user}\n" for user in range(1000, 1200)]
    feed = write("day2/ratings.csv", HEADER + "".join(rows))
    load("movielens", feed, settings=settings)
    report = build(settings, SELECT)
    found = {one.metric.dimension for one in report.warnings}
    assert found == {"drift_rating", "drift_item_popularity"}
    assert metric(settings, "drift_event_type", "movielens") == (0.0, "passed")


def test_metrics_are_prometheus_text_with_the_tables_figures(
    broken: tuple[Settings, dict[str, str]], settings: Settings, tmp_path: Path
) -> None:
    here, _ = broken
    out = tmp_path / "textfile" / "winnow.prom"
    note_build(here, "failed", message="quality", seconds=12)
    gauges.write(here, out)
    samples = {
        (sample.name, *sorted(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(out.read_text())
        for sample in family.samples
    }
    feed_of = [("data_type", "ratings"), ("source", "movielens")]
    tenant = ("tenant_id", "gap")

    def value(
        name: str, *more: tuple[str, str], tenant: tuple[str, str] = tenant
    ) -> float:
        return samples[(name, *sorted([*feed_of, tenant, *more]))]

    assert value("data_completeness_percent") == 100
    assert value("data_validity_percent") == 100
    assert 0 < value("data_freshness_hours") < 1
    assert value("data_rows", ("verdict", "rejected")) == 40
    assert value("data_rows", ("verdict", "accepted")) == 1500
    assert value("data_rows", ("verdict", "held")) == 60
    assert {
        tenant: samples["data_held_loads", ("tenant_id", tenant)] for tenant in TENANTS
    } == dict.fromkeys(TENANTS, 0) | {"gap": 1, "ahead": 1, "twice": 1}
    failed = [("dimension", "freshness"), ("severity", "error")]
    assert value("data_quality_failed", *failed, tenant=("tenant_id", "behind")) == 1
    assert samples[("build_seconds",)] == 12
    assert samples[("build_succeeded",)] == 0
    assert "data_rows{" not in gauges.text(settings)
    assert "data_held_loads{" not in gauges.text(settings)


def test_metrics_of_a_warehouse_from_before_loads_were_held(home: Path) -> None:
    settings = make_settings(home)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("drop table validated.load_verdicts")
        for count in ("held_count", "replaced_count"):
            connection.execute(
                f"alter table quality.reconciliation drop column {count}"
            )
    text = gauges.text(settings)
    assert 'verdict="accepted"' in text
    assert 'verdict="held"' not in text
    assert "data_held_loads{" not in text


def test_while_the_warehouse_is_written_metrics_are_refused_with_a_sentence(
    home: Path,
) -> None:
    settings = make_settings(home)
    writer = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print(flush=True); "
            "sys.stdin.read()",
            settings.warehouse,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    try:
        with pytest.raises(InputError, match="is being written by process"):
            gauges.text(settings)
    finally:
        writer.kill()
        writer.communicate()


def backdate(load_id: str | None, settings: Settings, days: int) -> None:
    """Let a load have happened so many days ago."""
    with duckdb.connect(str(settings.warehouse)) as connection:
        for table in ("winnow_loaded_files", "movielens_ratings"):
            connection.execute(
                f"update raw.{table} set loaded_at = loaded_at - to_days(?) "
                "where load_id = ?",
                [days, load_id],
            )
