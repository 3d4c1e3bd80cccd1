"""What each file is taken for, and which files of a folder or pattern are read."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import Write

from winnow.core.errors import InputError
from winnow.core.file_names import path_text
from winnow.load.recognition import Recognised, recognise_files
from winnow.load.records import read_records
from winnow.load.sources import LeftOut, ReadOptions
from winnow.readers.parquet import parquet_columns


def recognised(
    source: str,
    path: str | Path,
    entity: str | None = None,
    recursive: bool = False,
    **options: Any,
) -> tuple[list[Recognised], list[LeftOut]]:
    return recognise_files(source, path, entity, ReadOptions(**options), recursive)


def found(*arguments: Any, **options: Any) -> dict[str, str]:
    """Name of each file that would be loaded → its entity."""
    files, _ = recognised(*arguments, **options)
    return {one.file.path.name: one.entity.name for one in files}


def left_out(*arguments: Any, **options: Any) -> dict[str, str]:
    """Name of each file that would not be loaded → why."""
    _, others = recognised(*arguments, **options)
    return {one.path.name: one.reason for one in others}


def read(one: Recognised, **options: Any) -> list[dict[str, Any]]:
    """All records of a file that was recognised."""
    given = ReadOptions(**options)
    parts = read_records(one.file, one.entity, "t", given)
    return [
        row
        for part in parts
        if part.row_count
        for row in pa.table(dict(part.columns)).to_pylist()
    ]


# Which entity


@pytest.mark.parametrize(
    ("name", "header", "entity"),
    [
        # A user and an item are an event, whatever the file is called.
        ("user_ratings.csv", "user_id,item_id,rating,timestamp", "interactions"),
        ("UserBehavior.csv", "user_id,item_id,category,action,ts", "interactions"),
        ("item_views.csv", "user_id,item_id,timestamp", "interactions"),
        ("prediction_clicks.csv", "user_id,item_id,event_type,ts", "interactions"),
        ("prediction_log.csv", "user_id,item_id,timestamp", "interactions"),
        ("users.csv", "user_id,item_id,age,gender,country", "interactions"),
        ("items.csv", "user_id,item_id,title,genres,brand", "interactions"),
        ("pairs.csv", "user_id,item_id", "interactions"),
        ("pairs.csv", "user_id,item_id,weight", "interactions"),
        ("x.csv", "user_id,item_id,ts,event_type,device,model", "interactions"),
        # One id and more of its entity.
        ("items.csv", "item_id,title,price", "items"),
        ("interactions.csv", "item_id,title,price", "items"),
        ("movies.csv", "movieId,title,genres", "items"),
        ("x.csv", "id,name,category", "items"),
        ("users.csv", "user_id,item_count,age", "users"),
        ("item_buyers.csv", "user_id,item_count,age", "users"),
        ("x.csv", "id,age,gender", "users"),
        ("x.csv", "user_id", "users"),
        ("x.csv", "item_id", "items"),
        # What a model said.
        ("x.csv", "model,user_id,item_id,score", "predictions"),
        ("x.csv", "model,user_id,item_id,rank", "predictions"),
        ("interactions.csv", "model,user_id,item_id,rank", "predictions"),
        # Alike: the name tells.
        ("users.csv", "id,created_at", "users"),
        ("items.csv", "id,created_at", "items"),
        ("users.csv", "id", "users"),
        ("predictions.csv", "model,user_id,item_id,rating", "predictions"),
        ("interactions.csv", "model,user_id,item_id,rating", "interactions"),
    ],
)
def test_the_columns_tell_the_entity_and_the_name_breaks_ties(
    write: Write, name: str, header: str, entity: str
) -> None:
    values = ",".join("1" for _ in header.split(","))
    path = write(f"in/{name}", f"{header}\n{values}\n")
    assert found("canonical", path) == {name: entity}
    assert found("canonical", path.parent) == {name: entity}
    assert found("canonical", str(path.parent / "*")) == {name: entity}


@pytest.mark.parametrize(
    ("source", "name", "header", "entity"),
    [
        (
            "recomart",
            "user_log.csv",
            "order_id,user_id,product_id,date",
            "transactions",
        ),
        ("recomart", "product_sales.csv", "id,userid,item_id,time", "transactions"),
        ("recomart", "transactions.csv", "user_id,age,gender", "users"),
        ("recomart", "user_products.csv", "product_id,name,price", "products"),
        ("recomart", "products.csv", "id,created_at,name", "products"),
        ("recomart", "users.csv", "id", "users"),
        ("microlens", "x.csv", "user,item,timestamp", "pairs"),
        ("microlens", "x.csv", "item,title", "titles"),
        ("movielens", "x.csv", "userId,movieId,tag,timestamp", "tags"),
        ("movielens", "x.csv", "userId,movieId,rating,timestamp", "ratings"),
        ("movielens", "ratings.csv", "userId,movieId,rating,timestamp", "ratings"),
    ],
)
def test_every_source_goes_by_the_columns(
    write: Write, source: str, name: str, header: str, entity: str
) -> None:
    values = ",".join("1" for _ in header.split(","))
    assert found(source, write(name, f"{header}\n{values}\n")) == {name: entity}


@pytest.mark.parametrize("source", ["canonical", "recomart"])
@pytest.mark.parametrize("name", ["users.csv", "export.csv"])
def test_an_id_alone_beside_other_columns_asks_for_the_entity(
    write: Write, source: str, name: str
) -> None:
    path = write(name, "user_id,plan\n1,gold\n")
    with pytest.raises(InputError, match=r"csv, line 1: .*user_id, plan .*--entity u"):
        recognised(source, path)
    assert found(source, path, "users") == {name: "users"}
    assert found(source, path.parent, "users") == {name: "users"}


def test_columns_that_fit_two_alike_ask_where_the_name_says_nothing(
    write: Write,
) -> None:
    for header, names in (
        ("id,created_at", "items and users"),
        ("model,user_id,item_id,rating", "interactions and predictions"),
    ):
        values = ",".join("1" for _ in header.split(","))
        path = write("x.csv", f"{header}\n{values}\n")
        with pytest.raises(InputError, match=rf"fit {names} alike; .*--entity"):
            recognised("canonical", path)


def test_an_id_that_could_be_anybodys_asks_where_the_name_says_otherwise(
    write: Write,
) -> None:
    path = write("users.csv", "id,name,created_at\n1,2,3\n")
    with pytest.raises(InputError, match=r"fit items best, and the name says users"):
        recognised("canonical", path)
    assert found("canonical", write("x.csv", "id,name\n1,2\n")) == {"x.csv": "items"}


def test_an_event_without_its_item_is_not_a_user(write: Write) -> None:
    path = write("review.csv", "review_id,user_id,business_id,stars,date\n1,2,3,4,5\n")
    with pytest.raises(InputError, match=r"needs the column item_id, .*--entity users"):
        recognised("canonical", path)
    assert found("canonical", path, mapping={"item_id": "business_id"}) == {
        "review.csv": "interactions"
    }


def test_predictions_without_a_model_are_not_taken_for_events(write: Write) -> None:
    path = write("predictions.csv", "user_id,item_id,score\n1,2,0.5\n")
    with pytest.raises(InputError, match=r"needs the column model, .*interactions"):
        recognised("canonical", path)
    mapped = {"model": "score"}
    assert found("canonical", path, mapping=mapped) == {path.name: "predictions"}
    assert found("canonical", path, "interactions") == {path.name: "interactions"}


def test_columns_that_are_ambiguous_are_not_left_for_a_lesser_entity(
    write: Write,
) -> None:
    path = write("x.csv", "user_id,item_id,time,date,age\n1,2,3,4,5\n")
    with pytest.raises(InputError, match=r"time and date could both be interacted_at"):
        recognised("canonical", path)
    assert found("canonical", path, mapping={"interacted_at": "date"}) == {
        "x.csv": "interactions"
    }


def test_a_mapping_decides_for_files_without_header(write: Write) -> None:
    path = write("x.csv", "7,x,a\n8,y,b\n")
    for mapping, entity in (
        ({"user_id": "1", "item_id": "2", "event_type": "3"}, "interactions"),
        ({"user_id": "1", "item_id": "2", "model": "3"}, "predictions"),
        ({"item_id": "1", "title": "2"}, "items"),
        ({"user_id": "1", "age": "2"}, "users"),
    ):
        assert found("canonical", path, header=False, mapping=mapping) == {
            "x.csv": entity
        }


def test_a_mapping_that_no_entity_has_is_said(write: Write) -> None:
    path = write("x.csv", "user_id,item_id,w\n1,2,3\n")
    with pytest.raises(InputError, match=r"no column weight; it has .*user_id"):
        recognised("canonical", path, mapping={"weight": "w"})


def test_a_parquet_file_is_known_by_its_schema(tmp_path: Path) -> None:
    rows = pa.table(
        {"user_id": pa.array([], "int64"), "row_number": pa.array([], "f8")}
    )
    pq.write_table(
        rows.append_column("item_id", rows["user_id"]), tmp_path / "u.parquet"
    )
    assert parquet_columns(tmp_path / "u.parquet") == (
        *("user_id", "row_number_", "item_id"),
    )
    assert found("canonical", tmp_path) == {"u.parquet": "interactions"}
    (tmp_path / "u.parquet").write_bytes(b"PAR1 and nothing more")
    with pytest.raises(InputError, match=r"u\.parquet cannot be read as Parquet: "):
        recognised("canonical", tmp_path)


def test_keys_of_later_json_records_count(write: Write) -> None:
    lines = '{"user_id": 1}\n{"user_id": 1, "item_id": 2}\n'
    assert found("canonical", write("users.jsonl", lines)) == {
        "users.jsonl": "interactions"
    }


def test_columns_that_fit_nothing_name_what_is_missing_and_both_ways_out(
    write: Write,
) -> None:
    path = write("people.csv", "colour,size\nred,4\n")
    with pytest.raises(InputError) as raised:
        recognised("canonical", path)
    assert str(raised.value) == (
        f"{path}, line 1: canonical interactions needs the columns user_id, item_id, "
        "and the file has colour, size; say which one it is with --map user_id=COLUMN; "
        "or name another entity (items, users, predictions) with --entity."
    )
    files, _ = recognised("canonical", path, "users")
    with pytest.raises(InputError, match=r"users needs the column user_id, and the"):
        read(files[0])


def test_a_published_name_over_other_columns_says_what_they_fit(write: Write) -> None:
    path = write("ratings.csv", "movieId,title,genres\n1,2,3\n")
    with pytest.raises(InputError, match=r"ratings needs .*fit movies of movielens"):
        recognised("movielens", path)
    path = write("users.csv", "user,item,stars,time\n1,2,3,4\n")
    with pytest.raises(InputError, match=r"users needs .*fit interactions of canonica"):
        recognised("movielens", path)
    path = write("x_titles.csv", "user,time\n1,2\n")
    with pytest.raises(InputError, match=r"microlens titles needs the column item_id"):
        recognised("microlens", path)


def test_a_header_of_another_source_is_noted(write: Write) -> None:
    def notes(header: str) -> list[str]:
        values = ",".join("1" for _ in header.split(","))
        files, _ = recognised("canonical", write("x.csv", f"{header}\n{values}\n"))
        return [note for one in files for note in one.notes]

    (note,) = notes("userId,movieId,rating,timestamp")
    assert "movielens's ratings" in note
    (note,) = notes("movieId,title,genres")
    assert "movielens's movies" in note
    assert notes("user_id,item_id,rating,timestamp") == []
    assert notes("user_id,item_id,timestamp") == []
    assert notes("user_id,movie_id") == []


def test_a_file_that_has_more_of_another_entity_says_so(write: Write) -> None:
    path = write("items.csv", "user_id,item_id,title,genres,brand\n1,2,3,4,5\n")
    files, _ = recognised("canonical", path)
    assert files[0].notes == (
        "It has more columns of items: --entity items if it holds those.",
    )


def test_a_part_without_records_is_a_file_of_none(write: Write, tmp_path: Path) -> None:
    rows = pa.table({"item_id": ["1"], "title": ["2"]})
    (tmp_path / "in").mkdir()
    pq.write_table(rows, tmp_path / "in" / "part-0.parquet")
    pq.write_table(rows.slice(0, 0), tmp_path / "in" / "part-1.parquet")
    write("in/page-0.json", '[{"item_id": 1, "title": 2}]')
    write("in/page-1.json", "[]")
    write("in/page-2.json", " [ ]\n")
    write("in/a.csv", "item_id,title\n1,2\n")
    write("in/b.csv", "item_id,title\n")
    files, _ = recognised("canonical", tmp_path / "in")
    assert {one.file.path.name: (one.entity.name, len(read(one))) for one in files} == {
        "a.csv": ("items", 1),
        "b.csv": ("items", 0),
        "page-0.json": ("items", 1),
        "page-1.json": ("items", 0),
        "page-2.json": ("items", 0),
        "part-0.parquet": ("items", 1),
        "part-1.parquet": ("items", 0),
    }
    assert found("canonical", tmp_path / "in" / "page-1.json") == {
        "page-1.json": "interactions"
    }


# Folders


def test_of_a_folder_text_is_taken_where_its_columns_fit(write: Write) -> None:
    write("in/README.txt", "Events of the shop, by day, as they came.\nTwo, three.\n")
    write("in/LICENSE", "Do as you like.\n")
    write("in/picture.dat", bytes(range(256)) * 8)
    write("in/notes.md", "user_id,item_id\n1,2\n")
    write("in/_SUCCESS", "")
    write("in/events.txt", "user_id\titem_id\n1\t2\n")
    write("in/part-00000", "user_id,item_id\n1,3\n")
    folder = write("in/users.dat", "user_id|age\n1|2\n").parent
    expected = {
        "events.txt": "interactions",
        "part-00000": "interactions",
        "users.dat": "users",
    }
    for path in (folder, str(folder / "*")):
        assert found("canonical", path) == expected
        reasons = left_out("canonical", path)
        assert set(reasons) == {
            *("README.txt", "LICENSE", "picture.dat", "notes.md", "_SUCCESS")
        }
        assert all(reasons.values())
        assert reasons["_SUCCESS"] == "its name begins with an underscore"
        assert reasons["notes.md"] == "not part of canonical"
    assert found("canonical", folder, "users") == {"users.dat": "users"}
    assert left_out("canonical", folder, "users")["events.txt"] == (
        "holds interactions, not users"
    )


def test_text_is_not_taken_because_positions_fit_anything(write: Write) -> None:
    write(
        "in/README.txt", "Events,\n\nas they came, by day, one\nper line\nand so on\n"
    )
    folder = write("in/events.dat", "1,2\n3,4\n").parent
    mapping = {"user_id": "1", "item_id": "2"}
    assert found("canonical", folder, header=False, mapping=mapping) == {
        "events.dat": "interactions"
    }


def test_data_that_fits_nothing_stops_the_folder(write: Write) -> None:
    write("in/events.csv", "user_id,item_id\n1,2\n")
    folder = write("in/colours.csv", "colour,size\nred,4\n").parent
    with pytest.raises(InputError, match=r"colours\.csv, line 1: .* needs the columns"):
        recognised("canonical", folder)
    # Of a folder of RecoMart only what speaks of it must fit.
    write("shop/users.csv", "user_id,age\n1,2\n")
    folder = write("shop/colours.csv", "colour,size\nred,4\n").parent
    assert found("recomart", folder) == {"users.csv": "users"}
    assert list(left_out("recomart", folder)) == ["colours.csv"]


def test_a_folder_without_anything_that_fits_says_why(write: Write) -> None:
    folder = write("in/README.txt", "Hello, reader\n").parent
    with pytest.raises(InputError, match=r"README\.txt, line 1: .* is no header"):
        recognised("canonical", folder)


def test_subfolders_are_named_and_loaded_when_asked(write: Write) -> None:
    write("tree/a/one.csv", "user_id,item_id\n1,2\n")
    write("tree/a/b/two.csv", "user_id,item_id\n1,3\n")
    write("tree/.git/three.csv", "user_id,item_id\n1,4\n")
    write("tree/_temporary/four.csv", "user_id,item_id\n1,5\n")
    tree = write("tree/zero.csv", "user_id,item_id\n1,1\n").parent
    for path in (tree, str(tree / "*")):
        assert set(found("canonical", path)) == {"zero.csv"}
        assert left_out("canonical", path) == {
            "a": "a folder; --recursive loads it, too",
            ".git": "its name begins with a dot",
            "_temporary": "its name begins with an underscore",
        }
        assert set(found("canonical", path, recursive=True)) == {
            *("zero.csv", "one.csv", "two.csv")
        }
    assert set(found("canonical", str(tree / "**" / "*.csv"))) == {
        *("zero.csv", "one.csv", "two.csv")
    }
    assert set(found("canonical", str(tree / ".git" / "*.csv"))) == {"three.csv"}
    assert set(found("canonical", str(tree / "_*" / "*.csv"))) == {"four.csv"}
    with pytest.raises(InputError, match=r"no files, only folders \(b\); --recursive"):
        (tree / "a" / "one.csv").unlink()
        recognised("canonical", tree / "a")


def test_folders_that_link_in_a_circle_are_entered_once(write: Write) -> None:
    tree = write("up/tree/a/one.csv", "user_id,item_id\n1,2\n").parent.parent
    write("up/other.csv", "user_id,item_id\n1,3\n")
    away = write("away/two.csv", "user_id,item_id\n1,4\n").parent
    (tree / "a" / "loop").symlink_to(tree / "a")
    (tree / "up").symlink_to(tree.parent)
    (tree / "away").symlink_to(away)
    (tree / "broken.csv").symlink_to(tree / "nothing.csv")
    files, _ = recognised("canonical", tree, recursive=True)
    assert [one.file.path for one in files] == [
        *(tree / "a" / "one.csv", tree / "away" / "two.csv")
    ]
    assert set(left_out("canonical", tree, recursive=True)) == {
        *("loop", "up", "broken.csv")
    }


def test_values_in_the_names_of_folders_are_columns(tmp_path: Path) -> None:
    rows = pa.table({"user_id": [1], "item_id": ["a"]})
    for day, kind in (
        ("2024-01-01", "view"),
        ("2024-01-02", "add%20to%2Fcart"),
        ("__HIVE_DEFAULT_PARTITION__", "view"),
    ):
        folder = tmp_path / f"hive/date={day}/event_type={kind}/region=eu"
        folder.mkdir(parents=True)
        pq.write_table(rows, folder / "part-0.parquet")
    for path in (tmp_path / "hive", str(tmp_path / "hive" / "date=*")):
        files, _ = recognised("canonical", path, recursive=True)
        records = [record for one in files for record in read(one)]
        assert [
            (record["interacted_at"], record["event_type"], json.loads(record["extra"]))
            for record in records
        ] == [
            ("2024-01-01", "view", {"region": "eu"}),
            ("2024-01-02", "add to/cart", {"region": "eu"}),
            (None, "view", {"region": "eu"}),
        ]
    # A folder that is named is no part of what lies below.
    files, _ = recognised("canonical", folder)
    assert read(files[0])[0]["event_type"] is None


def test_a_files_own_columns_beat_those_of_its_folders(write: Write) -> None:
    write("h/date=2024-01-01/USER_ID=9/a.csv", "user_id,item_id,timestamp\n1,2,3\n")
    files, _ = recognised("canonical", write("h/x.txt", "").parent, recursive=True)
    (record,) = read(files[0])
    assert (record["user_id"], record["interacted_at"]) == ("1", "3")
    assert json.loads(record["extra"]) == {"date": "2024-01-01"}
    mapping = {"interacted_at": "date"}
    (record,) = read(files[0], mapping=mapping)
    assert record["interacted_at"] == "2024-01-01"
    assert json.loads(record["extra"]) == {"timestamp": "3"}


def test_folders_can_fill_what_the_contract_requires(write: Write) -> None:
    folder = write("h/user_id=7/a.jsonl", '{"item_id": 1}\n{"item_id": 2, "w": 1}\n')
    write("h/user_id=8/a.csv", "item_id\n3\n")
    files, _ = recognised("canonical", folder.parent.parent, recursive=True)
    assert [one.entity.name for one in files] == ["interactions", "interactions"]
    users = [record["user_id"] for one in files for record in read(one)]
    assert users == ["7", "7", "8"]


def test_records_in_the_folder_of_another_tenant_are_faults(write: Write) -> None:
    for tenant in ("t", "other"):
        path = write(f"h/tenant_id={tenant}/a.csv", "user_id,item_id\n1,2\n")
    files, _ = recognised("canonical", path.parent.parent, recursive=True)
    reasons = [
        [
            reason
            for part in read_records(one.file, one.entity, "t", ReadOptions())
            for reason in part.faults["reason"].to_pylist()
        ]
        for one in files
    ]
    assert reasons == [["wrong_tenant"], []]


@pytest.mark.parametrize(
    "name",
    ["[x].csv", "it's.csv", "100%.csv", "a b.csv", "new\nline.csv", "ä😀.csv", "*.csv"],
)
def test_files_and_folders_may_have_any_name(write: Write, name: str) -> None:
    path = write(f"in {name}/{name}", "user_id,item_id\n1,2\n")
    write(f"in {name}/x.csv", "user_id,item_id\n1,3\n")
    assert list(found("canonical", path)) == [name]
    assert set(found("canonical", path.parent)) == {name, "x.csv"}
    assert set(found("canonical", str(path.parent / "*"))) == {name, "x.csv"}


@pytest.mark.parametrize("name", ["[x]", "it's", "100%", "n\nl", "x*", "{x}", "x?"])
def test_parquet_is_read_from_the_file_of_that_name(tmp_path: Path, name: str) -> None:
    for stem in (name, "x", "xx"):
        rows = pa.table({"user_id": [stem], "item_id": ["a"]})
        (tmp_path / name).mkdir(exist_ok=True)
        pq.write_table(rows, tmp_path / name / f"{stem}.parquet")
    files, _ = recognised("canonical", tmp_path / name / f"{name}.parquet")
    assert [record["user_id"] for record in read(files[0])] == [name]


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_name_may_have_bytes_that_are_not_utf_8(tmp_path: Path, suffix: str) -> None:
    path = Path(os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9." + suffix.encode()))
    rows = pa.table({"user_id": ["1"], "item_id": ["2"]})
    if suffix == "csv":
        path.write_text("user_id,item_id\n1,2\n")
    else:
        with path.open("wb") as file:
            pq.write_table(rows, file)
    assert path_text(path).endswith(f"caf\\xe9.{suffix}")
    for place in (path, tmp_path, str(tmp_path / "*")):
        files, _ = recognised("canonical", place)
        assert [record["user_id"] for record in read(files[0])] == ["1"]


def test_a_name_that_is_not_there_brings_similar_ones(write: Write) -> None:
    folder = write("in/ratings.csv", "user_id,item_id\n1,2\n").parent
    with pytest.raises(
        InputError, match=r"no file .*ratngs\.csv\. There is ratings\.csv"
    ):
        recognised("canonical", folder / "ratngs.csv")
    with pytest.raises(InputError, match=r"no folder .*/inn either\.$"):
        recognised("canonical", folder.parent / "inn" / "ratings.csv")
    with pytest.raises(InputError, match=r"no file .*/zzz-\*\.csv\.$"):
        recognised("canonical", folder / "zzz-*.csv")
