"""The verdict of a build: dbt's hooks write it into the warehouse, whoever runs dbt,
and what did not pass as a whole cannot be published.
"""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from conftest import make_settings, rows_of

from ingest.contracts import PROJECT_ROOT
from ingest.errors import BuildError, InputError
from ingest.pipeline import load
from ingest.settings import Settings
from winnow.builds import Build, last_build, newest_build, unsound
from winnow.dbt import run_dbt
from winnow.evaluation import build_evaluation
from winnow.publish import publish

WHOLE = ("build", "--exclude-resource-type", "unit_test")

EVENTS = "interaction_id,user_id,item_id,event_type,rating,interacted_at\n" + "".join(
    f"e{user}-{item},u{user},i{item},purchase,5,{1_700_000_000 + 100 * item + user}\n"
    for user in range(8)
    for item in range(user % 3, 8)
)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse that a plain ``dbt build`` made, to be copied."""
    home = tmp_path_factory.mktemp("builds")
    settings = make_settings(home)
    events = home / "events.csv"
    events.write_text(EVENTS)
    load("canonical", str(events), tenant="acme", settings=settings)
    result = run_dbt(settings, WHOLE)
    assert result.succeeded, result.failures
    return home


@pytest.fixture
def built(home: Path, tmp_path: Path) -> Settings:
    settings = make_settings(tmp_path / "built")
    shutil.copytree(home, tmp_path / "built")
    return settings


@pytest.fixture
def small(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Notes of a build that passed, of one table a layer, in memory."""
    with duckdb.connect() as connection:
        connection.execute(
            "create schema quality; create table quality.builds (build_id varchar, "
            "command varchar, verdict varchar, message varchar, ledger_number bigint, "
            "is_whole boolean, started_at timestamp, ended_at timestamp); "
            "create table quality.build_tables "
            "(layer varchar, table_name varchar, build_id varchar); "
            "insert into quality.builds values ('one', 'build', 'passed', null, null, "
            "true, '2024-01-01 10:00', '2024-01-01 10:05'); "
            "insert into quality.build_tables values "
            "('prepared', 'prepared.users', 'one'), "
            "('training', 'training.examples', 'one'), "
            "('evaluation', 'evaluation.metrics', 'one'), "
            "('evaluation', 'prepared.prediction_records', 'one')"
        )
        yield connection


def add(
    connection: duckdb.DuckDBPyConnection,
    verdict: str,
    tables: str = "",
    *,
    build_id: str = "two",
    whole: bool = False,
    message: str | None = None,
) -> None:
    """Note a later build of the tables whose name is like ``tables``."""
    connection.execute(
        "insert into quality.builds values (?, 'run', ?, ?, null, ?, "
        "'2024-01-02 10:00', case when ? <> 'running' then timestamp "
        "'2024-01-02 10:05' end)",
        [build_id, verdict, message, whole, verdict],
    )
    connection.execute(
        "update quality.build_tables set build_id = ? where table_name like ?",
        [build_id, tables],
    )


def test_a_build_that_passed_as_a_whole_is_sound(
    small: duckdb.DuckDBPyConnection,
) -> None:
    assert unsound(small) is None
    build = newest_build(small)
    assert build is not None
    assert (build.passed, build.seconds) == (True, 300)
    assert build.outcome == "passed at 2024-01-01 10:05 UTC"


@pytest.mark.parametrize(
    ("verdict", "tables", "whole", "said"),
    [
        ("passed", "%", True, None),
        ("failed", "%", True, "failed at 2024-01-02 10:05 UTC: broken."),
        ("running", "%", True, "began at 2024-01-02 10:00 UTC and did not end."),
        ("passed", "%.users", False, "prepared.users were made by another run"),
        ("passed", "training.%", False, "(dbt run); `winnow build` makes"),
        ("failed", "%.users", False, "(dbt run, which failed)"),
        ("running", "%.users", False, "(dbt run, which did not end)"),
        ("passed", "%metrics", False, None),
        ("passed", "%prediction%", False, None),
        ("failed", "%metrics", False, "`winnow evaluate` or `winnow build`"),
        ("running", "%prediction%", False, "`winnow evaluate` or `winnow build`"),
        ("failed", "", False, None),
    ],
)
def test_what_a_later_run_makes_of_it(
    small: duckdb.DuckDBPyConnection,
    verdict: str,
    tables: str,
    whole: bool,
    said: str | None,
) -> None:
    add(small, verdict, tables, whole=whole, message="broken.\nmore")
    reason = unsound(small)
    assert (reason is None) == (said is None)
    assert (said or "") in (reason or "")


def test_a_run_that_passes_takes_nothing_back_of_an_earlier_failure(
    small: duckdb.DuckDBPyConnection,
) -> None:
    add(small, "failed", "%prediction%")
    add(small, "passed", "%metrics", build_id="three")
    assert "prediction_records" in (unsound(small) or "")
    add(small, "passed", "%prediction%", build_id="four")
    assert unsound(small) is None


def test_a_warehouse_without_notes_is_not_sound() -> None:
    with duckdb.connect() as connection:
        assert newest_build(connection) is None
        assert "Not everything has been built yet" in (unsound(connection) or "")


def the_build(settings: Settings) -> Build:
    build = last_build(settings)
    assert build is not None
    return build


