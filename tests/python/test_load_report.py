"""What a load, a validation and a build say of files and records."""

from __future__ import annotations

import io
from pathlib import Path

import duckdb
import pytest

from winnow.cli.load_report import column_lines, file_lines, short_names
from winnow.cli.report import TenantReport, print_reports, tenant_reports
from winnow.cli.terminal import Terminal
from winnow.load.pipeline import FileResult
from winnow.load.sources import FileFacts, LeftOut


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


def test_each_count_of_a_build_stands_under_its_own_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "200")
    warehouse = tmp_path / "warehouse.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("""
            create schema quality;
            create schema validated;
            create schema training;
            create table quality.reconciliation as
                select * from (
                    values ('shop', 80, 40, 20, 10, 6, 4), ('shop', 8, 8, 0, 0, 0, 0)
                ) as v (tenant_id, landed_count, accepted_count, rejected_count,
                      duplicate_count, held_count, replaced_count);
            create table validated.rejected_records as
                select
                    'shop' as tenant_id,
                    ['rating.type', 'user_id.required'] as reasons
                from range(20);
            create table training.dataset_statistics as
                select 'shop' as tenant_id, 30 as positives, 120 as negatives;
        """)
    reports = tenant_reports(warehouse)
    assert reports == [
        TenantReport(
            "shop",
            landed=88,
            accepted=48,
            rejected_rows=20,
            duplicates=10,
            held=6,
            replaced=4,
            rejected={"rating.type": 20, "user_id.required": 20},
            positives=30,
            negatives=120,
        )
    ]
    printed = io.StringIO()
    print_reports(reports, Terminal(printed))
    lines = [line.split() for line in printed.getvalue().splitlines()]
    heading = next(line for line in lines if "landed" in line)
    row = next(line for line in lines if line[:1] == ["shop"])
    assert row[1:] == ["88", "48", "20", "10", "6", "4", "30", "120"]
    assert heading[-8:] == [
        *("landed", "accepted", "rejected", "duplicates"),
        *("held", "replaced", "positives", "negatives"),
    ]
