"""``winnow export``: what is written, and that it is written whole or not at all."""

from __future__ import annotations

import csv
import json
import os
import re
import signal
import subprocess
import sys
import textwrap
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from conftest import make_settings, rows_of
from exporting import AWKWARD, ITEMS, POSITIVES, TENANTS, USERS, write_warehouse
from places import PROJECT_ROOT

from winnow.cli.main import main
from winnow.core.errors import InputError
from winnow.core.settings import Settings
from winnow.export.files import ExportRequest, export
from winnow.export.recbole import dataset_name
from winnow.export.record_batches import RecordBatches

EXAMPLES = 2 * (POSITIVES - 1) * USERS


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """Settings of the small warehouse."""
    settings = make_settings(tmp_path_factory.mktemp("export"))
    write_warehouse(settings.warehouse)
    return settings


def run(settings: Settings, *arguments: object) -> subprocess.CompletedProcess[str]:
    """The command as a user runs it."""
    return subprocess.run(
        [sys.executable, "-m", "winnow", "export", *map(str, arguments)],
        env=os.environ | settings.environment(),
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )


def read_back(out: Path, ordered_by: str = "all") -> list[tuple[Any, ...]]:
    """All rows of a Parquet export, the folders' columns as text."""
    partitions = "{'tenant_id': varchar, 'split': varchar}"
    return duckdb.sql(
        f"from read_parquet('{out}/**/*.parquet', hive_partitioning = true, "
        f"hive_types = {partitions}) order by {ordered_by}"
    ).fetchall()


def test_examples_come_with_codes_in_a_folder_for_each_tenant_and_split(
    warehouse: Settings, tmp_path: Path
) -> None:
    report = export(warehouse, tmp_path / "out")
    found = duckdb.sql(
        "select tenant_id, user_id, item_id, interaction_id, draw, split, feature, "
        f"user_index, item_index from read_parquet('{tmp_path}/out/**/*.parquet', "
        "hive_partitioning = true, "
        "hive_types = {'tenant_id': varchar, 'split': varchar}) order by all"
    ).fetchall()
    assert found == rows_of(
        warehouse,
        "select tenant_id, user_id, item_id, interaction_id, draw, split, feature, "
        "user_index, item_index from training.examples "
        "join prepared.user_codes using (tenant_id, user_id) "
        "join prepared.item_codes using (tenant_id, item_id) order by all",
    )
    assert len(found) == len(TENANTS) * EXAMPLES == sum(report.rows.values())
    folders = {path.parent.relative_to(tmp_path / "out") for path in parts(tmp_path)}
    assert {Path("tenant_id=007/split=train"), Path("tenant_id=shop/split=test")} < (
        folders
    )
    assert len(folders) == 3 * len(TENANTS)
    assert all(len(folder.parts) == 2 for folder in folders)


def parts(tmp_path: Path) -> list[Path]:
    return list((tmp_path / "out").rglob("part_*"))


def test_the_manifest_says_what_is_there(warehouse: Settings, tmp_path: Path) -> None:
    export(warehouse, tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "_manifest.json").read_text())
    assert manifest["table"] == "training.examples"
    assert manifest["format"] == "parquet"
    assert manifest["newest_load"] == dict.fromkeys(sorted(TENANTS), "load 1")
    columns = {column["name"]: column for column in manifest["columns"]["examples"]}
    assert columns["label"] == {
        "name": "label",
        "type": "BIGINT",
        "description": "1 for a positive, 0 for a negative.",
    }
    assert columns["item_index"]["description"] == "The item as a number."
    assert columns["words"]["type"] == "VARCHAR[]"
    rows = {
        (one["tenant_id"], one["split"]): one["rows"] for one in manifest["partitions"]
    }
    assert rows == {
        (tenant, split): count
        for tenant in TENANTS
        for split, count in (
            ("train", EXAMPLES - 4 * USERS),
            ("validation", 2 * USERS),
            ("test", 2 * USERS),
        )
    }
    assert manifest["rows"] == sum(rows.values())
    for file in manifest["files"]:
        written = tmp_path / "out" / file["path"]
        assert written.stat().st_size == file["bytes"]
        assert pq.read_metadata(written).num_rows == file["rows"]
    assert len(manifest["files"]) == len(parts(tmp_path))


