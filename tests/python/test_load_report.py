"""What a load and a validation say of each file."""

from __future__ import annotations

from pathlib import Path

from ingest.pipeline import FileResult
from ingest.sources import FileFacts, LeftOut
from winnow.load_report import column_lines, file_lines, short_names


def result(
    path: str, entity: str = "interactions", facts: FileFacts | None = None
) -> FileResult:
    return FileResult(Path(path), entity, facts=facts or FileFacts())


def test_columns_are_named_as_both_sides_name_them() -> None:
    facts = FileFacts(
        {"user_id": "userId", "item_id": "item_id"},
        ("age", "city"),
        ["3 ids were trimmed."],
    )
    assert list(column_lines([result("in/a.csv", facts=facts)])) == [
        "a.csv: interactions",
        "  columns used: user_id ← userId, item_id",
        "  left over, kept in extra: age, city",
        "  3 ids were trimmed.",
    ]


def test_files_of_which_the_same_is_said_share_it() -> None:
    def facts() -> FileFacts:
        return FileFacts({"item_id": "item_id"})

    files = [
        result("in/day=1/a.csv", facts=facts()),
        result("in/day=2/a.csv", facts=facts()),
        result("in/items.csv", "items", facts()),
        result("in/skipped.csv"),
    ]
    assert list(column_lines(files)) == [
        "day=1/a.csv and 1 more: interactions",
        "  columns used: item_id",
        "items.csv: items",
        "  columns used: item_id",
    ]
    assert short_names(files)[Path("in/day=2/a.csv")] == "day=2/a.csv"


def test_a_file_may_have_thousands_of_columns() -> None:
    facts = FileFacts({"item_id": "id"}, tuple(f"c{n}" for n in range(5000)))
    lines = list(column_lines([result("a.csv", facts=facts)]))
    assert lines[-1].endswith("c18, c19 and 4,980 more")


def test_lines_fit_and_names_stay_whole() -> None:
    names = [f"a column with number {n}" for n in range(30)]
    facts = FileFacts({"item_id": "id"}, tuple(names), ["word " * 40])
    lines = list(column_lines([result("a.csv", facts=facts)], 80))
    assert max(map(len, lines)) <= 80
    assert "  left over, kept in extra: a column with number 0," in lines[2]
    assert lines[3].startswith("    ")


def test_many_left_out_for_one_reason_are_one_line() -> None:
    hidden = [
        LeftOut(Path(f"in/.{n}.crc"), "its name begins with a dot") for n in range(9)
    ]
    other = LeftOut(Path("in/a"), "a folder; --recursive loads it, too")
    skipped = FileResult(Path("in/b.csv"), "items", skipped="same bytes as in/c.csv")
    assert list(file_lines([result("in/c.csv"), skipped], [*hidden, other])) == [
        "Skipped in/b.csv: same bytes as in/c.csv.",
        "Left out 9 files or folders such as in/.0.crc: its name begins with a dot.",
        "Left out in/a: a folder; --recursive loads it, too.",
    ]
