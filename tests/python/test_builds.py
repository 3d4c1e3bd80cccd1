"""The verdict of a build: dbt's hooks write it into the warehouse, whoever runs dbt,
and what did not pass as a whole cannot be published.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pytest
from conftest import make_settings, rows_of
from noting import note_build
from places import PROJECT_ROOT

from winnow.build import build as building
from winnow.build import unchanged
from winnow.build.dbt import DbtFailure, DbtResult, run_dbt
from winnow.build.status import lines, standing
from winnow.build.unchanged import FILE, fingerprint, remember_build, unchanged_build
from winnow.cli.main import main
from winnow.core.errors import BuildError, InputError
from winnow.core.lock import warehouse_lock
from winnow.core.settings import Settings
from winnow.evaluation.results import build_evaluation
from winnow.load.ledger import append_unloaded, read_ledger
from winnow.load.pipeline import load
from winnow.load.take_in import recover
from winnow.publish.generations import publish
from winnow.publish.published import generation_path
from winnow.warehouse.builds import Build, last_build, newest_build, unsound

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
        assert "Nothing has been built as a whole yet" in (unsound(connection) or "")


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
    found = {name for (name,) in rows_of(built, f"{of_evaluation}'evaluation'")}
    # What judges predictions is made anew with them.
    assert {
        "staging.stg_canonical__predictions",
        "validated.val_canonical__predictions",
        "validated.load_verdicts",
        "prepared.prediction_records",
    } < found
    assert not {name for name in found if name.startswith(("features.", "training."))}
    assert "prepared.interactions" not in found
    assert publish(built).generation == 1


def select(*nodes: str, command: str = "build") -> Callable[[Settings], None]:
    def run(settings: Settings) -> None:
        assert run_dbt(settings, [command, "--select", *nodes]).succeeded

    return run


def killed(settings: Settings) -> None:
    """Kill dbt when it begins its first model."""
    code = (
        "import os, signal\n"
        "from winnow.core.settings import settings\n"
        "from winnow.build.dbt import run_dbt\n"
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


def test_raw_rows_of_a_load_without_a_record_stop_a_plain_build(
    built: Settings,
) -> None:
    before = the_build(built)
    with duckdb.connect(str(built.warehouse)) as connection:
        connection.execute(
            "insert into raw.canonical_interactions by name "
            "select 'torn' as load_id, 'acme' as tenant_id from range(3)"
        )
    for is_taking, helps in ((False, "delete them"), (True, "winnow build removes")):
        with duckdb.connect(str(built.warehouse)) as connection:
            connection.execute("update raw.winnow_mark set is_taking = ?", [is_taking])
        result = run_dbt(built, WHOLE)
        assert not result.succeeded
        said = " ".join(one.message for one in result.failures)
        assert "The raw tables have 3 rows of a load that has no record" in said
        assert "(canonical_interactions, load torn)" in said
        assert helps in said
    assert the_build(built) == before
    recover(built)
    assert run_dbt(built, ["run", "--select", "tenants"]).succeeded


def test_a_plain_build_says_what_waits_in_the_lake(
    built: Settings, tmp_path: Path
) -> None:
    plain = [
        str(Path(sys.executable).parent / "dbt"),
        "seed",
        "--select",
        "tenant_settings",
    ]
    folders = ["--profiles-dir", str(PROJECT_ROOT), "--target-path", str(built.target)]

    def said() -> str:
        done = subprocess.run(
            [*plain, *folders, "--log-path", str(built.state)],
            env=os.environ | built.environment(),
            cwd=PROJECT_ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout
        return str(done.stdout)

    assert "not taken in yet" not in said()
    more = tmp_path / "more.csv"
    more.write_text(EVENTS.replace("\ne", "\nf"))
    with warehouse_lock(built):
        load("canonical", str(more), tenant="acme", settings=built)
    assert "1 entry of the landing lake's ledger not taken in yet" in said()


def load_more(settings: Settings, folder: Path, tenant: str) -> str:
    """Land a small file while the warehouse is in use; the load's id."""
    path = folder / f"{tenant}.csv"
    path.write_text(EVENTS.replace("\ne", "\nf"))
    with warehouse_lock(settings):
        result = load("canonical", str(path), tenant=tenant, settings=settings)
    assert result.load_id is not None
    return result.load_id


