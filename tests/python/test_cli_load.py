"""``winnow load`` and ``winnow sample-data``, as a user meets them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import Command, Query, Write
from places import PROJECT_ROOT

from winnow.core.settings import Settings


def cells(out: str, file: str) -> list[str]:
    """The cells of a file's line in the table."""
    (line,) = (line for line in out.splitlines() if line.startswith(f"{file}  "))
    return re.split(r" {2,}", line.strip())


def test_a_load_ends_with_a_line_for_each_file(
    winnow: Command, write: Write, query: Query
) -> None:
    write("in/items.csv", "item_id,title\ni1,One\n")
    folder = write("in/interactions.csv", "user_id,item_id\n1,a\n2\n3,c\n").parent
    write("in/notes.txt", "nothing")
    code, out, _ = winnow("load", "canonical", folder, "--tenant", "shop")
    assert code == 0
    assert cells(out, "interactions.csv")[1:4] == ["interactions", "2", "1"]
    assert cells(out, "items.csv")[1:4] == ["items", "1", "0"]
    assert (
        f"Left out {folder / 'notes.txt'}: its columns fit nothing of canonical." in out
    )
    assert "3 rows and 1 unreadable record from 2 files" in out
    assert query("select distinct tenant_id from raw.winnow_loaded_files") == [
        ("shop",)
    ]
    code, out, _ = winnow("load", "canonical", folder, "--tenant", "shop")
    assert code == 0
    assert f"Skipped {folder / 'items.csv'}: already loaded on 2" in out
    assert "Nothing new to load." in out


def test_every_option_reaches_the_load(
    winnow: Command, write: Write, query: Query
) -> None:
    text = "17850\té\t1/2/2010\n17851\tb\t1/2/2010\n17852\tc\t1/2/2010\n"
    path = write("export.txt", text.encode("latin-1"))
    options = ["--entity", "interactions", "--tenant", "t", "--limit", "2"]
    options += ["--map", "user_id=1", "--map", "item_id=2", "--map", "interacted_at=3"]
    options += ["--delimiter", r"\t", "--encoding", "latin-1", "--no-header"]
    code, _, err = winnow("load", "canonical", path, *options, "--dates", "dmy")
    assert code == 0, err
    assert query(
        "select tenant_id, user_id, item_id, interacted_at, date_order "
        "from raw.canonical_interactions order by row_number"
    ) == [
        ("t", "17850", "é", "1/2/2010", "dmy"),
        ("t", "17851", "b", "1/2/2010", "dmy"),
    ]
    assert query("select read_options, row_limit from raw.winnow_loaded_files") == [
        (
            '{"date_order": "dmy", "delimiter": "\\t", "encoding": "latin-1", '
            '"header": false, "mapping": {"interacted_at": "3", "item_id": "2", '
            '"user_id": "1"}}',
            2,
        )
    ]


def test_one_mapping_may_name_several_columns_and_leave_others_empty(
    winnow: Command, write: Write, query: Query
) -> None:
    path = write("sold.csv", "who,what, when,type\nu1,i1,2024-01-01,gift\n")
    mapping = "user_id=who,item_id=what,interacted_at=when,event_type="
    code, _, err = winnow("load", "canonical", path, "--map", mapping)
    assert code == 0, err
    assert query(
        "select user_id, item_id, interacted_at, event_type, extra "
        "from raw.canonical_interactions"
    ) == [("u1", "i1", "2024-01-01", None, '{"type":"gift"}')]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["canonical", "nowhere.csv"], "There is no file nowhere.csv."),
        (["netflix", "x"], "There is no source 'netflix'"),
        (["canonical", "EMPTY"], "is empty."),
        (["canonical", "WRONG"], "line 1: canonical interactions needs the column"),
        (["canonical", "WRONG", "--map", "user_id"], "--map user_id: a mapping is"),
        (["canonical", "WRONG", "--tenant", "A B"], "'A B' cannot be a tenant"),
    ],
)
def test_a_bad_input_is_one_sentence_and_status_2(
    winnow: Command,
    write: Write,
    settings: Settings,
    arguments: list[str],
    message: str,
) -> None:
    files = {"EMPTY": write("e.csv", ""), "WRONG": write("w.csv", "a,b\n1,2\n")}
    code, out, err = winnow("load", *(files.get(one, one) for one in arguments))
    assert (code, out) == (2, "")
    assert err.startswith("winnow: ")
    assert message in err
    assert err.count("\n") == 1
    assert not [path for path in settings.lake.rglob("*") if path.is_file()]


def test_sample_data_loads_as_it_is(
    winnow: Command, tmp_path: Path, query: Query
) -> None:
    out_folder = tmp_path / "sample"
    sizes = ["--users", "50", "--items", "40", "--interactions", "2000"]
    sizes += ["--days", "9", "--seed", "3", "--dirty-share", "0.01"]
    code, out, err = winnow("sample-data", out_folder, *sizes)
    assert code == 0, err
    assert cells(out, "canonical/interactions.csv")[1:3] == [
        "canonical",
        "interactions",
    ]
    for source in ("canonical", "recomart"):
        code, _, err = winnow("load", source, out_folder / source)
        assert code == 0, err
    manifest = json.loads((out_folder / "manifest.json").read_text())
    expected = {
        (file["source"], file["entity"]): file["records"]
        for file in manifest["files"].values()
    }
    loaded = query(
        "select source, entity, record_count + unreadable_count "
        "from raw.winnow_loaded_files"
    )
    assert {(source, entity): count for source, entity, count in loaded} == expected


def test_help_is_there_at_once() -> None:
    started = time.monotonic()
    finished = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "winnow", "--help"],
        cwd=PROJECT_ROOT,
        env=os.environ | {"COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=True,
    )
    seconds = time.monotonic() - started
    assert "sample-data" in finished.stdout
    imported = {line.split("|")[-1].strip() for line in finished.stderr.splitlines()}
    assert "typer" in imported
    assert not imported & {"dlt", "duckdb", "pyarrow", "dbt", "numpy"}
    assert seconds < 5, "half a second where nothing else runs"