def test_only_the_asked_for_tenants_splits_and_folds_are_written(
    warehouse: Settings, tmp_path: Path
) -> None:
    chosen = ExportRequest(tenants=["007"], splits=["train", "test"])
    assert set(export(warehouse, tmp_path / "out", chosen).rows) == {
        ("007", "train"),
        ("007", "test"),
    }
    of_fold = ExportRequest(
        "sequences", tenants=["shop"], split_name="folds", fold=2, splits=["test"]
    )
    assert export(warehouse, tmp_path / "fold", of_fold).rows == {
        ("shop", "folds", "2", "test"): USERS
    }
    whole = export(warehouse, tmp_path / "whole", ExportRequest("interactions"))
    assert whole.rows == {(tenant,): USERS * POSITIVES for tenant in sorted(TENANTS)}


@pytest.mark.parametrize(
    ("table", "keys"),
    [
        ("interaction_features", ["user", "item"]),
        ("user_features", ["user"]),
        ("item_features", ["item"]),
        ("user_recent_items", ["user", "item"]),
        ("user_category_affinity", ["user"]),
    ],
)
def test_features_come_with_codes_in_a_folder_for_each_tenant(
    warehouse: Settings, tmp_path: Path, table: str, keys: list[str]
) -> None:
    codes = ", ".join(f"{key}_index" for key in keys)
    given = rows_of(
        warehouse,
        f"select tenant_id, rows.* exclude (tenant_id), {codes} "
        f"from features.{table} as rows "
        + " ".join(f"join prepared.{k}_codes using (tenant_id, {k}_id)" for k in keys)
        + " order by all",
    )
    report = export(warehouse, tmp_path / "parquet", ExportRequest(table))
    assert set(report.rows) == {(tenant,) for tenant in TENANTS}
    of_text = "hive_types = {'tenant_id': varchar}"
    found = duckdb.sql(
        f"select tenant_id, * exclude (tenant_id) "
        f"from read_parquet('{tmp_path}/parquet/**/*.parquet', {of_text}) order by all"
    )
    assert found.fetchall() == given
    report = export(warehouse, tmp_path / "csv", ExportRequest(table, "csv"))
    assert sum(report.rows.values()) == len(given)
    header = (tmp_path / "csv" / report.files[0].path).read_text().splitlines()[0]
    assert ["tenant_id", *header.replace('"', "").split(",")] == found.columns
    ids = ", ".join(["tenant_id", *(f"{k}_id" for k in keys), codes])
    text = duckdb.sql(
        f"select {ids} from read_csv('{tmp_path}/csv/**/*.csv', all_varchar = true, "
        f"hive_partitioning = true, {of_text}) order by all"
    )
    whole = duckdb.sql(
        f"select columns(*)::varchar from (select {ids} from found) order by all"
    )
    assert text.fetchall() == whole.fetchall()


@pytest.mark.parametrize("table", ["examples", "sequences", "users"])
def test_readers_of_a_folder_read_an_export_as_it_is(
    warehouse: Settings, tmp_path: Path, table: str
) -> None:
    out = tmp_path / "out"
    report = export(warehouse, out, ExportRequest(table))
    rows = sum(report.rows.values())
    frame = pd.read_parquet(out)
    assert (len(frame), set(frame["tenant_id"])) == (rows, set(TENANTS))
    arrow = ds.dataset(out, partitioning="hive").to_table()
    assert arrow.num_rows == rows
    assert sorted(arrow.column_names) == sorted(frame.columns)
    assert duckdb.sql(f"from read_parquet('{out}/**/*.parquet')").shape[0] == rows
    # What is no part has a name that such readers, Spark among them, pass over.
    hidden = {path.name for path in out.rglob("*") if path.name.startswith("_")}
    others = {path.suffix for path in parts(tmp_path)}
    assert (hidden, others) == ({"_manifest.json"}, {".parquet"})
    assert len(parts(tmp_path)) + 1 == sum(path.is_file() for path in out.rglob("*"))


