"""JSON lines, JSON arrays and Parquet as text."""

from __future__ import annotations

import datetime as dt
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from winnow.core.errors import InputError
from winnow.load.columns import as_json
from winnow.load.recognition import recognise_files
from winnow.load.records import read_records
from winnow.load.sources import ReadOptions
from winnow.readers import POSITION_COLUMNS, read_json, read_parquet
from winnow.readers.text import LINE_BYTES

Rows = list[dict[str, Any]]


def read(path: Path, block_bytes: int = 1 << 20) -> tuple[Rows, Rows]:
    records: Rows = []
    faults: Rows = []
    for batch in read_json(path, block_bytes=block_bytes):
        records += batch.records.to_pylist()
        faults += batch.faults.to_pylist()
    return records, faults


@pytest.mark.parametrize("block_bytes", [3, 20, 1 << 20])
def test_values_of_an_array_are_text_and_numbers_stay_as_written(
    tmp_path: Path, block_bytes: int
) -> None:
    path = tmp_path / "a.json"
    path.write_text(
        '\n[ {"a": 1.10, "b": [1, 2.50, {"c": "é"}], "d": null},\n'
        '{"a": 123456789012345678901, "b": true, "d": "ü"} ]\n'
    )
    records, faults = read(path, block_bytes)
    assert [(row["a"], row["b"], row["d"]) for row in records] == [
        ("1.10", '[1,2.50,{"c":"é"}]', None),
        ("123456789012345678901", "true", "ü"),
    ]
    assert [(row["row_number"], row["line_number"]) for row in records] == [
        (1, 2),
        (2, 3),
    ]
    assert not faults


@pytest.mark.parametrize("block_bytes", [1 << 16, 4 << 20])
def test_a_line_has_a_length_at_most(tmp_path: Path, block_bytes: int) -> None:
    """To the byte, in the middle of a file, in one block and over many."""
    path = tmp_path / "a.jsonl"
    room = LINE_BYTES - len('{"a": ""}')
    texts = ["first", "x" * room, "x" * (room + 1), "last"]
    path.write_text("".join(f'{{"a": "{text}"}}\n' for text in texts))
    records, faults = read(path, block_bytes)
    assert [len(row["a"]) for row in records] == [5, room, 4]
    assert [(row["reason"], row["line_number"]) for row in faults] == [
        ("record_too_long", 3)
    ]


@pytest.mark.parametrize("block_bytes", [3, 20, 1 << 20])
def test_a_broken_element_is_one_fault_and_reading_goes_on_at_the_next_object(
    tmp_path: Path, block_bytes: int
) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"a": 1},\n{"a": oops},\n{"a": 3},\n4,\n{"a": "cut')
    records, faults = read(path, block_bytes)
    assert [(row["a"], row["row_number"]) for row in records] == [("1", 1), ("3", 3)]
    assert [(f["reason"], f["line_number"], f["raw_record"]) for f in faults] == [
        ("invalid_json", 2, '{"a": oops}'),
        ("not_an_object", 4, "4"),
        ("truncated_json", 5, '{"a": "cut'),
    ]


def test_an_array_of_many_megabytes_may_stand_on_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text(json.dumps([{"a": n, "b": "é" * 99} for n in range(30_000)]))
    records, faults = read(path)
    assert [row["a"] for row in records] == [str(n) for n in range(30_000)]
    assert not faults


def test_an_array_that_ends_between_two_elements_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('[{"a": 1},')
    records, faults = read(path)
    assert len(records) == 1
    assert [fault["reason"] for fault in faults] == ["truncated_json"]


@pytest.mark.parametrize("block_bytes", [3, 1 << 20])
def test_each_broken_json_line_is_a_fault_of_its_own(
    tmp_path: Path, block_bytes: int
) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(
        b'{"a": 1}\n\n{"a": 2,}\n[3]\n{"a": "\xff"}\n{"a": 5}\r\n{"a": "cut'
    )
    records, faults = read(path, block_bytes)
    assert [(row["a"], row["line_number"]) for row in records] == [("1", 1), ("5", 6)]
    assert [(f["reason"], f["line_number"]) for f in faults] == [
        ("invalid_json", 3),
        ("not_an_object", 4),
        ("invalid_encoding", 5),
        ("truncated_json", 7),
    ]


def test_what_is_no_json_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text("user_id,item_id\n1,2\n")
    with pytest.raises(InputError, match=r"a\.json, line 1: JSON data begins with"):
        read(path)


@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=st.lists(
        st.fixed_dictionaries({"a": st.text(max_size=9), "b": st.integers()}),
        min_size=1,
        max_size=12,
    ),
    block_bytes=st.integers(1, 80),
    as_lines=st.booleans(),
)
def test_whatever_json_writes_is_read_back(
    tmp_path: Path, rows: Rows, block_bytes: int, as_lines: bool
) -> None:
    path = tmp_path / "a.json"
    text = "\n".join(map(json.dumps, rows)) if as_lines else json.dumps(rows, indent=1)
    path.write_text(text)
    records, faults = read(path, block_bytes)
    assert not faults
    assert [(row["a"], row["b"]) for row in records] == [
        (row["a"], str(row["b"])) for row in rows
    ]


