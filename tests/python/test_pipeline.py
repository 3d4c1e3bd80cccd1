"""Loads into a real warehouse and lake."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from conftest import Query, Write
from places import PROJECT_ROOT

from winnow.contracts.entities import load_contracts
from winnow.core.dlt_folder import dlt_folder
from winnow.core.errors import InputError
from winnow.core.lock import warehouse_lock
from winnow.core.settings import Settings
from winnow.load.pipeline import LoadResult, load, recover
from winnow.load.raw_tables import ensure_raw_tables, open_warehouse
from winnow.load.sources import ReadOptions

HEADER = "user_id,item_id,event_type\n"
RAW_INTERACTIONS = "raw.canonical_interactions"
COUNT = f"select count(*) from {RAW_INTERACTIONS}"

Load = Callable[..., LoadResult]


@pytest.fixture
def run(settings: Settings) -> Load:
    """``load`` into the test's own warehouse; read options by their names."""
    read_as = {field.name for field in fields(ReadOptions)}

    def run_load(source: str, path: str | Path, **given: Any) -> LoadResult:
        options = ReadOptions(**{k: v for k, v in given.items() if k in read_as})
        others = {k: v for k, v in given.items() if k not in read_as}
        return load(source, path, settings=settings, options=options, **others)

    return run_load


def test_a_load_lands_every_value_with_its_provenance(
    run: Load, write: Write, query: Query
) -> None:
    text = HEADER + '1,a,view\n 2 ,"b\nb",\nbroken\n4,d,like\n'
    path = write("events.csv", text)
    os.utime(path, ns=(0, 1_700_000_000_123_456_789))
    before = dt.datetime.now(dt.UTC).replace(tzinfo=None)
    result = run("canonical", path, tenant="shop_1")
    assert (result.landed, result.unreadable, result.tenant) == (3, 1, "shop_1")
    sha256 = hashlib.sha256(text.encode()).hexdigest()
    same = ("shop_1", str(path), sha256, "ymd", None, result.load_id)
    assert query(
        "select user_id, item_id, event_type, rating, row_number, line_number, "
        "tenant_id, file, file_sha256, date_order, extra, load_id "
        f"from {RAW_INTERACTIONS} order by row_number"
    ) == [
        ("1", "a", "view", None, 1, 2, *same),
        (" 2 ", "b\nb", "", None, 2, 3, *same),
        ("4", "d", "like", None, 4, 6, *same),
    ]
    ((loaded_at, kind),) = query(
        f"select distinct loaded_at, typeof(loaded_at) from {RAW_INTERACTIONS}"
    )
    assert kind == "TIMESTAMP"
    assert before <= loaded_at <= dt.datetime.now(dt.UTC).replace(tzinfo=None)
    assert query(
        "select tenant_id, source, entity, reason, raw_record, file, row_number, "
        "line_number, file_sha256, load_id, loaded_at "
        "from raw.winnow_unreadable_records"
    ) == [
        (
            "shop_1",
            "canonical",
            "interactions",
            "too_few_fields",
            "broken",
            str(path),
            3,
            5,
            sha256,
            result.load_id,
            loaded_at,
        )
    ]
    ((*logged, lake_file),) = query(
        "select tenant_id, source, entity, file, file_sha256, read_options, "
        "row_limit, file_size_bytes, record_count, unreadable_count, load_id, "
        "received_at, loaded_at, lake_file "
        "from raw.winnow_loaded_files"
    )
    assert logged == [
        "shop_1",
        "canonical",
        "interactions",
        str(path),
        sha256,
        "{}",
        None,
        len(text.encode()),
        3,
        1,
        result.load_id,
        dt.datetime(2023, 11, 14, 22, 13, 20, 123_456),
        loaded_at,
    ]
    assert lake_file == (
        f"raw/canonical/interactions/shop_1/{loaded_at:%Y-%m-%d}/"
        f"events-{sha256[:12]}-{result.load_id}.parquet"
    )


