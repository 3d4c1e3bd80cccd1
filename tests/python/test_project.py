"""A project of one's own: what ``winnow init`` writes, and a new source in it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from conftest import Command, Query
from documented import commands
from places import PROJECT_ROOT

from winnow.build.dbt import run_dbt
from winnow.cli import project as project_commands
from winnow.core.errors import InputError
from winnow.core.settings import Settings
from winnow.demo.project import write_project

CONTRIBUTING = PROJECT_ROOT / "CONTRIBUTING.md"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project that ``winnow init`` has made, in which one works."""
    folder = tmp_path / "shop"
    write_project(folder)
    monkeypatch.delenv("WINNOW_PROJECT")
    monkeypatch.chdir(folder)
    return folder


def tracked(*places: str) -> set[str]:
    """The names of the repository's own files at these places."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *places],
        cwd=PROJECT_ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return set(listed.stdout.split())


def test_a_project_has_all_that_dbt_and_the_loaders_need(project: Path) -> None:
    names = {
        path.relative_to(project).as_posix()
        for path in project.rglob("*")
        if path.is_file()
    }
    shared = tracked(
        *("dbt_project.yml", "profiles.yml", "analyses", "ingest", "macros", "models"),
        *("seeds", "snapshots", "tests/generic", "tests/macros", "tests/singular"),
    )
    scaffold = {name.removeprefix("scaffold/") for name in tracked("scaffold")}
    assert names == shared | scaffold
    for name in shared:
        assert (project / name).read_bytes() == (PROJECT_ROOT / name).read_bytes()


def test_a_folder_with_files_of_its_own_is_left_alone(
    winnow: Command, tmp_path: Path
) -> None:
    (tmp_path / "empty").mkdir()
    code, out, _ = winnow("init", tmp_path / "empty")
    assert code == 0 and "winnow demo" in out
    assert (tmp_path / "empty" / "dbt_project.yml").is_file()
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "notes.txt").write_text("mine")
    (tmp_path / "file").write_text("mine")
    code, _, err = winnow("init", tmp_path / "mine")
    assert code == 2
    assert err.startswith(f"winnow: {tmp_path / 'mine'} has files of its own; ")
    assert [path.name for path in (tmp_path / "mine").iterdir()] == ["notes.txt"]
    code, _, err = winnow("init", tmp_path / "file")
    assert code == 2 and err.count("\n") == 1
    with pytest.raises(InputError):
        write_project(tmp_path / "file" / "below")


def test_the_example_of_an_own_source_is_read_as_it_says(
    project: Path, winnow: Command, query: Query
) -> None:
    code, _, err = winnow("load", "my_shop", "my-shop", "--tenant", "my-shop")
    assert code == 0, err
    [(rows, users, prices)] = query(
        "select count(*), count(distinct user_id), count(price) "
        "from raw.canonical_interactions where event_type = 'purchase'"
    )
    assert (rows, users, prices) == (12, 4, 12)
    code, out, _ = winnow("loads", "list", "--json")
    assert code == 0 and '"canonical"' in out


@pytest.mark.scale
def test_a_new_source_is_what_contributing_says(
    project: Path, winnow: Command, query: Query, settings: Settings
) -> None:
    """Its loader, its data and its commands, as they stand there."""
    section = CONTRIBUTING.read_text("utf-8").partition("## A new source\n")[2]
    section = section.partition("\n## ")[0]
    [loader] = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    [data] = re.findall(r"```csv\n(.*?)```", section, re.DOTALL)
    [name] = re.findall(r"`(ingest/\w+\.py)`", section)
    (project / "ingest" / "my_shop.py").unlink()
    (project / name).write_text(loader)
    said = [
        one.words[1:]
        for one in commands()
        if one.page == CONTRIBUTING and one.line in section
    ]
    assert [words[0] for words in said] == ["load", "build"]
    (project / said[0][2]).write_text(data)
    code, _, err = winnow(*said[0])
    assert code == 0, err
    left_out = ["--exclude-resource-type", "test", "unit_test"]
    built = run_dbt(settings, ["build", "--select", "+interactions", *left_out])
    assert built.succeeded, built.failures
    assert query(
        "select user_id, item_id, event_type, price from prepared.interactions "
        "order by user_id"
    ) == [("ada", "lamp", "purchase", 39.9), ("ben", "desk", "purchase", 249.0)]


def test_the_demo_loads_builds_and_says_what_is_next(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    called = []
    for name in ("sample_data", "load", "build"):
        monkeypatch.setattr(
            project_commands,
            name,
            lambda *arguments, _name=name, **options: called.append(
                (_name, *arguments, options)
            ),
        )
    project_commands.demo()
    data = PROJECT_ROOT / "sample-data"
    assert called == [
        ("sample_data", data, {}),
        ("load", "canonical", str(data / "canonical"), {"tenant": "sample-shop"}),
        ("load", "recomart", str(data / "recomart"), {}),
        ("build", {"docs": True}),
    ]
    assert "winnow export out --tenant sample-shop" in capsys.readouterr().out


def test_where_only_the_reader_is_installed_a_command_names_the_extra(
    winnow: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yaml", None)
    for module in [name for name in sys.modules if name.startswith("winnow.build")]:
        monkeypatch.delitem(sys.modules, module)
    code, _, err = winnow("build")
    assert code == 2
    assert "`pip install 'winnow[build]'`" in err and err.count("\n") == 1


def test_what_reads_imports_nothing_that_builds(tmp_path: Path) -> None:
    """What the extra brings is kept from being imported; a generation is read."""
    (tmp_path / "published").mkdir()
    with duckdb.connect(str(tmp_path / "published" / "gen-1.duckdb")) as connection:
        connection.execute("create table t as select 42 as a")
    (tmp_path / "published" / "current").write_text("gen-1.duckdb")
    code = (
        "import sys\n"
        "extra = ('dbt', 'dlt', 'great_expectations', 'yaml', 'scipy', 'sqlglot')\n"
        "for name in (*extra, 'charset_normalizer', 'prometheus_client'):\n"
        "    sys.modules[name] = None\n"
        "import winnow, winnow.cli.main, winnow.export.record_batches\n"
        "print(winnow.connect().sql('select a from t').fetchall())\n"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": str(PROJECT_ROOT), "WINNOW_PROJECT": "."},
        check=True,
        capture_output=True,
        text=True,
    )
    assert finished.stdout == "[(42,)]\n"
