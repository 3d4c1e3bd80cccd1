"""Delimited text: nothing is lost, and one broken record never costs another."""

from __future__ import annotations

import csv
import gzip
import io
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from winnow.core.errors import InputError
from winnow.readers import TextLayout, find_layout, read_delimited

KNOWN = frozenset({"userid", "itemid", "rating"})
Rows = list[dict[str, Any]]


def read(
    path: Path, layout: TextLayout | None = None, block_bytes: int = 1 << 20
) -> tuple[Rows, Rows]:
    layout = layout or find_layout(path, KNOWN)
    records: Rows = []
    faults: Rows = []
    for batch in read_delimited(path, layout, block_bytes):
        records += batch.records.to_pylist()
        faults += batch.faults.to_pylist()
    return records, faults


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


MIXED = (
    b'user_id,item_id,rating\r\nu1,"a ""q"", b",1\r\nu2\r\n\r\nu3,"two\r\nlines",2\r\n'
    b'u4,"open,3\r\nu5,"a"b,4\r\nu6,5" pipe,5\r\nu7,\x00,1\r\nu8,\xff,1\r\n'
    b"u9,x,1,2\r\nlast,1,2"
)


@pytest.mark.parametrize("block_bytes", [1, 7, 16, 64, 100, 1 << 20])
def test_each_broken_record_costs_one_line_whatever_the_blocks(
    tmp_path: Path, block_bytes: int
) -> None:
    path = written(tmp_path / "f.csv", MIXED)
    records, faults = read(path, block_bytes=block_bytes)
    assert [
        (row["user_id"], row["item_id"], row["row_number"], row["line_number"])
        for row in records
    ] == [
        ("u1", 'a "q", b', 1, 2),
        ("u3", "two\r\nlines", 3, 5),
        ("u6", '5" pipe', 6, 9),
        ("last", "1", 10, 13),
    ]
    assert [tuple(fault.values()) for fault in faults] == [
        (2, 3, "too_few_fields", "u2", "1 field, 3 expected"),
        (4, 7, "broken_quoting", 'u4,"open,3', None),
        (5, 8, "broken_quoting", 'u5,"a"b,4', None),
        (7, 10, "nul_byte", "u7,\\x00,1", None),
        (8, 11, "invalid_encoding", "u8,\\xff,1", None),
        (9, 12, "too_many_fields", "u9,x,1,2", "4 fields, 3 expected"),
    ]


def test_an_unclosed_quote_at_the_end_of_the_file_is_one_fault(tmp_path: Path) -> None:
    path = written(tmp_path / "f.csv", b'user_id,item_id\nu,1\nv,"2\nw,3\n')
    records, faults = read(path)
    assert [row["user_id"] for row in records] == ["u", "w"]
    assert [fault["reason"] for fault in faults] == ["broken_quoting"]


def test_a_line_of_more_than_a_mebibyte_is_one_fault(tmp_path: Path) -> None:
    long = b"u," + b"x" * (1 << 21) + b"\n"
    path = written(tmp_path / "f.csv", b"user_id,item_id\na,1\n" + long + b"b,2\n")
    for block_bytes in (1 << 16, 1 << 24):
        records, faults = read(path, find_layout(path, KNOWN), block_bytes)
        assert [row["user_id"] for row in records] == ["a", "b"]
        assert [(f["reason"], f["line_number"]) for f in faults] == [
            ("record_too_long", 3)
        ]
        assert len(faults[0]["raw_record"]) == 65_536


def test_a_stray_carriage_return_stays_in_its_value(tmp_path: Path) -> None:
    path = written(tmp_path / "f.csv", b"user_id,item_id\nu\rv,1\nw,2\n")
    records, faults = read(path)
    assert [row["user_id"] for row in records] == ["u\rv", "w"]
    assert not faults


def test_carriage_returns_alone_end_lines_where_there_is_no_line_feed(
    tmp_path: Path,
) -> None:
    path = written(tmp_path / "f.csv", b"user_id,item_id\ru,1\rv,2")
    records, _ = read(path)
    assert [(row["user_id"], row["line_number"]) for row in records] == [
        ("u", 2),
        ("v", 3),
    ]