def test_csv_keeps_text_as_text_and_tells_null_from_empty(
    warehouse: Settings, tmp_path: Path
) -> None:
    request = ExportRequest(format="csv", tenants=["007"], splits=["test"])
    report = export(warehouse, tmp_path / "out", request)
    path = tmp_path / "out" / report.files[0].path
    assert path.relative_to(tmp_path / "out").parts[:2] == (
        "tenant_id=007",
        "split=test",
    )
    first = path.read_text().splitlines()[1]
    assert re.match(r'"interaction \d+ 11","0\d\d","00\d\d",[01],', first)
    rows = list(csv.DictReader(path.open(newline="")))
    assert {row["user_id"] for row in rows} == {f"{n:03}" for n in range(USERS)}
    assert {row["feature"] for row in rows} == {"0.30000000000000004", ""}
    assert json.loads(rows[0]["words"]) == ["a b", "c"]
    assert rows[0]["interacted_at"] == "2024-01-12 00:00:00.5"


def test_awkward_text_comes_back_from_csv(warehouse: Settings, tmp_path: Path) -> None:
    request = ExportRequest(what="users", format="csv", tenants=[AWKWARD])
    report = export(warehouse, tmp_path / "out", request)
    path = tmp_path / "out" / report.files[0].path
    found = {row["user_id"] for row in csv.DictReader(path.open(newline=""))}
    assert found == {f'<NA>\t"{n}\n%' for n in range(USERS)}


@pytest.mark.parametrize(("pad_to", "length"), [(None, 8), (3, 3), (12, 12)])
def test_padded_sequences_have_one_length_and_keep_their_newest_items(
    warehouse: Settings, tmp_path: Path, pad_to: int | None, length: int
) -> None:
    request = ExportRequest("sequences", pad_left=pad_to is None, pad_to=pad_to)
    export(warehouse, tmp_path / "out", request)
    found = {
        row[:5]: row[5:]
        for row in duckdb.sql(
            "select tenant_id, split_name, fold, split, user_index, item_indexes, "
            f"history_length from read_parquet('{tmp_path}/out/**/*.parquet', "
            "hive_types = {'tenant_id': varchar, 'fold': bigint})"
        ).fetchall()
    }
    given = rows_of(
        warehouse,
        "select tenant_id, split_name, fold, split, user_index, item_indexes "
        "from training.sequences",
    )
    assert len(found) == len(given)
    for *key, items in given:
        kept = items[-length:] if items else []
        padding = [0] * (length - len(kept))
        assert found[tuple(key)] == (padding + kept, len(kept))
    assert {len(row[-1]) for row in given} == {0, 8}


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--tenant", "7"], "--tenant 7: the warehouse has no such tenant; it has 007"),
        (["--split", "dev"], "--split dev: it must be one of train, validation, test"),
        (["--format", "xml"], "--format xml: it must be one of parquet, csv, recbole"),
        (["--what", "rows"], "--what rows: it must be one of examples, sequences"),
        (["--pad-left"], "add --what sequences"),
        (["--what", "sequences", "--pad-to", "0"], "--pad-to 0: it must be 1 or more"),
        (["--what", "users", "--split", "test"], "prepared.users has no column split"),
        (
            ["--what", "sequences", "--split-name", "x"],
            "--split-name x: it must be one of folds, leave_last_out",
        ),
        (["--what", "sequences", "--fold", "9"], "No rows of training.sequences"),
        (["--format", "recbole", "--what", "users"], "RecBole reads interactions"),
        (["--format", "recbole", "--split", "test"], "leave it out"),
        (
            ["--format", "recbole", "--split-name", "x"],
            "--split-name x: the tenant has leave_last_out, folds",
        ),
        (
            ["--format", "recbole", "--split-name", "folds", "--fold", "3"],
            "--fold 3: folds has 1, 2",
        ),
    ],
)
def test_what_cannot_be_met_is_one_sentence_and_nothing_is_written(
    warehouse: Settings,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    sentence: str,
) -> None:
    for name, value in warehouse.environment().items():
        monkeypatch.setenv(name, value)
    given = ["winnow", "export", str(tmp_path / "out"), *arguments]
    monkeypatch.setattr(sys, "argv", given)
    with pytest.raises(SystemExit) as stopped:
        main()
    assert stopped.value.code == 2
    printed = capsys.readouterr()
    assert sentence in printed.err
    lines = printed.err.splitlines()
    assert [line for line in lines if line.startswith("winnow: ")] == lines[-1:]
    assert printed.out == ""
    assert list(tmp_path.iterdir()) == []


