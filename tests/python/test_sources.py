"""Every file shape of every source, down to records under the contract's names."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from conftest import REAL_DATA, Write

from winnow.contracts.entities import contract
from winnow.core.errors import InputError
from winnow.load.columns import match_columns
from winnow.load.recognition import recognise_files
from winnow.load.records import read_records
from winnow.load.sources import ReadOptions, SourceFile, find_files
from winnow.readers import FAULT_SCHEMA, Batch
from winnow.readers.item_lists import ItemLists


def read(
    source: str,
    path: Path,
    entity: str | None = None,
    tenant: str = "t",
    limit: int | None = None,
    **options: Any,
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """All records and all faults of one file, as dictionaries."""
    given = ReadOptions(**options)
    ((file, of, _),), _ = recognise_files(source, path, entity, given)
    records: list[dict[str, Any]] = []
    faults: list[dict[str, Any]] = []
    for part in read_records(file, of, tenant, given, limit):
        records += [
            {**row, "date_order": part.date_order}
            for row in pa.table(dict(part.columns)).to_pylist()
        ]
        faults += part.faults.to_pylist()
    return records, faults


def values(records: list[dict[str, Any]], *columns: str) -> list[tuple[Any, ...]]:
    return [tuple(record[column] for column in columns) for record in records]


# MovieLens


def test_a_movielens_folder_gives_its_tables_and_leaves_the_rest_out(
    write: Write,
) -> None:
    for name in ("ratings.csv", "movies.csv.gz", "links.csv", "README.txt", ".hidden"):
        write(f"ml/{name}", "x")
    folder = write("ml/tags.csv", "x").parent
    files, left_out = find_files("movielens", folder, None, ReadOptions())
    assert {file.path.name: file.entity for file in files} == {
        "movies.csv.gz": "movies",
        "ratings.csv": "ratings",
        "tags.csv": "tags",
    }
    assert {(one.path.name, one.reason) for one in left_out} == {
        (".hidden", "its name begins with a dot"),
        ("links.csv", "not part of movielens"),
        ("README.txt", "not part of movielens"),
    }


def test_the_csv_releases_are_matched_by_header(write: Write) -> None:
    path = write(
        "ratings.csv", "userId,movieId,rating,timestamp\n1,31,2.5,1260759144\n"
    )
    records, faults = read("movielens", path)
    assert faults == []
    assert values(
        records, "user_id", "movie_id", "rating", "timestamp", "row_number", "extra"
    ) == [("1", "31", "2.5", "1260759144", 1, None)]
    assert records[0]["line_number"] == 2


def test_dat_files_have_double_colons_and_no_header(write: Write) -> None:
    ratings, _ = read("movielens", write("ratings.dat", "1::1193::5::978300760\n"))
    assert values(ratings, "user_id", "movie_id", "rating", "timestamp") == [
        ("1", "1193", "5", "978300760")
    ]
    users, _ = read("movielens", write("users.dat", "1::F::18::10::48067\n"))
    assert values(users, "user_id", "gender", "age", "occupation", "zip_code") == [
        ("1", "F", "18", "10", "48067")
    ]
    tags, _ = read("movielens", write("tags.dat", "15::4973::excellent!::1215184630\n"))
    assert values(tags, "user_id", "movie_id", "tag", "timestamp") == [
        ("15", "4973", "excellent!", "1215184630")
    ]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8"])
def test_movies_dat_is_latin_1_in_the_old_release_and_utf_8_in_the_new(
    write: Write, encoding: str
) -> None:
    line = "73::Misérables, Les (1995)::Drama|Musical\n"
    records, faults = read("movielens", write("movies.dat", line.encode(encoding)))
    assert faults == []
    assert values(records, "movie_id", "title", "genres") == [
        ("73", "Misérables, Les (1995)", "Drama|Musical")
    ]


def test_u_item_joins_its_nineteen_flags_and_keeps_what_has_no_column(
    write: Write,
) -> None:
    flags = "0|0|0|1|1|1|0|0|0|0|0|0|0|0|0|0|0|0|1"
    line = f'1|"Toy" Story é (1995)|01-Jan-1995|02-Feb-1996|http://x|{flags}\n'
    records, faults = read("movielens", write("u.item", line.encode("latin-1")))
    assert faults == []
    (record,) = records
    assert record["genre_flags"] == flags
    assert record["title"] == '"Toy" Story é (1995)'
    assert record["genres"] is None
    assert record["release_date"] == "01-Jan-1995"
    assert record["imdb_url"] == "http://x"
    assert json.loads(record["extra"]) == {"video_release_date": "02-Feb-1996"}


def test_u_data_and_u_user_have_fixed_columns(write: Write) -> None:
    ratings, faults = read(
        "movielens", write("u.data", "196\t242\t3\t881250949\n7\t8\n")
    )
    assert values(ratings, "user_id", "movie_id", "rating", "timestamp") == [
        ("196", "242", "3", "881250949")
    ]
    assert [(f["reason"], f["row_number"], f["line_number"]) for f in faults] == [
        ("too_few_fields", 2, 2)
    ]
    users, _ = read("movielens", write("u.user", "1|24|M|technician|85711\n"))
    assert values(users, "user_id", "age", "gender", "occupation", "zip_code") == [
        ("1", "24", "M", "technician", "85711")
    ]


# MicroLens


def test_a_pairs_tsv_line_becomes_one_record_per_item_in_order(write: Write) -> None:
    path = write("small_pairs.tsv", "1\t30 10  20\nbroken\n2\t\n3\t7\n")
    records, faults = read("microlens", path)
    assert values(
        records, "user_id", "item_id", "position", "row_number", "line_number"
    ) == [
        ("1", "30", "1", 1, 1),
        ("1", "10", "2", 2, 1),
        ("1", "20", "3", 3, 1),
        ("2", "", "1", 5, 3),
        ("3", "7", "1", 6, 4),
    ]
    assert [(f["reason"], f["row_number"], f["line_number"]) for f in faults] == [
        ("too_few_fields", 4, 2)
    ]
    assert {record["timestamp"] for record in records} == {None}


def test_row_numbers_of_pairs_go_on_over_batches() -> None:
    def batch(lines: list[tuple[str, str, int]], broken: list[int]) -> Batch:
        users, items, numbers = zip(*lines, strict=True) if lines else ((), (), ())
        return Batch(
            pa.table(
                {
                    "user_id": pa.array(users, pa.string()),
                    "item_ids": pa.array(items, pa.string()),
                    "row_number": pa.array(numbers, pa.int64()),
                    "line_number": pa.array(numbers, pa.int64()),
                }
            ),
            pa.table(
                [broken, broken, *([text] * len(broken) for text in "xyz")],
                schema=FAULT_SCHEMA,
            ),
            0,
        )

    exploded = list(
        ItemLists()(
            iter(
                [
                    batch([("u1", "a b", 1), ("u2", "c", 3)], broken=[2]),
                    batch([], broken=[4]),
                    batch([("u3", "d e", 5)], broken=[]),
                ]
            )
        )
    )
    numbers = [part.records["row_number"].to_pylist() for part in exploded]
    assert numbers == [[1, 2, 4], [], [6, 7]]
    assert [part.faults["row_number"].to_pylist() for part in exploded] == [
        [3],
        [5],
        [],
    ]


def test_every_line_of_the_published_pairs_is_exploded(
    real_data: Callable[[str], Path],
) -> None:
    path = real_data("microlens-50k") / "MicroLens-50k_pairs.tsv"
    records, faults = read("microlens", path)
    assert faults == []
    assert [record["row_number"] for record in records] == list(range(1, 359_709))
    assert len({record["user_id"] for record in records}) == 50_000
    assert records[-1]["line_number"] == 50_000


def test_pairs_and_titles_csv_are_matched_by_header(write: Write) -> None:
    pairs, _ = read("microlens", write("a_pairs.csv", "user,item,timestamp\n1,2,3\n"))
    assert values(pairs, "user_id", "item_id", "timestamp", "position") == [
        ("1", "2", "3", None)
    ]
    titles, _ = read("microlens", write("a_titles.csv", 'item,title\n1,"a, ""b"""\n'))
    assert values(titles, "item_id", "title") == [("1", 'a, "b"')]


