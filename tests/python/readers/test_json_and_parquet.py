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

from ingest.errors import InputError
from ingest.readers import read_json, read_parquet

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