def test_two_character_delimiters_and_literal_quotes_are_read(tmp_path: Path) -> None:
    path = written(tmp_path / "movies.dat", b'1::"A" film::C:D\n2::b\n3::x:::y\n')
    layout = TextLayout("::", "utf-8", False, False, ("id", "title", "genre"))
    for block_bytes in (5, 1 << 20):
        records, faults = read(path, layout, block_bytes)
        assert [list(row.values())[:3] for row in records] == [
            ["1", '"A" film', "C:D"],
            ["3", "x", ":y"],
        ]
        assert [fault["raw_record"] for fault in faults] == ["2::b"]


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "utf-8-sig", "cp1252"])
@pytest.mark.parametrize("block_bytes", [3, 1 << 20])
def test_text_of_other_encodings_is_decoded(
    tmp_path: Path, encoding: str, block_bytes: int
) -> None:
    text = "user_id,item_id\nJosé,é\nÜ,ß\n"
    path = written(tmp_path / "f.csv", text.encode(encoding))
    given = None if encoding.startswith("utf") else encoding
    records, faults = read(path, find_layout(path, KNOWN, encoding=given), block_bytes)
    assert [row["user_id"] for row in records] == ["José", "Ü"]
    assert not faults


def test_gzip_is_found_by_its_first_bytes(tmp_path: Path) -> None:
    path = written(tmp_path / "f.csv", gzip.compress(b"user_id,item_id\nu,1\n"))
    assert read(path)[0][0]["user_id"] == "u"


def test_gzip_that_ends_early_is_one_clear_error(tmp_path: Path) -> None:
    rows = b"".join(b"u%d,%d\n" % (n, n * 7919) for n in range(400_000))
    data = gzip.compress(b"user_id,item_id\n" + rows)
    path = written(tmp_path / "f.csv.gz", data[: len(data) * 3 // 4])
    with pytest.raises(InputError, match=r"f\.csv\.gz cannot be unpacked"):
        read(path)


def test_a_file_that_is_only_named_gz_is_one_clear_error(tmp_path: Path) -> None:
    path = written(tmp_path / "f.csv.gz", b"user_id,item_id\nu,1\n")
    with pytest.raises(InputError, match="not gzip"):
        read(path)


VALUES = st.text(
    st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"), max_size=8
)
TABLES = st.lists(st.tuples(VALUES, VALUES, VALUES), min_size=1, max_size=25)


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    rows=TABLES, block_bytes=st.integers(1, 200), ends=st.sampled_from(["\n", "\r\n"])
)
def test_whatever_csv_writes_is_read_back(
    tmp_path: Path, rows: list[tuple[str, str, str]], block_bytes: int, ends: str
) -> None:
    out = io.StringIO()
    csv.writer(out, lineterminator=ends, quoting=csv.QUOTE_ALL).writerows(rows)
    path = written(tmp_path / "f.csv", out.getvalue().encode())
    layout = TextLayout(",", "utf-8", True, False, ("a", "b", "c"))
    records, faults = read(path, layout, block_bytes)
    assert not faults
    expected = [
        tuple(row) for row in csv.reader(io.StringIO(out.getvalue(), newline=""))
    ]
    assert [(row["a"], row["b"], row["c"]) for row in records] == expected
    assert [row["row_number"] for row in records] == list(range(1, len(rows) + 1))


JUNK = st.sampled_from(
    [b'x,"y"z,1', b"only one", b"a,b,c,d", b"\xff\xfe,b,c", b"a,\0,c", b'"a"b"c",2,3']
)


@settings(
    max_examples=120,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    lines=st.lists(st.one_of(st.none(), JUNK), min_size=1, max_size=30),
    block_bytes=st.integers(1, 200),
)
def test_junk_between_good_rows_never_changes_them(
    tmp_path: Path, lines: list[bytes | None], block_bytes: int
) -> None:
    data = b"".join(
        (b"u%d,i,1\n" % place) if junk is None else junk + b"\n"
        for place, junk in enumerate(lines)
    )
    layout = TextLayout(",", "utf-8", True, False, ("a", "b", "c"))
    path = written(tmp_path / "f.csv", data)
    records, faults = read(path, layout, block_bytes)
    good = [place for place, junk in enumerate(lines) if junk is None]
    assert [row["a"] for row in records] == [f"u{place}" for place in good]
    assert [row["line_number"] for row in records] == [place + 1 for place in good]
    assert len(records) + len(faults) == len(lines)
    numbers = sorted(row["row_number"] for row in records + faults)
    assert numbers == list(range(1, len(lines) + 1))