# RecoMart


@pytest.mark.parametrize("name", ["products.json", "products.jsonl"])
def test_products_are_a_json_array_or_lines(write: Write, name: str) -> None:
    products = [
        {"product_id": "p1", "name": "A", "price": 9.5, "colour": "red"},
        {"product_id": "p2", "price": None},
    ]
    lines = "\n".join(map(json.dumps, products))
    text = json.dumps(products) if name.endswith(".json") else lines
    records, faults = read("recomart", write(name, text))
    assert faults == []
    assert values(records, "product_id", "name", "price", "category") == [
        ("p1", "A", "9.5", None),
        ("p2", None, None, None),
    ]
    assert json.loads(records[0]["extra"]) == {"colour": "red"}
    assert records[1]["extra"] is None


# Canonical


def test_a_canonical_file_may_be_csv_tsv_json_or_parquet(
    write: Write, tmp_path: Path
) -> None:
    pq.write_table(
        pa.table({"user_id": [1, 2], "Item-ID": ["a", "b"]}), tmp_path / "e.parquet"
    )
    for path in (
        write("e.csv", "user_id,itemId\n1,a\n2,b\n"),
        write("e.tsv", "User ID\titem id\n1\ta\n2\tb\n"),
        write("e.json", '[{"user": 1, "item": "a"}, {"user": 2, "item": "b"}]'),
        write("e.jsonl", '{"uid": 1, "iid": "a"}\n{"uid": 2, "iid": "b"}\n'),
        write("e.csv.gz", "user_id;item_id\r\n1;a\r\n2;b\r\n"),
        tmp_path / "e.parquet",
    ):
        records, faults = read("canonical", path)
        assert faults == [], path
        assert values(records, "user_id", "item_id", "row_number") == [
            ("1", "a", 1),
            ("2", "b", 2),
        ], path
        assert records[0]["extra"] is None, path