def test_readers_of_a_folder_read_the_landing_lake_as_it_is(
    run: Load, write: Write, settings: Settings
) -> None:
    """Also files whose own names begin as those that such readers pass over, and of
    which some have columns without a value.
    """
    for place, name in enumerate(("_a.csv", "Ü.csv", "日本.csv", ".b.csv")):
        device = "tv" if place % 2 else ""
        text = f"{HEADER.strip()},device\n{place},a,view,{device}\n"
        run("canonical", write(f"in/{name}", text), entity="interactions")
    run("canonical", write("items.csv", "item_id,title\ni1,\n"))
    folder = settings.lake / "raw" / "canonical" / "interactions"
    frame = pd.read_parquet(folder)
    assert sorted(frame["user_id"]) == ["0", "1", "2", "3"]
    assert sorted(frame["device"].dropna()) == ["", "", "tv", "tv"]
    assert ds.dataset(folder).count_rows() == 4
    assert duckdb.sql(f"from '{folder}/**/*.parquet'").shape[0] == 4


def test_metadata_under_its_earlier_name_gets_the_new_one(
    run: Load, write: Write, settings: Settings
) -> None:
    run("canonical", write("1.csv", HEADER + "1,a,view\n"), entity="interactions")
    [metadata] = (settings.lake / "raw" / "canonical").rglob("*.json")
    content = metadata.read_text()
    metadata.rename(metadata.with_name(metadata.name[1:]))
    run("canonical", write("2.csv", HEADER + "2,a,view\n"), entity="interactions")
    assert metadata.read_text() == content
    names = [path.name for path in (settings.lake / "raw").rglob("*.json")]
    assert all(name.startswith("_") for name in names)


def test_the_lake_has_each_file_with_metadata_that_is_true(
    run: Load, write: Write, settings: Settings, query: Query
) -> None:
    write("in/items.csv", "item_id,title\ni1,\n")
    folder = write("in/interactions.csv", HEADER + "1,a,view\n2\n").parent
    result = run("canonical", folder)
    parquet_files = sorted(settings.lake.rglob("*.parquet"))
    logged = query("select lake_file from raw.winnow_loaded_files order by 1")
    relative = [path.relative_to(settings.lake).as_posix() for path in parquet_files]
    assert [name for (name,) in logged] == [n for n in relative if "/canonical/" in n]
    assert [n.split("/")[1:3] for n in relative] == [
        ["canonical", "interactions"],
        ["canonical", "items"],
        ["winnow", "loaded_files"],
        ["winnow", "unreadable_records"],
    ]
    for path, name in zip(parquet_files, relative, strict=True):
        metadata = json.loads(
            path.with_name(f"_{path.stem}_metadata.json").read_text(encoding="utf-8")
        )
        data, table = path.read_bytes(), pq.read_table(path)
        source, entity = name.split("/")[1:3]
        columns = load_contracts()[source, entity].raw_columns
        assert table.column_names == list(columns)
        types = {"varchar": "string", "bigint": "int64", "timestamp": "timestamp[us]"}
        assert metadata.pop("memory_usage_bytes") > 0
        assert metadata.pop("timestamp") == f"{table['loaded_at'][0].as_py():%FT%T.%f}Z"
        for extra in ("source_file", "source_sha256"):
            metadata.pop(extra, None)
        assert metadata == {
            "source": source,
            "layer": "raw",
            "entity": entity,
            "tenant_id": "default",
            "load_id": result.load_id,
            "file_path": name,
            "file_size_bytes": len(data),
            "record_count": table.num_rows,
            "schema": [{"name": n, "type": types[t]} for n, t in columns.items()],
            "checksum_md5": hashlib.md5(data).hexdigest(),
            "checksum_sha256": hashlib.sha256(data).hexdigest(),
            "null_counts": {n: table[n].null_count for n in columns},
        }
    there = sorted(one.name for one in settings.lake.iterdir())
    assert there == [".incoming", "_ledger", "raw"]
    assert not list((settings.lake / ".incoming").iterdir())
    assert not dlt_folder(settings).exists()


def test_a_loaded_file_is_skipped_until_it_grows(
    run: Load, write: Write, query: Query
) -> None:
    path = write("events.csv", HEADER + "1,a,view\n")
    first = run("canonical", path)
    again = run("canonical", path)
    assert again.load_id is None
    reason = again.files[0].skipped
    assert reason is not None
    assert f"by load {first.load_id}" in reason
    assert reason.startswith("already loaded on 2")
    assert query(COUNT) == [(1,)]
    # The bytes decide, not the name; and nothing crosses tenants.
    copy = write("copy_of_events.csv", path.read_bytes())
    assert run("canonical", copy).landed == 0
    assert run("canonical", path, tenant="other").landed == 1
    path.write_text(path.read_text() + "2,b,view\n")
    assert run("canonical", path).landed == 2
    assert query(f"{COUNT} where tenant_id = 'default'") == [(3,)]