def test_nothing_built_yet_is_one_sentence(settings: Settings, tmp_path: Path) -> None:
    for _ in range(2):
        with pytest.raises(InputError, match="Nothing has been built yet"):
            export(settings, tmp_path / "out")
        settings.warehouse.parent.mkdir(exist_ok=True)
        duckdb.connect(str(settings.warehouse)).close()
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute("create schema prepared")
        connection.execute("create table prepared.tenants (tenant_id varchar)")
    with pytest.raises(InputError, match=r"has no training.examples: run `winnow bu"):
        export(settings, tmp_path / "out")


def test_a_warehouse_that_is_being_written_is_one_sentence(
    settings: Settings, tmp_path: Path
) -> None:
    write_warehouse(settings.warehouse)
    writer = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('open', "
            "flush=True); sys.stdin.read()",
            settings.warehouse,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"open\n"
        with pytest.raises(InputError, match="is being written by process"):
            export(settings, tmp_path / "out")
    finally:
        writer.communicate()
    assert list(tmp_path.glob(".out*")) == []


def test_an_export_is_replaced_when_asked_and_nothing_else_is(
    warehouse: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    export(warehouse, out)
    with pytest.raises(InputError, match="is not empty; --overwrite"):
        export(warehouse, out)
    export(warehouse, out, ExportRequest("users"), overwrite=True)
    assert not list(out.rglob("split=*"))
    other = tmp_path / "other"
    other.mkdir()
    export(warehouse, other)
    (other / "_manifest.json").rename(other / "manifest.json")
    export(warehouse, other, overwrite=True)
    assert not (other / "manifest.json").exists()
    mine = tmp_path / "mine"
    mine.mkdir()
    (mine / "thesis.txt").write_text("all my work")
    for manifest in (None, "no JSON", '{"name": "thesis"}', "[]"):
        if manifest is not None:
            (mine / "_manifest.json").write_text(manifest)
        with pytest.raises(InputError, match="is not an export"):
            export(warehouse, mine, overwrite=True)
    with pytest.raises(InputError, match="is a file"):
        export(warehouse, mine / "thesis.txt", overwrite=True)
    assert (mine / "thesis.txt").read_text() == "all my work"
    assert {path.name for path in tmp_path.iterdir()} == {"out", "other", "mine"}


KILLED = """
    import os, pathlib, signal
    from winnow.core.settings import settings
    from winnow.export import files as export

    original, calls = {owner}.{function}, 0

    def killed(*arguments, **options):
        global calls
        calls += 1
        if calls == {call}:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(*arguments, **options)

    if not {exchanges}:
        export.exchanged = lambda *_: False
    {owner}.{function} = killed
    export.export(settings(), pathlib.Path({out!r}), overwrite=True)
"""


@pytest.mark.parametrize(
    ("owner", "function", "call", "existing", "left_behind"),
    [
        ("export", "_manifest", 1, False, {".out.partial"}),
        ("export", "_manifest", 1, True, {"out", ".out.partial"}),
        ("pathlib.Path", "rename", 1, False, {".out.partial"}),
        ("export", "exchanged", 1, True, {"out", ".out.partial"}),
        ("export.shutil", "rmtree", 1, True, {"out", ".out.partial"}),
        # Where the system cannot exchange names.
        ("pathlib.Path", "rename", 2, True, {".out.partial", ".out.replaced"}),
        ("pathlib.Path", "rename", 1, True, {"out", ".out.partial"}),
    ],
)
def test_a_killed_export_leaves_no_half_of_one_and_the_next_cleans_up(
    warehouse: Settings,
    tmp_path: Path,
    owner: str,
    function: str,
    call: int,
    existing: bool,
    left_behind: set[str],
) -> None:
    out = tmp_path / "out"
    if existing:
        export(warehouse, out, ExportRequest("users"))
    code = KILLED.format(
        owner=owner,
        function=function,
        call=call,
        out=str(out),
        exchanges=function != "rename",
    )
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        env=os.environ | warehouse.environment(),
        cwd=PROJECT_ROOT,
        check=False,
        capture_output=True,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert {path.name for path in tmp_path.iterdir()} == left_behind
    for folder in tmp_path.glob("out"):
        manifest = json.loads((folder / "_manifest.json").read_text())
        assert {path.name for path in folder.rglob("part_*")} == {
            Path(file["path"]).name for file in manifest["files"]
        }
    for partial in tmp_path.glob(".out.partial"):
        (partial / "tenant_id=gone").mkdir()
        (partial / "tenant_id=gone" / "part_0.parquet").write_text("half of a file")
    report = export(warehouse, out, overwrite=existing)
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert len(parts(tmp_path)) == len(report.files)
    assert len(read_back(out)) == len(TENANTS) * EXAMPLES


def test_two_exports_to_one_place_do_not_mix(
    warehouse: Settings, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    partial = tmp_path / ".out.partial"
    partial.mkdir()
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import fcntl, os, sys; d = os.open(sys.argv[1], os.O_RDONLY); "
            "fcntl.flock(d, fcntl.LOCK_EX); print('held', flush=True); "
            "sys.stdin.read()",
            partial,
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match="another export is writing it"):
            export(warehouse, out)
        assert partial.exists()
    finally:
        holder.communicate()
    export(warehouse, out)


def test_the_command_prints_what_it_wrote(warehouse: Settings, tmp_path: Path) -> None:
    done = run(warehouse, tmp_path / "out", "--tenant", "007", "--tenant", "shop")
    assert done.returncode == 0, done.stderr
    assert f"{2 * EXAMPLES:,} rows in" in done.stdout
    assert "validation" in done.stdout
    again = run(warehouse, tmp_path / "out")
    assert (again.returncode, again.stdout) == (2, "")
    assert again.stderr.count("\n") == 1
    assert "is not empty" in again.stderr


def test_progress_is_told_what_is_written(
    warehouse: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("winnow.export.files._POLL_SECONDS", 0.0)
    told: set[str] = set()

    def progress(what: str, percent: float) -> None:
        assert -1 <= percent <= 100
        told.add(what)

    request = ExportRequest(format="recbole", tenants=["007"])
    export(warehouse, tmp_path / "out", request, progress=progress)
    assert told >= {"007/007.inter", "007/007.train.inter"}


def test_recbole_files_have_typed_headers_our_splits_and_readable_tokens(
    warehouse: Settings, tmp_path: Path
) -> None:
    export(warehouse, tmp_path / "out", ExportRequest(format="recbole"))
    shop = atomic(tmp_path / "out" / "shop" / "shop.inter")
    assert set(shop[0]) == {
        "user_id:token",
        "item_id:token",
        "event_type:token",
        "rating:float",
        "interaction_order:float",
        "label:float",
    }
    timed = atomic(tmp_path / "out" / "007" / "007.inter")
    assert {row["timestamp:float"] for row in timed} == {
        str(1704067200.5 + 86400 * place) for place in range(POSITIVES)
    }
    assert Counter(row["label:float"] for row in timed) == {
        "1.0": USERS * (POSITIVES - 1),
        "0.0": USERS,
    }
    splits = {
        name: atomic(tmp_path / "out" / "007" / f"007.{name}.inter")
        for name in ("train", "valid", "test")
    }
    assert {name: len(rows) for name, rows in splits.items()} == {
        "train": USERS * (POSITIVES - 3),
        "valid": USERS,
        "test": USERS,
    }
    assert {row["interaction_order:float"] for row in splits["test"]} == {"12.0"}
    assert {row["user_id:token"] for row in timed} == {f"{n:03}" for n in range(USERS)}
    name = dataset_name(AWKWARD)
    assert "/" not in name
    folder = tmp_path / "out" / name
    users = atomic(folder / f"{name}.user")
    assert {row["user_id:token"] for row in users} == {
        f'<NA>%09"{n}%0A%25' for n in range(USERS)
    }
    items = {row["item_id:token"]: row for row in atomic(folder / f"{name}.item")}
    assert set(items) == {"%4EaN", *(f"日%20{n}," for n in range(1, ITEMS))}
    assert items["%4EaN"]["title:token_seq"] == 'a "title 30'
    assert items["%4EaN"]["categories:token_seq"] == "Science_Fiction x"
    assert "brand:token" not in items["%4EaN"]
    manifest = json.loads((tmp_path / "out" / "_manifest.json").read_text())
    assert {"name": "rating", "type": "float", "description": None} in (
        manifest["columns"]["train.inter"]
    )


@pytest.mark.parametrize(("fold", "order"), [(None, "12.0"), (2, "12.0"), (1, "11.0")])
def test_recbole_gets_one_fold_of_the_split_that_is_asked_for(
    warehouse: Settings, tmp_path: Path, fold: int | None, order: str
) -> None:
    for what in ("interactions", "sequences"):
        request = ExportRequest(
            what, "recbole", tenants=["007"], split_name="folds", fold=fold
        )
        export(warehouse, tmp_path / what, request)
        rows = atomic(tmp_path / what / "007" / "007.test.inter")
        assert len(rows) == (USERS if what == "interactions" else USERS // 2)
        days = {float(row["timestamp:float"]) // 86400 - 19722 for row in rows}
        assert days == {float(order)}


def atomic(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(path.open(newline=""), delimiter="\t"))


def test_recbole_gets_examples_with_labels_and_sequences_with_their_items(
    warehouse: Settings, tmp_path: Path
) -> None:
    request = ExportRequest("examples", "recbole", tenants=["007"])
    export(warehouse, tmp_path / "examples", request)
    test = atomic(tmp_path / "examples" / "007" / "007.test.inter")
    assert Counter(row["label:float"] for row in test) == {"1.0": USERS, "0.0": USERS}
    assert test[0]["is_first:float"] in ("0.0", "1.0")
    request = ExportRequest("sequences", "recbole", tenants=[AWKWARD])
    export(warehouse, tmp_path / "sequences", request)
    name = dataset_name(AWKWARD)
    found = {
        row["user_id:token"]: (row["item_id_list:token_seq"], row["item_id:token"])
        for row in atomic(tmp_path / "sequences" / name / f"{name}.test.inter")
    }
    numbers = {index: number for number, index in enumerate(range(ITEMS, 0, -1))}

    def token(index: int) -> str:
        return f"日%20{numbers[index]}," if numbers[index] else "%4EaN"

    given = rows_of(
        warehouse,
        "select user_index, item_indexes, next_item_index from training.sequences "
        f"where tenant_id = '{AWKWARD}' and split_name = 'leave_last_out' "
        "and split = 'test' and history_length > 0",
    )
    assert len(given) == USERS // 2
    assert found == {
        f'<NA>%09"{USERS - user}%0A%25': (" ".join(map(token, items)), token(last))
        for user, items, last in given
    }


@pytest.fixture(scope="module")
def exported(warehouse: Settings, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The examples as Parquet."""
    out = tmp_path_factory.mktemp("batches") / "out"
    export(warehouse, out)
    return out


def keys(batches: Iterator[pa.RecordBatch]) -> list[tuple[Any, ...]]:
    columns = ("tenant_id", "interaction_id", "draw")
    return [
        tuple(row[column] for column in columns)
        for batch in batches
        for row in batch.select(columns).to_pylist()
    ]


def test_each_row_is_read_once_over_all_shards(exported: Path) -> None:
    whole = keys(RecordBatches(exported).batches())
    assert len(whole) == len(set(whole)) == len(TENANTS) * EXAMPLES
    assert {row[0] for row in whole} == set(TENANTS)
    for buffer in (0, 500):
        reader = RecordBatches(exported, shuffle_buffer=buffer)
        shards = [keys(reader.batches(shard=n, shards=4)) for n in range(4)]
        assert all(shards)
        assert sorted(row for rows in shards for row in rows) == sorted(whole)


def test_batches_have_the_asked_for_size_columns_and_folders(
    warehouse: Settings, exported: Path
) -> None:
    reader = RecordBatches(
        exported, ["split", "label"], ["007"], ["train", "test"], batch_size=100
    )
    batches = list(reader.batches())
    assert max(batch.num_rows for batch in batches) == 100
    assert {tuple(batch.schema.names) for batch in batches} == {("split", "label")}
    splits = Counter(value for batch in batches for value in batch[0].to_pylist())
    assert splits == {"train": EXAMPLES - 4 * USERS, "test": 2 * USERS}
    only = exported.parent / "only"
    export(warehouse, only, ExportRequest(tenants=["007"], splits=["test"]))
    tenants = {row[0] for row in keys(RecordBatches(only, tenants=["007"]).batches())}
    assert tenants == {"007"}
    with pytest.raises(InputError, match="has no column lable; it has interaction_id"):
        RecordBatches(exported, ["lable"])
    with pytest.raises(InputError, match="it has no _manifest"):
        RecordBatches(exported.parent)
    with pytest.raises(InputError, match="batch_size is 1 or more"):
        RecordBatches(exported, batch_size=0)


def test_codes_of_several_tenants_are_not_mixed(exported: Path) -> None:
    wanted = (
        "holds codes (user_index, item_index) of 3 tenants, numbered from 1 for each "
        "by itself: name one, such as tenants=['007'], or add the column tenant_id."
    )
    codes = ["user_index", "item_index", "label"]
    with pytest.raises(InputError, match=re.escape(wanted)):
        RecordBatches(exported, codes)
    with pytest.raises(InputError, match="of 2 tenants"):
        RecordBatches(exported, codes, ["shop", "007"])
    for columns, tenants in (
        (codes, ["shop"]),
        (codes, ["shop", "shop"]),
        (["tenant_id", *codes], []),
        (["label"], []),
    ):
        batches = RecordBatches(exported, columns, tenants).batches()
        assert next(batches).schema.names == columns
    with pytest.raises(InputError, match="no tenant_id 'shopp'; it has 007, shop, "):
        RecordBatches(exported, codes, ["shopp"])
    with pytest.raises(InputError, match="no split 'tests'; it has test, train"):
        RecordBatches(exported, codes, ["shop"], ["tests"])


@pytest.mark.parametrize("table", ["sequences", "interactions", "user_features"])
def test_an_export_of_several_tenants_says_whose_its_codes_are(
    warehouse: Settings, tmp_path: Path, table: str
) -> None:
    note = export(warehouse, tmp_path / "all", ExportRequest(table)).note
    assert note is not None
    assert "user_index" in note
    assert ("item_indexes" in note) == (table == "sequences")
    assert note.endswith("keep tenant_id beside the codes.")
    manifest = json.loads((tmp_path / "all" / "_manifest.json").read_text())
    assert manifest["note"] == note
    one = ExportRequest(table, tenants=["shop"])
    assert export(warehouse, tmp_path / "one", one).note is None
    recbole = ExportRequest(format="recbole")
    assert export(warehouse, tmp_path / "recbole", recbole).note is None
    finished = run(warehouse, tmp_path / "told", "--what", table)
    assert note in " ".join(finished.stdout.split())


def test_the_seed_and_the_epoch_decide_the_order(exported: Path) -> None:
    reader = RecordBatches(exported, shuffle_buffer=300, seed=1)
    first = keys(reader.batches(epoch=1))
    assert keys(reader.batches(epoch=1)) == first
    second = keys(reader.batches(epoch=2))
    other = keys(RecordBatches(exported, shuffle_buffer=300, seed=2).batches(epoch=1))
    unshuffled = keys(RecordBatches(exported).batches(epoch=1))
    for different in (second, other, unshuffled):
        assert different != first
        assert sorted(different) == sorted(first)
    one_group = RecordBatches(exported, None, ["007"], ["train"], shuffle_buffer=300)
    orders = [keys(one_group.batches(epoch=epoch)) for epoch in (1, 2)]
    assert orders[0] != orders[1]
    places = {row: place for place, row in enumerate(unshuffled)}
    moved = np.array([abs(places[row] - place) for place, row in enumerate(first)])
    assert np.median(moved) > 100


def test_row_groups_of_the_whole_export_are_mixed(exported: Path) -> None:
    """A buffer of two rows mixes nothing but neighbours: what mixes tenants and files
    is the order of the row groups.
    """
    in_order = keys(RecordBatches(exported).batches())
    places = {row: place for place, row in enumerate(in_order)}
    begins = {
        keys(RecordBatches(exported, shuffle_buffer=2, seed=seed).batches())[0]
        for seed in range(12)
    }
    assert max(places[row] for row in begins) > len(places) / 4


def test_memory_does_not_grow_with_the_file(tmp_path: Path) -> None:
    """The peak of what Arrow holds while batches of a file are read, and of one with 16
    times as many row groups of the same size.
    """
    peaks = {}
    for groups in (2, 32):
        folder = tmp_path / str(groups)
        folder.mkdir()
        with pq.ParquetWriter(
            folder / "part_0.parquet", pa.schema([("number", pa.int64())])
        ) as writer:
            for group in range(groups):
                numbers = np.random.default_rng(group).integers(0, 2**60, 100_000)
                writer.write_table(pa.table({"number": numbers}))
        (folder / "_manifest.json").write_text(
            json.dumps(
                {
                    "winnow": "0.1.0",
                    "format": "parquet",
                    "partitions": [{"rows": groups * 100_000}],
                    "files": [{"path": "part_0.parquet"}],
                }
            )
        )
        reader = RecordBatches(folder, batch_size=1000, shuffle_buffer=20_000)
        before, peak, rows = pa.total_allocated_bytes(), 0, 0
        for batch in reader.batches():
            peak = max(peak, pa.total_allocated_bytes() - before)
            rows += batch.num_rows
        assert rows == groups * 100_000
        peaks[groups] = peak
    assert 0 < peaks[32] < 1.5 * peaks[2]
    assert peaks[32] < 32 * 100_000 * 8 / 4


def test_torch_is_asked_for_in_a_sentence_where_it_is_not_installed() -> None:
    code = "import sys; sys.modules['torch'] = None; import winnow.export.torch_dataset"
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT_ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "ImportError: winnow.export.torch_dataset needs PyTorch" in done.stderr
