"""Folders and files whose names mean something else in SQL, patterns and formats."""

from __future__ import annotations

import json
import os
from pathlib import Path

import duckdb
import pytest
from conftest import Command, Query, Write, make_settings, rows_of

from winnow.core.file_names import plain_path
from winnow.core.settings import Settings

NAMES = (
    "o'brien",
    "feature%2Fx %s",
    "br[1]ck*",
    'say "x" {y}',
    "new\nline",
    "ü 日本",
    "tenant_id=other",
    "load_id=1",
)

HEADER = "user_id,item_id,event_type,interacted_at\n"


@pytest.fixture
def settings(tmp_path: Path, request: pytest.FixtureRequest) -> Settings:
    """Every folder of Winnow below one of an odd name, with decoys that it matches."""
    name = getattr(request, "param", " ".join(NAMES))
    (tmp_path / "br1ck" / "state" / "dlt").mkdir(parents=True)
    return make_settings(tmp_path / name)


@pytest.mark.parametrize("settings", NAMES, indirect=True)
def test_loads_work_in_folders_of_any_name(
    winnow: Command, write: Write, settings: Settings, query: Query, tmp_path: Path
) -> None:
    path = write("events.csv", HEADER + "1,a,view,2024-01-01\n2,b\n")
    code, _, err = winnow("load", "canonical", path)
    assert code == 0, err
    assert query(
        "select user_id, item_id, tenant_id, load_id in (from raw.winnow_loads "
        "select load_id) from raw.canonical_interactions"
    ) == [("1", "a", "default", True)]
    assert not list(settings.state.iterdir())
    assert not list((tmp_path / "br1ck" / "state" / "dlt").iterdir())


def test_validate_works_in_folders_of_any_name(
    winnow: Command, write: Write, settings: Settings
) -> None:
    path = write("events.csv", HEADER + "1,a,view,2024-01-01\n")
    code, out, err = winnow("validate", "canonical", path)
    assert code == 0, err
    assert "Passed" in out
    assert (settings.target / "data_docs_validate" / "index.html").is_file()
    assert not list(settings.temp_directory.iterdir())


def test_the_name_of_a_file_lands_as_text(
    winnow: Command, write: Write, settings: Settings, query: Query, tmp_path: Path
) -> None:
    folder = tmp_path / "in [x]"
    for number, name in enumerate(
        [b"[x].csv", b"it's.csv", b"100%.csv", b"new\nline.csv", b"caf\xe9.csv"]
    ):
        path = Path(os.fsdecode(os.fsencode(folder) + b"/" + name))
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"{HEADER}{number},a,view,2024-01-01\nbroken\n")
    code, out, err = winnow("load", "canonical", folder)
    assert code == 0, err
    assert "caf\\xe9.csv" in out
    files = {
        f"{folder}/{name}"
        for name in ("[x].csv", "it's.csv", "100%.csv", "new\nline.csv", "caf\\xe9.csv")
    }
    for table in (
        *("canonical_interactions", "winnow_loaded_files"),
        "winnow_unreadable_records",
    ):
        assert {file for (file,) in query(f"select file from raw.{table}")} == files
    told = {
        json.loads(path.read_text("utf-8")).get("source_file")
        for path in settings.lake.rglob("*interactions*/**/*_metadata.json")
    }
    assert told == files
    lake = rows_of(
        settings,
        "select count(*) from read_parquet("
        f"'{settings.lake}/raw/canonical/interactions/**/*.parquet')".replace(
            str(settings.lake), _escaped(settings.lake)
        ),
    )
    assert lake == [(5,)]


def _escaped(path: Path) -> str:
    """A path as DuckDB's patterns mean it, in SQL."""
    inside = "".join(f"[{char}]" if char in "[*?" else char for char in str(path))
    return inside.replace("'", "''")


@pytest.mark.parametrize("name", ["what?", os.fsdecode(b"caf\xe9")])
def test_a_folder_that_duckdb_cannot_take_is_said(
    winnow: Command, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, name: str
) -> None:
    monkeypatch.setenv("WINNOW_LAKE", str(tmp_path / name))
    code, _, err = winnow("status")
    assert code == 2
    assert err.startswith("winnow: WINNOW_LAKE: the path ")
    assert err.count("\n") == 1


def test_a_link_lives_as_long_as_it_is_needed(tmp_path: Path) -> None:
    folder = tmp_path / "o'brien"
    folder.mkdir()
    with plain_path(folder) as link:
        assert link != folder
        (link / "x").write_text("")
        assert (folder / "x").is_file()
    assert not link.parent.exists()
    assert (folder / "x").is_file()
    with plain_path(tmp_path) as same:
        assert same == tmp_path


@pytest.mark.scale
def test_all_of_it_works_in_folders_of_any_name(
    winnow: Command, write: Write, settings: Settings, tmp_path: Path
) -> None:
    sample = tmp_path / "sample"
    sizes = ["--users", "40", "--items", "90", "--interactions", "1500", "--days", "9"]
    assert winnow("sample-data", sample, *sizes)[0] == 0
    out = settings.state.parent / "out"
    for arguments in (
        ("load", "canonical", sample / "canonical"),
        ("validate", "canonical", sample / "canonical"),
        ("build",),
        ("status",),
        ("publish",),
        ("export", out),
        ("rejected", "list"),
    ):
        code, _, err = winnow(*arguments)
        assert code == 0, (arguments, err)
    (published,) = settings.published.glob("gen-2.duckdb")
    with duckdb.connect(str(published), read_only=True) as connection:
        assert connection.sql("from prepared.interactions limit 1").fetchall()
    assert list(out.rglob("*.parquet"))
    assert list((settings.lake / "training").rglob("*.parquet"))


@pytest.mark.parametrize("name", ["a\nb", "a\r\tb", "a" * 5000, "a/" * 2500 + "a"])
def test_a_path_that_nobody_means_is_told_in_one_line(
    name: str, winnow: Command, tmp_path: Path
) -> None:
    path = f"{tmp_path}/{name}"
    for arguments in (
        ("load", "canonical", path),
        ("validate", "canonical", path),
        ("rejected", "replay", path),
        ("loads", "unload", "--file", path),
    ):
        code, _, err = winnow(*arguments)
        said = [line for line in err.splitlines() if line.startswith("winnow: ")]
        assert (code, len(said)) == (2, 1), (arguments[0], err[:500])
        assert err.endswith(f"{said[0]}\n")