def test_a_limited_load_does_not_hide_the_rest_of_the_file(
    run: Load, write: Write, query: Query
) -> None:
    path = write("events.csv", HEADER + "1,a,\n2,b,\n3,c,\n")
    assert run("canonical", path, limit=2).landed == 2
    assert run("canonical", path, limit=2).landed == 0
    assert run("canonical", path, limit=1).landed == 0
    assert run("canonical", path).landed == 3
    assert run("canonical", path, limit=2).landed == 0
    assert query("select row_limit, record_count from raw.winnow_loaded_files") == [
        (2, 2),
        (None, 3),
    ]
    lake_files = query("select distinct lake_file from raw.winnow_loaded_files")
    assert len(lake_files) == 2


def test_other_options_read_the_file_anew(
    run: Load, write: Write, query: Query
) -> None:
    path = write("events.csv", "u,user_id,item_id\n1,a,x\n")
    run("canonical", path)
    run("canonical", path, mapping={"user_id": "u"})
    found = f"select user_id, extra from {RAW_INTERACTIONS} order by user_id"
    assert query(found) == [("1", '{"user_id":"a"}'), ("a", '{"u":"1"}')]


def test_two_copies_in_one_folder_are_loaded_once(
    run: Load, write: Write, query: Query
) -> None:
    write("in/b.csv", HEADER + "1,a,\n")
    folder = write("in/a.csv", HEADER + "1,a,\n").parent
    result = run("canonical", folder)
    assert [file.skipped for file in result.files] == [
        None,
        f"same bytes as {folder / 'a.csv'}",
    ]
    assert query(COUNT) == [(1,)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b" \n", r"bad\.csv is empty"),
        (b"colour,size\nred,4\n", r"bad\.csv, line 1: .*needs the columns user_id"),
        (b"user_id,user_id,item_id\n1,2,3\n", r"bad\.csv.*user_id"),
        (bytes(range(256)) * 40, r"bad\.csv"),
        (b"\x1f\x8b\x08\x00broken", r"bad\.csv"),
    ],
    ids=["empty", "wrong columns", "duplicate header", "binary junk", "broken gzip"],
)
def test_a_file_that_cannot_be_used_stops_the_whole_load(
    run: Load,
    write: Write,
    settings: Settings,
    content: bytes,
    message: str,
) -> None:
    write("in/a_good.csv", HEADER + "1,a,view\n")
    folder = write("in/bad.csv", content).parent
    with pytest.raises(InputError, match=message) as caught:
        run("canonical", folder)
    assert "\n" not in str(caught.value)
    assert not settings.warehouse.exists(), "it was not even opened"
    assert not [path for path in settings.lake.rglob("*") if path.is_file()]
    # What was wrong is put right; nothing of the failed load is in the way.
    (folder / "bad.csv").write_text(HEADER + "2,b,view\n")
    assert run("canonical", folder).landed == 2


def test_one_bad_row_in_a_thousand_is_counted_and_the_rest_lands(
    run: Load, write: Write, query: Query
) -> None:
    lines = [f"{n},i{n},view" for n in range(1000)]
    lines[500] = "500,i500,view,surplus"
    result = run("canonical", write("events.csv", HEADER + "\n".join(lines)))
    assert (result.landed, result.unreadable) == (999, 1)
    assert query(
        "select reason, row_number, line_number, raw_record "
        "from raw.winnow_unreadable_records"
    ) == [("too_many_fields", 501, 502, "500,i500,view,surplus")]