def test_status_tells_what_waits_and_what_is_published(
    built: Settings, tmp_path: Path
) -> None:
    publish(built)
    found = standing(built)
    assert found.build == the_build(built)
    assert found.published is not None
    assert (found.published.number, found.published.is_outdated) == (1, False)
    assert found.published.age_seconds is not None
    assert (found.waiting, found.tenants_not_built, found.held) == ([], [], [])
    assert (found.unpublishable, found.busy) == (None, None)
    assert found.disk["warehouse"] >= built.warehouse.stat().st_size
    assert found.disk["published"] > 0 < found.disk["lake"]
    added = load_more(built, tmp_path, "other")
    [first] = [one for one in read_ledger(built.lake).loads if one != added]
    append_unloaded(built.lake, [first], [], "a mistake")
    found = standing(built)
    assert {one.load_id: one.what for one in found.waiting} == {
        added: "landed",
        first: "unloaded",
    }
    assert found.tenants_not_built == ["other"]
    said = "\n".join(lines(found))
    assert "The last build passed at" in said
    assert "1 load (57 records; tenants: other) waiting for a build." in said
    assert "unloaded, leaving with the next build" in said
    assert "Loaded, and in no build that passed: other." in said
    # A second build that passed has not been published.
    note_build(built)
    assert "has a newer build that passed" in "\n".join(lines(standing(built)))


def test_status_works_while_the_warehouse_is_written(
    built: Settings, tmp_path: Path, winnow_of: Callable[..., tuple[int, str]]
) -> None:
    publish(built)
    load_more(built, tmp_path, "other")
    code = (
        "import sys, duckdb; from winnow.core.lock import warehouse_lock\n"
        "from winnow.core.settings import settings\n"
        "with warehouse_lock(settings()), duckdb.connect(sys.argv[1]):\n"
        "    print(flush=True); sys.stdin.read()"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(built.warehouse)],
        env=os.environ | built.environment(),
        cwd=PROJECT_ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    try:
        status, said = winnow_of(built, "status")
        assert status == 0
        assert f"Process {writer.pid} has the warehouse" in said
        assert "The build that is published passed at" in said
        assert "waiting for a build" in said
        assert "What was built" not in said
    finally:
        writer.communicate()
    assert "What was built" in winnow_of(built, "status")[1]