def test_a_plain_dbt_build_notes_its_verdict(built: Settings) -> None:
    build = the_build(built)
    assert (build.command, build.verdict, build.message) == ("build", "passed", None)
    assert (build.seconds or 0) > 0
    made = rows_of(
        built,
        "select schema_name || '.' || table_name from duckdb_tables() "
        "where schema_name not in ('raw', 'main') "
        "and table_name not in ('builds', 'build_tables') union all "
        "select schema_name || '.' || view_name from duckdb_views() where not internal",
    )
    noted = rows_of(built, "select table_name, build_id from quality.build_tables")
    assert sorted(noted) == sorted((*name, build.build_id) for name in made)
    of_evaluation = "select table_name from quality.build_tables where layer = "
    assert {
        name
        for (name,) in rows_of(built, f"{of_evaluation}'evaluation'")
        if not name.startswith("evaluation.")
    } == {
        "staging.stg_canonical__predictions",
        "validated.val_canonical__predictions",
        "prepared.prediction_records",
    }
    assert publish(built).generation == 1


def select(*nodes: str, command: str = "build") -> Callable[[Settings], None]:
    def run(settings: Settings) -> None:
        assert run_dbt(settings, [command, "--select", *nodes]).succeeded

    return run


def killed(settings: Settings) -> None:
    """Kill dbt when it begins its first model."""
    code = (
        "import os, signal\n"
        "from ingest.settings import settings\n"
        "from winnow.dbt import run_dbt\n"
        "run_dbt(settings(), ['run'], lambda *_: os.kill(os.getpid(), signal.SIGKILL))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | settings.environment(),
        cwd=PROJECT_ROOT,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL


@pytest.mark.parametrize(
    ("step", "said"),
    [
        (select("users"), "Since the last build prepared.users were made by another"),
        (
            select("tenant_settings", command="seed"),
            r"seeds.tenant_settings .*dbt seed",
        ),
        (killed, r"dbt run, which did not end"),
    ],
    ids=["selected", "a seed", "killed"],
)
def test_what_is_made_anew_in_part_is_not_published(
    built: Settings, step: Callable[[Settings], None], said: str
) -> None:
    step(built)
    with pytest.raises(BuildError, match=said):
        publish(built)
    assert not built.published.exists() or not any(built.published.iterdir())


def test_evaluating_leaves_a_build_publishable(built: Settings) -> None:
    before = the_build(built)
    build_evaluation(built)
    assert the_build(built) == before
    with duckdb.connect(str(built.warehouse), read_only=True) as connection:
        newest = newest_build(connection, whole=False)
    assert newest is not None
    assert newest.build_id != before.build_id
    assert publish(built).generation == 1


def test_a_failed_evaluation_is_not_published_and_says_so(built: Settings) -> None:
    with duckdb.connect(str(built.warehouse)) as connection:
        connection.execute("alter table training.positives rename to elsewhere")
    with pytest.raises(BuildError):
        build_evaluation(built)
    assert the_build(built).passed
    with pytest.raises(BuildError, match=r"failed\); `winnow evaluate`"):
        publish(built)
    with duckdb.connect(str(built.warehouse)) as connection:
        connection.execute("alter table training.elsewhere rename to positives")
    build_evaluation(built)
    assert publish(built).generation == 1


def test_a_whole_build_with_a_failed_test_is_a_failed_build(built: Settings) -> None:
    with duckdb.connect(str(built.warehouse)) as connection:
        # A record that the log has and no table has: the reconciliation fails.
        connection.execute(
            "update raw.winnow_loaded_files set record_count = record_count + 1"
        )
    assert not run_dbt(built, WHOLE).succeeded
    build = the_build(built)
    assert build.verdict == "failed"
    assert "assert_every_landed_record_is_accounted_for" in (build.message or "")
    with pytest.raises(BuildError, match=r"The last build failed at .*accounted"):
        publish(built)


@pytest.mark.parametrize(
    "variables",
    [
        {"DBT_EMPTY": "true"},
        {"DBT_ENGINE_EMPTY": "true"},
        {"DBT_RESOURCE_TYPES": "model"},
        {"DBT_EXCLUDE_RESOURCE_TYPES": "test"},
        {"DBT_TARGET": "nowhere", "DBT_PROFILE": "nobody", "DBT_FAIL_FAST": "true"},
    ],
    ids="+".join,
)
def test_variables_of_dbt_do_not_reach_a_build(
    built: Settings, variables: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("DBT_ENV_SECRET_TOKEN", "kept")
    result = run_dbt(built, ["build", "--select", "users"])
    assert result.succeeded, result.failures
    assert rows_of(built, "select count(*) from prepared.users") == [(8,)]
    tests = [one for one in result.value.results if "test." in one.node.unique_id]
    assert len(tests) > 1
    assert {name: os.environ.get(name) for name in variables} == variables
    assert os.environ["DBT_ENV_SECRET_TOKEN"] == "kept"


def test_an_empty_plain_build_is_not_whole(built: Settings) -> None:
    before = the_build(built)
    run_dbt(built, ["build", "--empty", "--select", "users"])
    assert run_dbt(built, [*WHOLE, "--empty"]).nodes > 0
    assert the_build(built) == before
    with pytest.raises(BuildError, match="were made by another run"):
        publish(built)


def test_a_reader_does_not_make_a_build_failed(built: Settings) -> None:
    before = the_build(built)
    code = "import sys, duckdb; c = duckdb.connect(sys.argv[1], read_only=True); "
    reader = subprocess.Popen(
        [
            *(sys.executable, "-c"),
            f"{code} print(flush=True); sys.stdin.read()",
            str(built.warehouse),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert reader.stdout is not None
    reader.stdout.readline()
    try:
        assert not run_dbt(built, WHOLE).succeeded
        with pytest.raises(InputError):
            publish(built)
    finally:
        reader.communicate()
    assert the_build(built) == before
    assert publish(built).generation == 1