@pytest.mark.parametrize(
    ("content", "landed", "reasons"),
    [
        (b"\xef\xbb\xbfuser_id,item_id\n1,a\n", [("1", "a")], []),
        (b"user_id,item_id\r\n1,a\r\n2,b\r\n", [("1", "a"), ("2", "b")], []),
        (b'user_id,item_id\n1,"a\r\nb ""c"""\n', [("1", 'a\r\nb "c"')], []),
        (b"user_id,item_id\n1,a\x00b\n2,b\n", [("2", "b")], ["nul_byte"]),
        (b"user_id,item_id\n1,\xc3\xa9\n2,\xff\xfe\n", [("1", "é")], ["encoding"]),
    ],
    ids=["BOM", "CRLF", "quoted newline", "NUL byte", "bad UTF-8"],
)
def test_marks_line_ends_and_broken_bytes(
    run: Load,
    write: Write,
    query: Query,
    content: bytes,
    landed: list[tuple[str, str]],
    reasons: list[str],
) -> None:
    rows = b"".join(b"9,i%d\n" % n for n in range(2000))
    run("canonical", write("events.csv", content + rows), encoding="utf-8")
    assert (
        query(
            f"select user_id, item_id from {RAW_INTERACTIONS} "
            "where user_id <> '9' order by 1"
        )
        == landed
    )
    found = query("select reason from raw.winnow_unreadable_records")
    assert len(found) == len(reasons)
    assert all(part in reason for (reason,), part in zip(found, reasons, strict=True))