# Columns


def test_map_gives_columns_of_any_name(write: Write) -> None:
    path = write(
        "online.csv",
        "CustomerID,StockCode,InvoiceDate,Quantity\n17850,85123A,12/1/2010 8:26,6\n"
        "17850,71053,12/13/2010 8:26,6\n",
    )
    records, _ = read(
        "canonical",
        path,
        mapping={"item_id": "StockCode", "interacted_at": "InvoiceDate"},
    )
    assert values(
        records, "user_id", "item_id", "interacted_at", "quantity", "date_order"
    ) == [
        ("17850", "85123A", "12/1/2010 8:26", "6", "mdy"),
        ("17850", "71053", "12/13/2010 8:26", "6", "mdy"),
    ]


def test_map_gives_columns_by_position_where_there_is_no_header(write: Write) -> None:
    path = write("events.csv", "7,x,a\n8,y,b\n")
    records, _ = read(
        "canonical", path, header=False, mapping={"user_id": "1", "item_id": "3"}
    )
    assert values(records, "user_id", "item_id") == [("7", "a"), ("8", "b")]
    assert json.loads(records[0]["extra"]) == {"2": "x"}


def test_unknown_columns_are_kept_as_json(write: Write) -> None:
    path = write("e.csv", 'user_id,item_id,Größe,it\'s\n1,a,"x""y",\n')
    records, _ = read("canonical", path)
    assert json.loads(records[0]["extra"]) == {"Größe": 'x"y', "it's": ""}


INTERACTIONS = contract("canonical", "interactions")


def test_the_contracts_own_name_beats_an_alias() -> None:
    match = match_columns(INTERACTIONS, ["uid", "user_id", "item_id"], {}, "f")
    assert match.used == {"user_id": "user_id", "item_id": "item_id"}
    assert match.extra == ("uid",)


def test_a_mapping_beats_the_contracts_own_name() -> None:
    mapping = {"user_id": "buyer"}
    match = match_columns(INTERACTIONS, ["user_id", "buyer", "item"], mapping, "f")
    assert match.used == {"user_id": "buyer", "item_id": "item"}
    assert match.extra == ("user_id",)