def test_half_of_a_character_is_a_fault_and_a_whole_one_is_not(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": "\\ud83d\\ude00"}\n{"a": "\\ud83d"}\n{"a": "x"}\n')
    records, faults = read(path)
    assert [row["a"] for row in records] == ["\U0001f600", "x"]
    assert [fault["reason"] for fault in faults] == ["invalid_encoding"]


def test_parquet_columns_are_cast_to_text(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    at = dt.datetime(2024, 1, 2, 3, 4, 5, tzinfo=dt.UTC)
    pq.write_table(
        pa.table({"user_id": [7, None], "at": [at, at], "tags": [["a", "b"], []]}), path
    )
    batches = list(read_parquet(path))
    rows = [row for batch in batches for row in batch.records.to_pylist()]
    assert rows == [
        {
            "user_id": "7",
            "at": "2024-01-02 03:04:05+00",
            "tags": '["a","b"]',
            "row_number": 1,
            "line_number": None,
        },
        {
            "user_id": None,
            "at": "2024-01-02 03:04:05+00",
            "tags": "[]",
            "row_number": 2,
            "line_number": None,
        },
    ]


def test_what_is_no_parquet_is_one_clear_error(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    path.write_bytes(b"PAR1 and nothing else")
    with pytest.raises(InputError, match=r"a\.parquet cannot be read as Parquet"):
        list(read_parquet(path))


SHAPES = {
    "lines": '{"a": 1}\n{"a": 2}\n',
    "several on a line": '{"a": 1} {"a": 2}',
    "several on a line, with commas": '{"a": 1},{"a": 2}\n',
    "lines with commas": '{"a": 1},\n{"a": 2},\n',
    "an array": '[{"a": 1}, {"a": 2}]',
    "an array on many lines": '[\n{"a": 1},\n{"a": 2}\n]\n',
    "arrays one after the other": '[{"a": 1}]\n[{"a": 2}]\n',
    "printed one after the other": '{\n  "a": 1\n}\n{\n  "a": 2\n}\n',
    "printed with commas and blanks": '{\n "a": 1\n},\n\n{\n "a": 2\n}\n',
    "a list in an object": '{"count": 2, "rows": [{"a": 1}, {"a": 2}], "next": null}',
    "a printed list in an object": '{\n"rows": [\n{"a": 1},\n{"a": 2}\n]\n}\n',
    "Python's dicts": "{'a': 1}\n{u'a': 2, 'b': None, 'c': True}\n",
    "with a mark of UTF-8": '\ufeff[{"a": 1}, {"a": 2}]',
}


@pytest.mark.parametrize("block_bytes", [3, 1 << 20])
@pytest.mark.parametrize("shape", SHAPES)
def test_objects_are_found_however_they_stand(
    tmp_path: Path, shape: str, block_bytes: int
) -> None:
    path = tmp_path / "a.json"
    path.write_text(SHAPES[shape], encoding="utf-8")
    records, faults = read(path, block_bytes)
    assert [(row["a"], row["row_number"]) for row in records] == [("1", 1), ("2", 2)]
    assert not faults


def test_utf_16_and_an_object_alone_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{\n "a": "é",\n "b": NaN\n}', encoding="utf-16")
    records, faults = read(path)
    assert [(row["a"], row["b"]) for row in records] == [("é", "NaN")]
    assert not faults


def test_the_key_of_the_list_of_records_is_told(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"total": 1, "results": [{"user_id": "u"}]}')
    notes: list[str] = []
    list(read_json(path, notes=notes))
    assert notes == ["The records are the objects of the list 'results'."]


def test_a_record_with_a_list_of_objects_is_a_record(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    path.write_text('{"user_id": "u", "item_id": "i", "tags": [{"x": 1}]}')
    known = frozenset({"userid", "itemid"})
    (batch,) = read_json(path, known=known)
    assert batch.records["user_id"].to_pylist() == ["u"]
    assert batch.records["tags"].to_pylist() == ['[{"x":1}]']


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[[1, 2], [3, 4]]", "an array of arrays"),
        ('{"a": [1, 2, 5], "b": [3, 4, 6]}', "one object with columns"),
        ('{"a": {"0": 1, "1": 2}, "b": {"0": 3, "1": 4}}', "one object with columns"),
        ('{"columns": ["a"], "index": [0], "data": [[1]]}', "one object with columns"),
        ('{"x": [{"a": 1}], "y": [{"a": 2}]}', "several lists of records, 'x', 'y'"),
    ],
)
def test_what_has_no_records_is_one_helpful_sentence(
    tmp_path: Path, text: str, said: str
) -> None:
    path = tmp_path / "a.json"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read(path)


@pytest.mark.parametrize(
    "broken",
    ['{"a": oops}', '{"a": "cut}', '{"a": 1', '{"a": {"b": 1}', '{"a": [{"z": 1}}'],
)
@pytest.mark.parametrize("block_bytes", [50, 1 << 20])
def test_an_array_on_one_line_loses_one_element_to_a_fault(
    tmp_path: Path, broken: str, block_bytes: int
) -> None:
    path = tmp_path / "a.json"
    good = [json.dumps({"a": n, "b": "x"}) for n in range(999)]
    path.write_text("[" + ", ".join([*good[:400], broken, *good[400:]]) + "]")
    records, faults = read(path, block_bytes)
    assert [row["a"] for row in records] == [str(n) for n in range(999)]
    assert [(f["reason"], f["row_number"]) for f in faults] == [("invalid_json", 401)]


@pytest.mark.parametrize("frame", ["[{}]", "{}\n", '{{"rows": [{}]}}'])
def test_deep_nesting_is_a_fault(tmp_path: Path, frame: str) -> None:
    path = tmp_path / "a.json"
    deep = '{"a": ' + "[" * 60_000 + "]" * 60_000 + "}"
    between = "\n" if frame == "{}\n" else ","
    path.write_text(frame.format('{"a": 0}' + between + deep + between + '{"a": 1}'))
    records, faults = read(path)
    assert [row["a"] for row in records] == ["0", "1"]
    (fault,) = faults
    assert fault["reason"] == "invalid_json"
    assert fault["detail"].startswith(
        "nested too deeply; cut: the whole record has 120,"
    )


def test_what_is_broken_is_said(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"a": 0}\n{"a": 1,}\n{"a": 1, "a": 2}\n')
    records, faults = read(path)
    assert len(records) == 1
    assert [(fault["reason"], fault["detail"]) for fault in faults] == [
        ("invalid_json", "a comma before the end"),
        ("invalid_json", "a key stands more than once"),
    ]


@pytest.mark.parametrize("frame", [("[", ",", "]"), ("", "\n", "")])
def test_keys_that_are_always_new_make_small_batches(
    tmp_path: Path, frame: tuple[str, str, str]
) -> None:
    path = tmp_path / "a.json"
    begin, between, end = frame
    rows = (f'{{"user_id": "u", "k{n}": {n}}}' for n in range(12_000))
    path.write_text(begin + between.join(rows) + end)
    cells = []
    count = 0
    for batch in read_json(path):
        cells.append(batch.records.num_rows * batch.records.num_columns)
        count += batch.records.num_rows
    assert count == 12_000
    assert max(cells) < 1_100_000


def test_own_columns_named_like_positions_survive(tmp_path: Path) -> None:
    own = {"row_number": "7", "row_number_": "8", "line_number": "9"}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(own))
    (batch,) = read_json(path)
    pq.write_table(pa.Table.from_pylist([own]), tmp_path / "a.parquet")
    (other,) = read_parquet(tmp_path / "a.parquet")
    for records in (batch.records, other.records):
        names = [name for name in records.column_names if name not in POSITION_COLUMNS]
        assert json.loads(as_json(records, names)[0].as_py()) == own
        assert records["row_number"].to_pylist() == [1]


def test_binary_columns_are_text_where_they_are_utf_8(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    table = pa.table({"u": [b"caf\xc3\xa9", b"\xff", None, b""], "n": [1, 2, 3, 4]})
    pq.write_table(table, path)
    (batch,) = read_parquet(path)
    assert batch.records["u"].to_pylist() == ["café", None, ""]
    assert batch.records["row_number"].to_pylist() == [1, 3, 4]
    (fault,) = batch.faults.to_pylist()
    assert (fault["reason"], fault["row_number"]) == ("invalid_encoding", 2)
    assert json.loads(fault["raw_record"]) == {"u": r"\xFF", "n": "2"}


def test_whole_doubles_have_all_their_digits(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    doubles = [3.0, 0.1, 1.2345678e16, 9007199254740993.0, float("nan"), None]
    floats = pa.array([3.0, 0.1, 2.0**60, -(2.0**60), 1e-7, None], pa.float32())
    pq.write_table(pa.table({"d": doubles, "f": floats}), path)
    (batch,) = read_parquet(path)
    assert batch.records["d"].to_pylist() == [
        "3.0",
        "0.1",
        "12345678000000000.0",
        "9007199254740992.0",
        "nan",
        None,
    ]
    assert batch.records["f"].to_pylist() == [
        "3.0",
        "0.1",
        "1152921504606846976.0",
        "-1152921504606846976.0",
        "1e-07",
        None,
    ]


def test_parquet_without_rows_has_columns_and_names_may_differ_in_case(
    tmp_path: Path,
) -> None:
    path = tmp_path / "a.parquet"
    schema = pa.schema([("user_id", pa.string()), ("User_ID", pa.int64())])
    pq.write_table(schema.empty_table(), path)
    (batch,) = read_parquet(path)
    assert batch.records.num_rows == 0
    assert batch.records.column_names[:2] == ["user_id", "User_ID"]
    pq.write_table(pa.table([["a"], [1]], schema=schema), path)
    (batch,) = read_parquet(path)
    assert batch.records["User_ID"].to_pylist() == ["1"]


def test_nested_values_are_the_same_text_in_json_and_parquet(tmp_path: Path) -> None:
    rows = [{"v": {"id": 7, "name": 'é"'}, "w": ["a", None, "ü"]}]
    pq.write_table(pa.Table.from_pylist(rows), tmp_path / "a.parquet")
    (tmp_path / "a.json").write_text(json.dumps(rows))
    (parquet,) = read_parquet(tmp_path / "a.parquet")
    text, *_ = read_json(tmp_path / "a.json")
    assert parquet.records["v"].to_pylist() == ['{"id":7,"name":"é\\""}']
    for name in ("v", "w"):
        assert parquet.records[name].to_pylist() == text.records[name].to_pylist()


EMPTY = {
    "part-2.parquet": b"",
    "part-3.json": b"[]",
    "part-4.jsonl": b"",
    "part-5.csv": b"user_id,item_id\n",
    "part-6.csv": b"",
    "part-7.json": b'{"rows": []}',
}


def test_empty_parts_among_full_ones_are_files_with_no_records(tmp_path: Path) -> None:
    full = pa.table({"user_id": ["u"], "item_id": ["i"]})
    pq.write_table(full, tmp_path / "part-0")
    pq.write_table(full.slice(0, 0), tmp_path / "part-1.parquet")
    for name, data in EMPTY.items():
        (tmp_path / name).write_bytes(data)
    options = ReadOptions()
    files, left_out = recognise_files("canonical", tmp_path, None, options)
    assert not left_out
    counts = {
        one.file.path.name: sum(
            part.row_count
            for part in read_records(one.file, one.entity, "shop", options)
        )
        for one in files
    }
    assert counts == {"part-0": 1, "part-1.parquet": 0, **dict.fromkeys(EMPTY, 0)}
    assert {one.entity.name for one in files} == {"interactions"}