@pytest.fixture
def winnow_of(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Runs the command line on a warehouse; its status, and all that it printed."""

    def run(settings: Settings, *arguments: str) -> tuple[int, str]:
        for name, value in settings.environment().items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr(sys, "argv", ["winnow", *arguments])
        capfd.readouterr()
        with pytest.raises(SystemExit) as done:
            main()
        return int(done.value.code or 0), "".join(capfd.readouterr())

    return run


@pytest.fixture
def remembered(built: Settings) -> Settings:
    """A build that was published and remembered."""
    publish(built)
    remember_build(built, fingerprint(built))
    assert unchanged_build(built, fingerprint(built)) == the_build(built)
    return built


def replace_generation(settings: Settings) -> None:
    path = generation_path(settings.published, 1)
    path.write_bytes(path.read_bytes()[:-1])


@pytest.mark.parametrize(
    "change",
    [
        lambda settings: rows_changed(settings, "delete from training.positives"),
        lambda settings: rows_changed(
            settings, "update raw.winnow_mark set lake_id = 'x'"
        ),
        note_build,
        lambda settings: append_unloaded(
            settings.lake, list(read_ledger(settings.lake).loads), [], "a mistake"
        ),
        lambda settings: settings.warehouse.touch(),
        lambda settings: shutil.rmtree(settings.published),
        replace_generation,
        lambda settings: (settings.state / FILE).unlink(),
        lambda settings: (settings.state / FILE).write_text("{}"),
        lambda settings: settings.warehouse.with_name(
            f"{settings.warehouse.name}.wal"
        ).touch(),
    ],
)
def test_what_was_touched_since_a_build_is_built_anew(
    remembered: Settings, change: Callable[[Settings], object]
) -> None:
    change(remembered)
    assert unchanged_build(remembered, fingerprint(remembered)) is None


def test_a_load_and_other_code_are_built_anew(
    remembered: Settings, tmp_path: Path
) -> None:
    assert unchanged_build(remembered, "another") is None
    load_more(remembered, tmp_path, "other")
    assert unchanged_build(remembered, fingerprint(remembered)) is None
    # Not even where a build that left it out is remembered.
    remember_build(remembered, fingerprint(remembered))
    assert unchanged_build(remembered, fingerprint(remembered)) is None


def rows_changed(settings: Settings, sql: str) -> None:
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(sql)
    remember = json.loads((settings.state / FILE).read_text())
    assert remember["warehouse"][0] == settings.warehouse.stat().st_ino


def test_the_fingerprint_is_of_the_files_the_code_and_the_settings(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dbt_project.yml").write_text("model-paths: [models, mine]\n")
    (tmp_path / "mine").mkdir()
    model = tmp_path / "mine" / "a.sql"
    model.write_text("select {{ env_var('MINE', '1') }}")
    monkeypatch.setattr(unchanged, "_code", lambda: {"winnow": tmp_path / "code"})
    (tmp_path / "code").mkdir()
    seen = [fingerprint(settings, tmp_path)]
    model.touch()
    (tmp_path / "code" / "a.pyc").write_text("compiled")
    (tmp_path / "README.md").write_text("other")
    assert fingerprint(settings, tmp_path) == seen[0]

    def changed() -> bool:
        seen.append(fingerprint(settings, tmp_path))
        return seen[-1] not in seen[:-1]

    model.write_text("select {{ env_var('MINE', '2') }}")
    assert changed()
    model.rename(model.with_name("b.sql"))
    assert changed()
    (tmp_path / "profiles.yml").write_text("{}")
    assert changed()
    (tmp_path / "code" / "a.py").write_text("1")
    assert changed()
    monkeypatch.setenv("MINE", "3")
    assert changed()
    settings.threads += 1
    assert changed()
    monkeypatch.setattr(unchanged, "version", lambda _name: "0")
    assert changed()


@pytest.mark.parametrize("is_held", [False, True])
def test_nothing_is_built_where_nothing_has_changed(
    remembered: Settings,
    winnow_of: Callable[..., tuple[int, str]],
    monkeypatch: pytest.MonkeyPatch,
    is_held: bool,
) -> None:
    def run(*_arguments: object, **_options: object) -> DbtResult:
        return DbtResult(False, 0, (DbtFailure("ran", "dbt", None),))

    monkeypatch.setattr(building, "run_dbt", run)
    if is_held:
        with duckdb.connect(str(remembered.warehouse)) as connection:
            connection.execute(
                "update validated.load_verdicts set verdict = 'held', reason = 'bad'"
            )
        remember_build(remembered, fingerprint(remembered))
    status, said = winnow_of(remembered, "build")
    assert status == int(is_held)
    assert "Nothing has changed since the last build, which passed at" in said
    assert "`winnow build --full`" in said
    assert ("is held, and none of its" in " ".join(said.split())) == is_held
    assert len(list(remembered.published.glob("gen-*.duckdb"))) == 1
    for arguments in (["--full"], ["--select", "users"]):
        status, said = winnow_of(remembered, "build", *arguments)
        assert (status, "ran: dbt" in said) == (1, True)


@pytest.mark.parametrize("verdict", ["failed", "running"])
def test_status_after_a_failure_tells_of_nothing_that_was_built(
    built: Settings, winnow_of: Callable[..., tuple[int, str]], verdict: str
) -> None:
    publish(built)
    note_build(built, verdict, message="users: a key is missing")
    status, said = winnow_of(built, "status")
    assert status == 0
    assert "What was built" not in said
    how = {"failed": "failed at", "running": "began at"}[verdict]
    assert f"The last build {how}" in said
    assert "The warehouse as it is cannot be published." in said
    assert "Published: generation 1" in said
    document = json.loads(winnow_of(built, "status", "--json")[1])
    assert document["build"]["verdict"] == verdict
    assert document["is_publishable"] is False
    assert document["tenants"] == []


def test_a_build_of_nothing_publishes_nothing_and_says_so(
    settings: Settings, winnow_of: Callable[..., tuple[int, str]], tmp_path: Path
) -> None:
    assert "Nothing has been built yet" in winnow_of(settings, "status")[1]
    status, said = winnow_of(settings, "build")
    assert status == 0, said
    assert "Nothing that is loaded counts, so that nothing was published." in said
    assert not settings.published.exists()
    with pytest.raises(InputError, match="has no row that counts"):
        publish(settings)
    # A load that is held does not count either.
    path = tmp_path / "interactions.csv"
    path.write_text("user_id,item_id,rating\na,b,many\nc,d,few\n")
    assert winnow_of(settings, "load", "canonical", str(path), "--tenant", "t")[0] == 0
    status, said = winnow_of(settings, "build")
    assert status == 1, said
    assert "so that nothing was published." in said
    assert not settings.published.exists()


def test_a_count_that_does_not_add_up_is_not_published(built: Settings) -> None:
    for spoil, said in (
        (
            "update quality.reconciliation set accepted_count = accepted_count - 2",
            r"57 records landed, but 55 accepted \+ .* came out",
        ),
        (
            "delete from prepared.interactions where interaction_id = 'e1-1'",
            r"Tenant acme: 57 records are accepted by .* have 56",
        ),
        (
            "update raw.winnow_loaded_files set record_count = record_count + 4",
            r"the loaders landed 61 records, and quality.reconciliation says 57",
        ),
        (
            "delete from quality.reconciliation; delete from prepared.interactions; "
            "delete from prepared.users; delete from prepared.items",
            r"the loaders landed 57 records, and .* does not know the load",
        ),
    ):
        copy = make_settings(built.warehouse.parent / "spoilt")
        shutil.copytree(built.warehouse.parent, copy.warehouse.parent)
        with duckdb.connect(str(copy.warehouse)) as connection:
            connection.execute(spoil)
        with pytest.raises(BuildError, match=said):
            publish(copy)
        shutil.rmtree(copy.warehouse.parent)
    assert publish(built).generation == 1


def test_a_program_that_writes_by_hand_ends_a_publish_with_a_sentence(
    built: Settings,
) -> None:
    code = (
        "import sys, time, duckdb\n"
        "print(flush=True)\n"
        "end = time.monotonic() + 6\n"
        "while time.monotonic() < end:\n"
        "    try:\n"
        "        with duckdb.connect(sys.argv[1]) as connection:\n"
        "            connection.execute('set checkpoint_threshold = 0')\n"
        "            connection.execute('create or replace table main.mine as '\n"
        "                'select range as n from range(200000)')\n"
        "    except duckdb.Error:\n"
        "        pass\n"
    )
    writer = subprocess.Popen(
        [sys.executable, "-c", code, str(built.warehouse)], stdout=subprocess.PIPE
    )
    assert writer.stdout is not None
    writer.stdout.readline()
    published = 0
    try:
        while writer.poll() is None:
            began = time.monotonic()
            try:
                published = publish(built, keep=1).generation
            except InputError as error:
                assert str(error).startswith("The warehouse")
            assert time.monotonic() - began < 10
    finally:
        writer.communicate()
    number = publish(built, keep=1).generation
    assert number > published
    with duckdb.connect(str(generation_path(built.published, number))) as connection:
        counted = connection.execute("select count(*) from prepared.interactions")
        assert counted.fetchall() == [(57,)]
