"""How a file is written, found or given, and files that are no data at all."""

from __future__ import annotations

from pathlib import Path

import pytest

from winnow.core.errors import InputError
from winnow.readers import find_layout, normalise_name

KNOWN = frozenset({"userid", "itemid", "rating"})


@pytest.mark.parametrize("delimiter", [",", "\t", ";", "|", "::"])
def test_the_delimiter_is_the_one_that_gives_known_names(
    tmp_path: Path, delimiter: str
) -> None:
    path = tmp_path / "f.csv"
    path.write_text(delimiter.join(["userId", "a note", "item_id"]) + "\n1\n")
    layout = find_layout(path, KNOWN)
    assert layout.delimiter == delimiter
    assert layout.columns == ("userId", "a note", "item_id")
    assert layout.header


def test_a_file_without_header_has_its_columns_numbered(tmp_path: Path) -> None:
    path = tmp_path / "f.data"
    path.write_text("196\t242\t3\t881250949\n186\t302\t3\t891717742\n")
    layout = find_layout(path, KNOWN)
    assert (layout.delimiter, layout.header) == ("\t", False)
    assert layout.columns == ("1", "2", "3", "4")


@pytest.mark.parametrize(
    ("lines", "delimiter"),
    [
        # Most lines have more commas than semicolons, but not all have any.
        (("u1;one, two, three", "u2;four, five, six", "u3;seven"), ";"),
        (("u1  i1  4,5", "u2 i2 3", "u3   i3 2,5", "u4 i4 1"), " "),
        # Blanks in the names of items part nothing, since not every name has one.
        (("u1,red shoe", "u2,hat", "u3,blue wide coat", "u4,scarf"), ","),
        (("red shoe", "hat", "blue coat"), ","),
        # Nor where each has as many: what parts all lines is more than a blank.
        (("u1,big red shoe", "u2,old blue hat"), ","),
    ],
)
def test_a_delimiter_parts_all_lines_alike(
    tmp_path: Path, lines: tuple[str, ...], delimiter: str
) -> None:
    path = tmp_path / "f.data"
    path.write_text("\n".join(lines) + "\n")
    assert find_layout(path, KNOWN).delimiter == delimiter


def test_an_unknown_header_over_numbers_is_still_a_header(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("CustomerID,StockCode\n17850,85123\n")
    assert find_layout(path, KNOWN).columns == ("CustomerID", "StockCode")


def test_what_is_given_is_taken_as_given(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("user_id,item_id\n1,2\n")
    layout = find_layout(path, KNOWN, delimiter=";", header=False)
    assert layout.columns == ("1",)


def test_a_repeated_name_is_an_error_that_names_file_line_and_column(
    tmp_path: Path,
) -> None:
    path = tmp_path / "twice.csv"
    path.write_text("user_id,item_id,user_id\n1,2,3\n")
    with pytest.raises(
        InputError, match=r"twice\.csv, line 1.*'user_id' more than once"
    ):
        find_layout(path, KNOWN)


@pytest.mark.parametrize("data", [b"", b"\n\n", b"\xef\xbb\xbf", b"  \r\n"])
def test_an_empty_file_is_an_error_that_says_so(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "none.csv"
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"none\.csv is empty"):
        find_layout(path, KNOWN)


def test_binary_junk_is_an_error_that_says_so(tmp_path: Path) -> None:
    path = tmp_path / "junk.csv"
    path.write_bytes(bytes(range(256)) * 64)
    with pytest.raises(InputError, match=r"junk\.csv is not a text file"):
        find_layout(path, KNOWN)


def test_a_missing_file_and_a_folder_are_errors_that_say_so(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"gone\.csv cannot be read: No such file"):
        find_layout(tmp_path / "gone.csv", KNOWN)
    with pytest.raises(InputError, match="is a folder"):
        find_layout(tmp_path, KNOWN)


def test_an_unknown_encoding_is_an_error_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_text("user_id\n1\n")
    with pytest.raises(InputError, match="'utf-9'"):
        find_layout(path, KNOWN, encoding="utf-9")


def test_latin_text_is_told_from_utf8_with_a_few_broken_lines(tmp_path: Path) -> None:
    path = tmp_path / "f.csv"
    path.write_bytes("user_id,item_id\nJosé,1\nRené,2\n".encode("latin-1"))
    assert find_layout(path, KNOWN).encoding == "cp1252"
    path.write_bytes(b"user_id,item_id\n" + b"u,1\n" * 500 + b"caf\xe9,1\n")
    assert find_layout(path, KNOWN).encoding == "utf-8"
    path.write_bytes(b"user_id,item_id\nu,1\nv\xff,2\n")
    assert find_layout(path, KNOWN).encoding == "utf-8"


def test_names_are_compared_without_case_blanks_and_marks() -> None:
    assert {normalise_name(name) for name in ("userId", "User ID", "user_id")} == {
        "userid"
    }
