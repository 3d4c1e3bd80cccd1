"""Delimited files as people have them: what is read of each, and what is said."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest

from winnow.core.errors import InputError
from winnow.load.recognition import recognise_files
from winnow.load.records import read_records
from winnow.load.sources import FileFacts, ReadOptions
from winnow.readers.layout import find_layout
from winnow.readers.text import LINE_BYTES

Row = dict[str, str]
POSITIONS = {"user_id": "1", "item_id": "2"}
EVENT = {"user_id": "u1", "item_id": "i1"}


class Read:
    """A file's records without their nulls, its faults, and what was said of it."""

    def __init__(self, path: Path, content: str | bytes, **options: Any) -> None:
        data = content if isinstance(content, bytes) else content.encode()
        path.write_bytes(data)
        given = ReadOptions(**options)
        ((file, entity, notes),), _ = recognise_files("canonical", path, None, given)
        facts = FileFacts(notes=list(notes))
        self.rows: list[Row] = []
        self.faults: list[dict[str, Any]] = []
        for part in read_records(file, entity, "acme", given, None, facts):
            columns = {name: list(map(str, v)) for name, v in part.columns.items()}
            rows = zip(*columns.values(), strict=True)
            self.rows += [
                {
                    name: value
                    for name, value in zip(columns, row, strict=True)
                    if value != "None" and name not in ("row_number", "line_number")
                }
                for row in rows
            ]
            self.faults += part.faults.to_pylist()
        self.notes = "\n".join(facts.notes)


@pytest.mark.parametrize(
    ("content", "options"),
    [
        ("user_id,item_id,\nu1,i1,\n", {}),
        ("user_id,item_id\nu1,i1,\n", {}),
        ("user_id,item_id,,\nu1,i1,,\n", {}),
        ("u1,i1,\nu2,i2,\n", {"mapping": POSITIONS}),
        ("user_id   item_id\nu1    i1\n", {}),
        ("user_id \t item_id \nu1\t\t i1\t\n", {"delimiter": " "}),
        ("  u1   i1   5\n  u22  i2   4\n", {"mapping": POSITIONS | {"rating": "3"}}),
        ("user_id||item_id\nu1||i1\n", {}),
        ("user_id::item_id\nu1::i1\n", {}),
        ("user_id<->item_id\nu1<->i1\n", {"delimiter": "<->"}),
        ("user_idéitem_id\nu1éi1\n", {"delimiter": "é"}),
        ("user_id\x01item_id\nu1\x01i1\n", {}),
        ("user_id\x01item_id\nu1\x01i1\n", {"delimiter": r"\x01"}),
        ("user_id,item_id,\nu1,i1\n", {}),
        ("user_id\t|\titem_id\nu1\t|\ti1\n", {"delimiter": r"\t|\t"}),
        ("user_id, item_id\nu1, i1\n", {}),
        ('user_id, item_id\n"u1", "i1"\n', {}),
        ("sep=;\nuser_id;item_id\nu1;i1\n", {}),
        ("\ufeffsep=\t\r\nuser_id\titem_id\r\nu1\ti1\r\n", {}),
        ("# made by a tool\n# v2\nuser_id,item_id\nu1,i1\n", {}),
        ("Sales\n\nuser_id,item_id\nu1,i1\n", {"skip_lines": 2}),
        ("Sales\nu1,i1\n", {"skip_lines": 1, "mapping": POSITIONS}),
        ("user_id,item_id\ru1,i1\r", {}),
        (gzip.compress(b"sep=;\nuser_id;item_id;\nu1;i1;\n", mtime=0), {}),
    ],
)
def test_a_file_is_read_however_its_fields_are_parted(
    tmp_path: Path, content: str | bytes, options: dict[str, Any]
) -> None:
    suffix = ".csv.gz" if isinstance(content, bytes) else ".csv"
    read = Read(tmp_path / f"f{suffix}", content, **options)
    first = {name: read.rows[0][name].strip() for name in EVENT}
    assert (first, read.faults) == (EVENT, [])
    assert "extra" not in read.rows[0]


def test_a_delimiter_inside_quotes_stays_what_it_was(tmp_path: Path) -> None:
    content = 'user_id::item_id::title\nu1::"i::1"::x\n'
    assert Read(tmp_path / "f.csv", content).rows[0]["item_id"] == "i::1"
    content = 'user_id, item_id\n"u1", "i, 1"\n'
    assert Read(tmp_path / "f.csv", content).rows[0]["item_id"] == "i, 1"


def test_the_delimiter_is_the_one_that_parts_all_lines_alike(tmp_path: Path) -> None:
    """Where no name is known: not the one with the most fields in the first line."""
    path = tmp_path / "f.csv"
    path.write_text("a,b,c,d;x\na;x\na,b;x\na,b,c;x\n", encoding="utf-8")
    assert find_layout(path, frozenset()).delimiter == ";"