def test_a_header_without_records_is_loaded_as_nothing(
    run: Load, write: Write, query: Query
) -> None:
    path = write("events.csv", HEADER)
    assert run("canonical", path).landed == 0
    assert query("select record_count from raw.winnow_loaded_files") == [(0,)]
    assert run("canonical", path).files[0].skipped is not None


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"tenant": "Shop"}, "'Shop' cannot be a tenant"),
        ({"tenant": ""}, "'' cannot be a tenant"),
        ({"tenant": "../x"}, "cannot be a tenant"),
        ({"limit": 0}, "limit of 0"),
        ({"date_order": "iso"}, "'iso' is no order of dates"),
        ({"mapping": {"user": "user_id"}}, "no column user; it has .*user_id"),
        ({"mapping": {"rating": "stars"}}, r"events\.csv, line 1, has no column stars"),
    ],
)
def test_options_that_make_no_sense_are_refused(
    run: Load, write: Write, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        run("canonical", write("events.csv", HEADER + "1,a,\n"), **options)


def test_a_file_that_changes_while_it_is_read_is_refused(
    run: Load, write: Write, query: Query, settings: Settings
) -> None:
    path = write("events.csv", HEADER + "1,a,\n")

    class Appends:
        def start(self, file: Path, total_bytes: int) -> None: ...

        def advance(self, total_read: int, landed: int, unreadable: int) -> None:
            path.write_text(HEADER + "1,a,\n2,b,\n")

        def store(self, landed: int) -> None: ...

    with pytest.raises(InputError, match=r"events\.csv changed while it was read"):
        run("canonical", path, progress=Appends())
    assert not settings.warehouse.exists()
    assert not [one for one in settings.lake.rglob("*") if one.is_file()]
    assert run("canonical", path).landed == 2


def test_the_tables_may_be_there_before_the_first_load(
    run: Load, write: Write, query: Query, settings: Settings
) -> None:
    settings.warehouse.parent.mkdir(parents=True)
    with duckdb.connect(str(settings.warehouse)) as connection:
        ensure_raw_tables(connection)
        # As an earlier contract would have made it.
        connection.execute(f"alter table {RAW_INTERACTIONS} drop column price")
        connection.execute("alter table raw.winnow_loaded_files drop received_at")
    assert run("canonical", write("a.csv", HEADER + "1,a,\n")).landed == 1
    columns = query(
        "select column_name, lower(data_type) from duckdb_columns() "
        "where table_name = 'canonical_interactions'"
    )
    assert dict(columns) == load_contracts()["canonical", "interactions"].raw_columns
    logged = query("select received_at is null from raw.winnow_loaded_files")
    assert logged == [(False,)]


def test_the_state_folder_may_be_deleted(
    run: Load, write: Write, query: Query, settings: Settings
) -> None:
    run("canonical", write("a.csv", HEADER + "1,a,\n"))
    shutil.rmtree(settings.state)
    assert run("canonical", write("a.csv", HEADER + "1,a,\n")).landed == 0
    assert run("canonical", write("b.csv", HEADER + "2,b,\n")).landed == 1
    assert query(COUNT) == [(2,)]


def test_a_warehouse_that_was_deleted_comes_back_from_the_lake(
    run: Load, write: Write, query: Query, settings: Settings
) -> None:
    path = write("a.csv", HEADER + "1,a,\n2\n")
    run("canonical", path)
    run("canonical", write("b.csv", HEADER + "2,b,\n"))
    every_row = f"select columns(*) from {RAW_INTERACTIONS} order by all"
    rows = query(every_row)
    settings.warehouse.unlink()
    assert run("canonical", path).landed == 0
    assert query(every_row) == rows
    assert query("select raw_record from raw.winnow_unreadable_records") == [("2",)]


def test_a_lake_that_was_deleted_or_is_another_is_named_and_nothing_is_lost(
    run: Load, write: Write, query: Query, settings: Settings
) -> None:
    run("canonical", write("a.csv", HEADER + "1,a,\n"))
    settings.lake.rename(settings.lake.with_name("moved"))
    for _ in range(2):
        with pytest.raises(InputError, match=r"another landing lake: .* no ledger"):
            run("canonical", write("b.csv", HEADER + "2,b,\n"))
    assert not settings.lake.exists()
    other = settings.model_copy(update={"warehouse": settings.state / "w.duckdb"})
    load("canonical", write("b.csv", HEADER + "2,b,\n"), settings=other)
    with pytest.raises(InputError, match=r"has another ledger\. Name the lake"):
        run("canonical", write("c.csv", HEADER + "2,b,\n"))
    assert query(COUNT) == [(1,)]
    shutil.rmtree(settings.lake)
    settings.lake.with_name("moved").rename(settings.lake)
    assert run("canonical", write("b.csv", HEADER + "2,b,\n")).landed == 1
    assert query(COUNT) == [(2,)]


def test_a_failed_insert_leaves_nothing_in_raw_and_is_made_good(
    run: Load,
    write: Write,
    query: Query,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob

    insert = DuckDbCopyJob.run

    def fail_on_items(job: Any) -> None:
        if "canonical_items" in job._file_path:
            raise duckdb.ConversionException("no room")
        insert(job)

    write("in/items.csv", "item_id,title\ni1,\n")
    folder = write("in/interactions.csv", HEADER + "1,a,view\n").parent
    with monkeypatch.context() as patch:
        patch.setattr(DuckDbCopyJob, "run", fail_on_items)
        with pytest.raises(Exception, match="no room"):
            run("canonical", folder)
    # It has landed, and raw shows nothing of it until all of it is there.
    assert query(COUNT) == [(0,)]
    assert run("canonical", folder).landed == 0
    assert query(COUNT) == [(1,)]
    assert query("select count(*) from raw.canonical_items") == [(1,)]


def test_recover_costs_nothing_when_nothing_was_cut_short(settings: Settings) -> None:
    assert recover(settings) == 0
    assert not settings.warehouse.exists()


def test_rows_reach_the_warehouse_without_being_copied(
    run: Load, write: Write, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    from dlt.destinations.impl.duckdb.duck import DuckDbCopyJob

    insert, inserted = DuckDbCopyJob.run, set()

    def note_inode(job: Any) -> None:
        inserted.add(Path(job._file_path).stat().st_ino)
        insert(job)

    monkeypatch.setattr(DuckDbCopyJob, "run", note_inode)
    run("canonical", write("a.csv", HEADER + "1,a,\n"))
    assert inserted == {p.stat().st_ino for p in settings.lake.rglob("*.parquet")}


# The lock


def test_a_load_beside_another_writer_lands_and_waits(
    run: Load, write: Write, query: Query, settings: Settings
) -> None:
    run("canonical", write("a.csv", HEADER + "1,a,\n"))
    path = write("b.csv", HEADER + "2,b,\n")
    with warehouse_lock(settings):
        waiting = run("canonical", path)
        assert waiting.landed == 1
        assert waiting.waits is not None
        assert "enter it with the next build" in waiting.waits
        assert run("canonical", path).files[0].skipped is not None
        assert query(COUNT) == [(1,)]
    assert run("canonical", path).landed == 0
    assert query(COUNT) == [(2,)]


def test_a_load_lands_while_the_warehouse_is_open_elsewhere(
    run: Load, write: Write, query: Query, settings: Settings
) -> None:
    settings.warehouse.parent.mkdir(parents=True)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys\n"
            f"connection = duckdb.connect({str(settings.warehouse)!r})\n"
            "print('open', flush=True)\nsys.stdin.read()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        result = run("canonical", write("a.csv", HEADER + "1,a,\n"))
        assert result.landed == 1
        assert result.waits is not None
    finally:
        holder.kill()
        holder.wait()
    assert run("canonical", write("b.csv", HEADER + "1,b,\n")).waits is None
    assert query(COUNT) == [(2,)]


def test_the_lock_is_free_when_its_holder_is_killed(settings: Settings) -> None:
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import sys\nfrom winnow.core.lock import warehouse_lock\n"
            "from winnow.core.settings import settings\n"
            "with warehouse_lock(settings()):\n"
            "    print('held', flush=True)\n    sys.stdin.read()",
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | settings.environment(),
        cwd=PROJECT_ROOT,
    )
    try:
        assert holder.stdout is not None
        holder.stdout.readline()
        with (
            pytest.raises(InputError, match=f"process {holder.pid} holds"),
            warehouse_lock(settings),
        ):
            pass
    finally:
        holder.kill()
        holder.wait()
    with warehouse_lock(settings, wait_seconds=5), open_warehouse(settings):
        pass


# Published data


def test_ml_100k_lands_whole(
    run: Load, query: Query, real_data: Callable[[str], Path]
) -> None:
    result = run("movielens", real_data("ml-100k"))
    assert {file.entity: file.landed for file in result.files} == {
        "ratings": 100_000,
        "movies": 1_682,
        "users": 943,
    }
    assert result.unreadable == 0
    assert query(
        "select count(distinct user_id), count(distinct movie_id), sum(rating::int) "
        "from raw.movielens_ratings"
    ) == [(943, 1_682, 352_986)]
    # u.genre says which flag is which: the last but one of the nineteen is War.
    assert query(
        "select count(*) from raw.movielens_movies "
        "where split(genre_flags, '|')[18] = '1'"
    ) == [(71,)]
    assert query("select title from raw.movielens_movies where movie_id = '543'") == [
        ("Misérables, Les (1995)",)
    ]


def test_ml_latest_small_lands_whole(
    run: Load, query: Query, real_data: Callable[[str], Path]
) -> None:
    result = run("movielens", real_data("ml-latest-small"), tenant="ml-small")
    assert {file.entity: file.landed for file in result.files} == {
        "movies": 9_742,
        "ratings": 100_836,
        "tags": 3_683,
    }
    assert query(
        "select count(distinct user_id), count(distinct movie_id) "
        "from raw.movielens_ratings where tenant_id = 'ml-small'"
    ) == [(610, 9_724)]


def test_microlens_50k_lands_whole(
    run: Load, query: Query, real_data: Callable[[str], Path]
) -> None:
    result = run("microlens", real_data("microlens-50k"))
    assert {file.entity: file.landed for file in result.files} == {
        "pairs": 359_708,
        "titles": 19_220,
    }
    assert query(
        "select count(distinct user_id), count(distinct item_id), "
        "max(position::int), count(timestamp) from raw.microlens_pairs"
    ) == [(50_000, 19_220, 218, 0)]


def test_the_same_bytes_in_other_hive_folders_are_other_files(
    run: Load, write: Write, query: Query
) -> None:
    text = "user_id,item_id\n1,a\nbroken\n"
    for day in ("2024-01-01", "2024-01-02"):
        write(f"in/day={day}/event_type=view/part-0.csv", text)
    folder = write("in/day=2024-01-02/event_type=view/part-1.csv", text).parents[2]
    result = run("canonical", folder, recursive=True)
    assert (result.landed, result.unreadable) == (2, 2)
    skipped = [one.skipped for one in result.files]
    assert skipped[:2] == [None, None]
    assert (
        skipped[2]
        == f"same bytes as {folder}/day=2024-01-02/event_type=view/part-0.csv"
    )
    assert query(
        "select extra, event_type from raw.canonical_interactions order by all"
    ) == [('{"day":"2024-01-01"}', "view"), ('{"day":"2024-01-02"}', "view")]
    assert query(
        "select count(distinct file_sha256), count(distinct lake_file), count(*) "
        "from raw.winnow_loaded_files"
    ) == [(2, 2, 2)]
    again = run("canonical", folder, recursive=True)
    assert again.load_id is None
    assert all("already loaded" in (one.skipped or "") for one in again.files[:2])
    # Named by itself it says nothing of its folder, and is one more file.
    assert run("canonical", folder / "day=2024-01-01/event_type=view").landed == 1