@pytest.mark.parametrize(
    ("columns", "mapping", "message"),
    [
        (["user_id", "rating"], {}, r"f\.csv, line 1: .* item_id, .* user_id, rating"),
        (["a", "b"], {}, r"columns user_id, item_id.*--map user_id=COLUMN"),
        (["uid", "user", "item"], {}, r"uid and user|user and uid"),
        (["User ID", "user_id", "item"], {}, r"User ID and user_id"),
        (["user", "item"], {"userid": "user"}, r"no column userid; it has .*user_id"),
        (["user", "item"], {"rating": "stars"}, r"no column stars; it has user, item"),
    ],
)
def test_columns_that_do_not_fit_are_named(
    columns: list[str], mapping: dict[str, str], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        match_columns(INTERACTIONS, columns, mapping, "f.csv")


def test_records_of_another_tenant_are_faults(write: Write) -> None:
    path = write(
        "e.csv", "tenant_id,user_id,item_id\nt,1,a\nother,2,b\n,3,c\n t ,4,d\n"
    )
    records, faults = read("canonical", path)
    assert values(records, "user_id", "row_number") == [("1", 1), ("3", 3), ("4", 4)]
    assert {record["extra"] for record in records} == {None}
    (fault,) = faults
    assert (fault["reason"], fault["row_number"], fault["line_number"]) == (
        "wrong_tenant",
        2,
        3,
    )
    assert json.loads(fault["raw_record"]) == {
        "tenant_id": "other",
        "user_id": "2",
        "item_id": "b",
    }


def test_keys_that_come_late_in_a_json_file_are_used(write: Write) -> None:
    first = '{"user_id": "1", "item_id": "a"}\n' * 70_000
    late = '{"user_id": "2", "item_id": "b", "rating": 5, "note": "n"}\n'
    records, faults = read("canonical", write("e.jsonl", first + late))
    assert faults == []
    assert len(records) == 70_001
    last = records[-1]
    assert (last["user_id"], last["rating"], last["row_number"]) == ("2", "5", 70_001)
    assert json.loads(last["extra"]) == {"note": "n"}


def test_a_limit_takes_the_first_records_broken_ones_counted(write: Write) -> None:
    path = write("e.csv", "user_id,item_id\n1,a\nbroken\n3,c\n4,d\n")
    records, faults = read("canonical", path, limit=3)
    assert values(records, "user_id") == [("1",), ("3",)]
    assert [fault["row_number"] for fault in faults] == [2]


# Paths


@pytest.mark.parametrize(
    ("source", "path", "entity", "message"),
    [
        ("movielens", "nothing.csv", None, r"There is no file .*nothing\.csv"),
        ("movielens", "none-*.csv", None, r"There is no file .*none-\*\.csv"),
        ("movielens", "empty", None, r"movielens reads .* ratings\.csv"),
        ("netflix", "empty", None, r"no source 'netflix'; .* canonical, microlens"),
        ("movielens", "empty", "songs", r"no entity 'songs'; it has ratings"),
    ],
)
def test_what_is_not_there_is_named(
    tmp_path: Path, source: str, path: str, entity: str | None, message: str
) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match=message):
        find_files(source, tmp_path / path, entity, ReadOptions())


def test_options_that_were_not_given_leave_no_trace() -> None:
    assert ReadOptions().given() == "{}"
    assert ReadOptions({"user_id": "U"}, header=False).given() == (
        '{"header": false, "mapping": {"user_id": "U"}}'
    )
    assert SourceFile(Path("x"), "ratings").layout is None


@pytest.mark.parametrize("parted", [" ", "\t", "   "])
def test_a_line_of_a_user_and_many_items_is_a_record_for_each(
    write: Write, parted: str
) -> None:
    path = write("train.txt", f"u1{parted}a b  c\nu2{parted}d\n\n")
    records, faults = read("canonical", path, mapping={"user_id": "1", "item_id": "2+"})
    assert [(r["user_id"], r["item_id"], r["row_number"]) for r in records] == [
        ("u1", "a", 1),
        ("u1", "b", 2),
        ("u1", "c", 3),
        ("u2", "d", 4),
    ]
    assert not faults
    assert {row["extra"] for row in records} == {None}


def test_a_line_of_items_has_no_other_columns(write: Write) -> None:
    mapping = {"user_id": "1", "item_id": "2+", "rating": "3"}
    with pytest.raises(InputError, match=r"--map item_id=2\+: .* no other columns"):
        read("canonical", write("train.txt", "u1 a b\n"), mapping=mapping)


@pytest.mark.skipif(not REAL_DATA.exists(), reason="the real data sets are not there")
@pytest.mark.parametrize(
    ("path", "mapping", "figures"),
    [
        (
            "ml-100k/u.data",
            {"user_id": "1", "item_id": "2", "rating": "3", "interacted_at": "4"},
            (943, 1682, 100_000),
        ),
        ("ml-latest-small/ratings.csv", {}, (610, 9724, 100_836)),
        (
            "microlens-50k/MicroLens-50k_pairs.tsv",
            {"user_id": "1", "item_id": "2+"},
            (50_000, 19_220, 359_708),
        ),
        (
            "gowalla-lightgcn",
            {"user_id": "1", "item_id": "2+"},
            (29_858, 40_981, 1_027_370),
        ),
    ],
)
def test_published_data_is_read_by_canonical_with_one_mapping_at_most(
    path: str, mapping: dict[str, str], figures: tuple[int, int, int]
) -> None:
    options = ReadOptions(mapping)
    users, items, events = set(), set(), 0
    files, _ = recognise_files("canonical", REAL_DATA / path, None, options)
    for file, entity, _ in files:
        for part in read_records(file, entity, "t", options):
            assert not part.faults.num_rows
            users.update(part.columns["user_id"].to_pylist())
            items.update(part.columns["item_id"].to_pylist())
            events += part.row_count
    assert (len(users), len(items), events) == figures