def test_blanks_part_fields_only_where_nothing_else_does(tmp_path: Path) -> None:
    content = "u1\ti1\t2024-01-01 10:00:00\nu2\ti2\t2024-01-02 11:00:00\n"
    mapping = POSITIONS | {"interacted_at": "3"}
    read = Read(tmp_path / "f.csv", content, mapping=mapping)
    assert [row["interacted_at"] for row in read.rows] == [
        "2024-01-01 10:00:00",
        "2024-01-02 11:00:00",
    ]


def test_a_column_without_a_name_keeps_what_it_holds(tmp_path: Path) -> None:
    read = Read(tmp_path / "f.csv", ",user_id,item_id\n0,u1,i1\n,u2,i2\n")
    assert [row.get("extra") for row in read.rows] == ['{"1":"0"}', None]


@pytest.mark.parametrize(
    "content",
    [
        "u1,i1,rating,1704067200\nu2,i2,click,1704067300\n",
        "1,2,5\n3,4,1\n",
        "alice,book,rating\nbob,pen,click\n",
        "u1,i1,\nu2,i2,4\n",
        "u1,i1,n/a,x\nu2,i2,4,x\n",
        "u1,i1,NULL\nu2,i2,4\n",
        "user,item,5\nu2,i2,4\n",
    ],
)
def test_positions_lose_no_first_row(tmp_path: Path, content: str) -> None:
    read = Read(tmp_path / "f.csv", content, mapping=POSITIONS)
    first = content.split("\n", maxsplit=1)[0].split(",")
    assert [read.rows[0]["user_id"], read.rows[0]["item_id"]] == first[:2]
    assert len(read.rows) == 2


def test_positions_count_the_columns_below_a_header_too(tmp_path: Path) -> None:
    read = Read(tmp_path / "f.csv", "cust,prod,n\n7,8,9\n", mapping=POSITIONS)
    assert read.rows == [{"user_id": "7", "item_id": "8", "extra": '{"n":"9"}'}]
    assert "Line 1 was taken for the header: 'cust,prod,n'; --no-header" in read.notes


def test_a_file_without_header_is_told_how_to_name_its_columns(tmp_path: Path) -> None:
    with pytest.raises(
        InputError,
        match=r"f\.csv, line 1: '196,242,3' is no header .*"
        r"--no-header --map user_id=1 --map item_id=2",
    ):
        Read(tmp_path / "f.csv", "196,242,3\n186,302,3\n")
    with pytest.raises(InputError, match="has no column 9; it has 1, 2"):
        Read(tmp_path / "f.csv", "1,2\n3,4\n", mapping=POSITIONS | {"item_id": "9"})


@pytest.mark.parametrize(
    "again", ["user_id,item_id", '"user_id","item_id"', " user_id , item_id"]
)
@pytest.mark.parametrize("mark", ["", "\ufeff"])
def test_a_header_inside_the_file_is_rejected_as_such(
    tmp_path: Path, again: str, mark: str
) -> None:
    content = f"user_id,item_id\nu1,i1\n{mark}{again}\nu2,i2\nuser_id,i3\n"
    read = Read(tmp_path / "f.csv", content)
    assert [row["user_id"] for row in read.rows] == ["u1", "u2", "user_id"]
    ((row, line, reason),) = [list(fault.values())[:3] for fault in read.faults]
    assert (row, line, reason) == (2, 3, "repeated_header")


def test_a_column_is_left_out_by_its_name_or_the_contracts(tmp_path: Path) -> None:
    content = "user_id,item_id,type\nu1,i1,premium\n"
    for name in ("type", "event_type"):
        (row,) = Read(tmp_path / "f.csv", content, ignore=(name,)).rows
        assert row == EVENT | {"extra": '{"type":"premium"}'}
    with pytest.raises(InputError, match=r"--ignore kind: .* has no column"):
        Read(tmp_path / "f.csv", content, ignore=("kind",))


def test_what_stands_before_a_header_is_shown_and_not_guessed_at(
    tmp_path: Path,
) -> None:
    with pytest.raises(
        InputError,
        match=r"line 1: 'Report' is no header, and line 3 .*--skip-lines 2",
    ):
        Read(tmp_path / "f.csv", "Report\n\nuser_id,item_id\nu1,i1\n")


def test_the_fields_found_and_expected_are_said(tmp_path: Path) -> None:
    content = "user_id,item_id,rating\nu1\nu1,i1,3,4\nu1,i1,3\n"
    read = Read(tmp_path / "f.csv", content)
    assert [(fault["reason"], fault["detail"]) for fault in read.faults] == [
        ("too_few_fields", "1 field, 3 expected"),
        ("too_many_fields", "4 fields, 3 expected"),
    ]
    assert "2 with another number of fields" in read.notes


@pytest.mark.parametrize("quote", ["", '"'])
def test_a_record_has_a_length_at_most(tmp_path: Path, quote: str) -> None:
    """To the byte, with the end of its line beside it, in the middle of a file."""
    beside = len(f"u1,{quote}{quote}")
    lines = [
        f"u1,{quote}{'x' * (LINE_BYTES - beside + more)}{quote}" for more in (0, 1)
    ]
    content = "\n".join(["user_id,item_id", "u0,i0", *lines, "u2,i2", ""])
    read = Read(tmp_path / "f.csv", content)
    assert [fault["reason"] for fault in read.faults] == ["record_too_long"]
    assert [len(row["item_id"]) for row in read.rows] == [2, LINE_BYTES - beside, 2]


