"""Where the project is, and what is found there: it is not where the code is."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import winnow
from winnow.cli.main import main
from winnow.contracts.entities import load_contracts
from winnow.core.errors import InputError
from winnow.core.settings import Settings, project_root, seeds_folder
from winnow.load.sources import source_of, sources

LOADER = (
    "READS = '*.shop'\nCONTRACT = 'shops'\ndef recognise(path, options): return None\n"
)

SHOPS = """
sources:
  - name: shops
    tables: [{name: orders, columns: [{name: user_id, data_type: varchar}]}]
"""

Project = Callable[[str], Path]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """Work in a project of one's own that has one loader."""

    def make(loader: str) -> Path:
        (tmp_path / "dbt_project.yml").write_text("name: winnow\n")
        (tmp_path / "ingest").mkdir()
        (tmp_path / "ingest" / "a_shop.py").write_text(loader)
        (tmp_path / "ingest" / "__init__.py").write_text("1 / 0")
        contract = tmp_path / "models" / "staging" / "shops" / "_shops__sources.yml"
        contract.parent.mkdir(parents=True)
        contract.write_text(SHOPS)
        monkeypatch.setenv("WINNOW_PROJECT", str(tmp_path))
        return tmp_path

    return make


def without_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide what dbt was told by the environment in earlier tests, too."""
    for name in list(os.environ):
        if name.startswith("WINNOW_"):
            monkeypatch.delenv(name)


def test_the_project_is_the_nearest_one_upward(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_settings(monkeypatch)
    below = tmp_path / "shop" / "other" / "notebooks"
    below.mkdir(parents=True)
    (tmp_path / "dbt_project.yml").write_text("name: winnow\n")
    (tmp_path / "shop" / "dbt_project.yml").write_text("version: 1\nname: 'winnow'\n")
    (tmp_path / "shop" / "other" / "dbt_project.yml").write_text("name: jaffle_shop\n")
    monkeypatch.chdir(below)
    assert project_root() == tmp_path / "shop"
    assert seeds_folder() == tmp_path / "shop" / "seeds"
    assert Settings().warehouse == tmp_path / "shop" / "winnow.duckdb"
    monkeypatch.setenv("WINNOW_PROJECT", "../../..")
    assert project_root() == below / "../../.."
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("WINNOW_PROJECT", "shop/other/notebooks")
    assert project_root() == tmp_path / "shop"


def test_outside_a_project_a_sentence_says_how_to_make_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    without_settings(monkeypatch)
    monkeypatch.chdir(tmp_path)
    for ask in (project_root, seeds_folder, load_contracts, sources):
        with pytest.raises(InputError, match="`winnow init shop`") as caught:
            ask()
        assert str(caught.value).startswith(f"There is no project in {tmp_path} ")
    assert Settings().published == tmp_path / "published"
    with pytest.raises(InputError, match="Nothing is published in"):
        winnow.connect()


def test_every_file_among_the_loaders_is_a_source(project: Project) -> None:
    project(LOADER)
    assert list(sources()) == ["a_shop"]
    assert source_of("a_shop").reads == "*.shop"
    assert source_of("a_shop").default_tenant == "a_shop"
    assert source_of("a_shop").contract == "shops"
    with pytest.raises(InputError, match="the sources are a_shop"):
        source_of("canonical")


def test_the_loaders_that_winnow_brings_are_found() -> None:
    tenants = {name: source.default_tenant for name, source in sources().items()}
    assert tenants == {
        "canonical": "default",
        "microlens": "microlens",
        "movielens": "movielens",
        "recomart": "recomart",
    }


@pytest.mark.parametrize(
    "loader, said",
    [
        ("READS = '*.shop'\n", "a_shop.py has no recognise"),
        ("def recognise(path, options): return None\n", "a_shop.py has no READS"),
        ("import os\n\nREADS = 1 / 0\n", "a_shop.py, line 3: .*ZeroDivisionError"),
        (LOADER.replace("shops", "shop"), "CONTRACT 'shop' is no .* there are shops"),
        (LOADER.replace("CONTRACT", "OTHER"), "CONTRACT 'a_shop' is no source"),
        ("\nREADS = (\n", "a_shop.py, line 2: .*SyntaxError"),
        ("\nimport no_such_library\n", "line 2: .*No module named 'no_such_library'"),
    ],
)
def test_a_loader_that_cannot_be_used_is_named(
    loader: str, said: str, project: Project
) -> None:
    project(loader)
    with pytest.raises(InputError, match=said):
        sources()


@pytest.mark.parametrize(
    "command", [["build"], ["load", "canonical", "a.csv"], ["status"], ["docs"]]
)
def test_a_command_outside_a_project_says_so(
    command: list[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.delenv("WINNOW_PROJECT")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["winnow", *command])
    (tmp_path / "a.csv").write_text("user_id,item_id\n1,2\n")
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("winnow: There is no project in")
    assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.csv"]