def test_a_record_that_is_cut_says_its_length(tmp_path: Path) -> None:
    long = "u1," + "x" * 100_000
    read = Read(tmp_path / "f.csv", f"user_id,item_id,rating\nu1,i1,3\n{long}\n")
    (fault,) = read.faults
    assert len(fault["raw_record"]) == 65_536
    assert fault["detail"] == (
        "2 fields, 3 expected; cut: the whole record has 100,003 bytes"
    )


def test_a_quote_is_plain_text_where_one_says_so(tmp_path: Path) -> None:
    content = 'user_id,item_id\nu1,"5" pipe\n'
    read = Read(tmp_path / "f.csv", content)
    assert [fault["reason"] for fault in read.faults] == ["broken_quoting"]
    assert "--no-quoting" in read.notes
    (row,) = Read(tmp_path / "f.csv", content, quoting=False).rows
    assert row["item_id"] == '"5" pipe'


def test_decimal_commas_are_read_where_one_says_so(tmp_path: Path) -> None:
    content = "user_id;item_id;rating;price\nu1;i1;3,5;1.234,50\nu2;i2;4;x\n"
    rows = Read(tmp_path / "f.csv", content, decimal_comma=True).rows
    assert [(row["rating"], row["price"]) for row in rows] == [
        ("3.5", "1234.50"),
        ("4", "x"),
    ]
    read = Read(tmp_path / "f.csv", content)
    assert "rating has numbers such as 3,5: --decimal-comma" in read.notes


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("shift_jis", r"line 2, is not UTF-8 and not plainly Western; .*cp932"),
        ("gb18030", r"line 2, is not UTF-8 and not plainly Western; .*gb18030"),
        ("utf-16-le", r"is utf-16-le without the mark .*: --encoding utf-16-le"),
        ("utf-16-be", r"is utf-16-be without the mark .*: --encoding utf-16-be"),
    ],
)
def test_an_encoding_that_nobody_should_guess_is_asked_for(
    tmp_path: Path, encoding: str, said: str
) -> None:
    content = "user_id,item_id\n日本,2\n漢字,3\n" + "u,4\n" * 20
    with pytest.raises(InputError, match=said):
        Read(tmp_path / "f.csv", content.encode(encoding))
    read = Read(tmp_path / "f.csv", content.encode(encoding), encoding=encoding)
    assert read.rows[0]["user_id"] == "日本"


def test_a_guessed_encoding_is_said(tmp_path: Path) -> None:
    for name in ("José", "Café Zoë", "Müller Straße", "El niño soñó mañana"):
        for rows in (1, 50):
            content = "user_id,item_id\n" + f"{name},1\n" * rows
            read = Read(tmp_path / "f.csv", content.encode("latin-1"))
            assert read.rows[0]["user_id"] == name
            assert "read as cp1252" in read.notes


def test_russian_is_not_read_as_western(tmp_path: Path) -> None:
    content = "user_id,item_id\n" + "Москва слезам не верит,1\n" * 20
    with pytest.raises(InputError, match=r"not plainly Western; .*cp1251"):
        Read(tmp_path / "f.csv", content.encode("cp1251"))


@pytest.mark.parametrize("encoding", ["base64", "rot13", "utf-9"])
def test_what_is_no_encoding_is_said_so(tmp_path: Path, encoding: str) -> None:
    with pytest.raises(InputError, match=f"no encoding named '{encoding}'"):
        Read(tmp_path / "f.csv", "user_id,item_id\nu1,i1\n", encoding=encoding)


def test_skipping_all_lines_is_an_error_that_counts_them(tmp_path: Path) -> None:
    for count in (9, -1):
        with pytest.raises(InputError, match=f"--skip-lines {count} leaves nothing"):
            Read(tmp_path / "f.csv", "user_id,item_id\nu1,i1", skip_lines=count)


def test_lists_of_items_are_not_taken_for_items_without_a_word(tmp_path: Path) -> None:
    read = Read(tmp_path / "f.tsv", "u1\ta b c\nu2\td e\n", mapping=POSITIONS)
    assert "--map user_id=1,item_id=2+ makes a record of each" in read.notes
    read = Read(tmp_path / "f.tsv", "u1\ta\nu2\td\n", mapping=POSITIONS)
    assert not read.notes


@pytest.mark.parametrize("name", ["events.txt", "events.log", "events", "events.csv"])
def test_objects_are_read_as_json_whatever_the_file_is_called(
    tmp_path: Path, name: str
) -> None:
    for content in (
        '{"user_id": "u1", "item_id": "i1"}\n{"user_id": "u2", "item_id": "i2"}\n',
        "[\n {'user_id': 'u1', 'item_id': 'i1'}\n]".replace("'", '"'),
    ):
        assert Read(tmp_path / name, content).rows[0] == EVENT
    content = "{note},user_id,item_id\nx,u1,i1\n"
    assert Read(tmp_path / name, content).rows[0]["user_id"] == "u1"
