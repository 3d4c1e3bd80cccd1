"""What a value means by the other values of its column: ids that were numbers with a
fraction, the order of dates, and what a load says of ids that are not what they seem.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from winnow.core.errors import InputError
from winnow.load import records as records_module
from winnow.load.recognition import recognise_files
from winnow.load.records import read_records
from winnow.load.sources import ReadOptions
from winnow.readers import read_delimited, read_json
from winnow.readers.source_files import FileFacts

Rows = Sequence[dict[str, Any]]
Save = Any
"""Writes rows as a file of one format into a folder; gives its path."""


def as_csv(folder: Path, rows: Rows) -> Path:
    lines = [",".join(rows[0])]
    lines += [",".join("" if v is None else str(v) for v in r.values()) for r in rows]
    path = folder / "interactions.csv"
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def as_jsonl(folder: Path, rows: Rows) -> Path:
    path = folder / "interactions.jsonl"
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows), encoding="utf-8")
    return path


def as_array(folder: Path, rows: Rows) -> Path:
    path = folder / "interactions.json"
    path.write_text(json.dumps(rows), encoding="utf-8")
    return path


def as_parquet(folder: Path, rows: Rows) -> Path:
    path = folder / "interactions.parquet"
    pq.write_table(pa.Table.from_pylist(list(rows)), path)
    return path


EVERY_FORMAT = pytest.mark.parametrize(
    "save", [as_csv, as_jsonl, as_array, as_parquet], ids=lambda one: one.__name__[3:]
)


@pytest.fixture
def few_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    """Readers give a few records at a time, as they do of files of any size."""

    def few(reader: Any, size: int) -> Any:
        return lambda *given, **named: reader(*given, **(named | {"block_bytes": size}))

    for reader, size in ((read_delimited, 60), (read_json, 120)):
        monkeypatch.setattr(records_module, reader.__name__, few(reader, size))
    monkeypatch.setattr("winnow.readers.parquet.BATCH_ROWS", 3)


def read(
    path: Path, source: str = "canonical", limit: int | None = None, **given: Any
) -> tuple[list[dict[str, Any]], FileFacts]:
    """All records of a file with their order of dates, and the facts of it."""
    options, facts = ReadOptions(**given), FileFacts()
    [one], _ = recognise_files(source, path, None, options)
    rows: list[dict[str, Any]] = []
    for part in read_records(one.file, one.entity, "t", options, limit, facts):
        table = pa.table(dict(part.columns))
        rows += [{**r, "date_order": part.date_order} for r in table.to_pylist()]
    return rows, facts


def ids_of(path: Path, **given: Any) -> list[str | None]:
    return [row["user_id"] for row in read(path, **given)[0]]


def events(*users: Any) -> Rows:
    return [{"user_id": user, "item_id": f"i{n}"} for n, user in enumerate(users)]


# Ids


@EVERY_FORMAT
@pytest.mark.usefixtures("few_rows")
def test_ids_that_pandas_made_floats_are_whole(tmp_path: Path, save: Save) -> None:
    path = save(tmp_path, events(3.0, 12.0, None, 7.0, 30000000.0, 2.0, 1.0))
    found = [one or None for one in ids_of(path)]
    assert found == ["3", "12", None, "7", "30000000", "2", "1"]
    _, facts = read(path)
    assert (
        "user_id: 6 whole numbers with a decimal point, such as 3.0, are read as 3."
        in facts.notes
    )


@EVERY_FORMAT
@pytest.mark.usefixtures("few_rows")
def test_ids_stay_as_they_are_when_not_all_are_whole(
    tmp_path: Path, save: Save
) -> None:
    users = ["1.0", "2.0", "3.0", "1.5", "4.0", "5.0", "6.0"]
    path = save(tmp_path, events(*users))
    assert ids_of(path) == users
    _, facts = read(path)
    assert any("user_id" in note and "(1.5)" in note for note in facts.notes)


@pytest.mark.usefixtures("few_rows")
@pytest.mark.parametrize(
    ("users", "found"),
    [
        (["1", "2", "3.0", "4.0"], ["1", "2", "3", "4"]),
        (["1.0", "nan", "", "<NA>", "2.0"], ["1", "nan", "", "<NA>", "2"]),
        (["1.0", "2.00", "3."], ["1", "2", "3"]),
        (["1.0", "1.2345678E7", "1e+16"], ["1", "12345678", "10000000000000000"]),
        (["1.000000000000000000e+00", "2.5e+01"], ["1", "25"]),
        (["1.0", "2.5e+00"], ["1.0", "2.5e+00"]),
        (["007.0", "-1.0"], ["007", "-1"]),
        (["1.0", "a"], ["1.0", "a"]),
        (["v1.0", "v2.0"], ["v1.0", "v2.0"]),
        (["1e5", "2"], ["1e5", "2"]),
        (["1.0", "inf"], ["1.0", "inf"]),
    ],
)
def test_whole_numbers_are_told_from_other_ids(
    tmp_path: Path, users: list[str], found: list[str | None]
) -> None:
    assert ids_of(as_csv(tmp_path, events(*users))) == found


@pytest.mark.usefixtures("few_rows")
def test_whole_ids_are_decided_over_the_whole_file_though_few_records_are_wanted(
    tmp_path: Path,
) -> None:
    path = as_csv(tmp_path, events(*["1.0"] * 20, "x"))
    assert ids_of(path, limit=2) == ["1.0", "1.0"]
    path = as_csv(tmp_path, events(*["1.0"] * 20))
    assert ids_of(path, limit=2) == ["1", "1"]


def test_a_file_without_doubt_is_read_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = as_csv(
        tmp_path,
        [
            {"user_id": "u.1", "item_id": "a-b", "timestamp": "2024-07-01 10:00:00"},
            {"user_id": "u2", "item_id": "é", "timestamp": "1720000000.5"},
        ],
    )
    given = ReadOptions()
    [one], _ = recognise_files("canonical", path, None, given)
    calls: list[Path] = []

    def counted(path: Path, layout: Any) -> Any:
        calls.append(path)
        return read_delimited(path, layout)

    monkeypatch.setattr(records_module, "read_delimited", counted)
    parts = list(read_records(one.file, one.entity, "t", given))
    assert sum(part.row_count for part in parts) == 2
    assert calls == [path]


def test_ids_that_are_objects_are_told_of_and_members_can_be_named(
    tmp_path: Path,
) -> None:
    rows = [
        {"user": {"id": 7, "plan": "free"}, "item": {"_id": {"$oid": "60f"}}},
        {"user": {"id": 7, "plan": "paid"}, "item": {"_id": {"$oid": "60e"}}},
    ]
    for save in (as_jsonl, as_array, as_parquet):
        path = save(tmp_path, rows)
        _, facts = read(path)
        (note,) = (one for one in facts.notes if one.startswith("user_id"))
        assert '2 objects or lists, such as {"id":7,"plan":"free"}' in note
        assert "--map user_id=user.KEY" in note
        mapping = {"user_id": "user.id", "item_id": "item._id.$oid"}
        found, facts = read(path, mapping=mapping)
        assert [(row["user_id"], row["item_id"]) for row in found] == [
            ("7", "60f"),
            ("7", "60e"),
        ]
        assert facts.columns == mapping


def test_what_is_removed_from_ids_is_counted(tmp_path: Path) -> None:
    rows = events("\u2060u1", "u\u200b2", "u3\u3000", " u4 ", "ü5", "u 6", "\u00a0u7")
    for save in (as_csv, as_jsonl, as_parquet):
        _, facts = read(save(tmp_path, [*rows, *events("u8")]))
        assert any(
            note.startswith("user_id: 4 values with invisible characters or odd blanks")
            for note in facts.notes
        ), facts.notes


# Dates


def dated(*dates: str) -> Rows:
    return [{"user_id": "u", "item_id": "i", "timestamp": date} for date in dates]


def order_of(path: Path, **given: Any) -> set[str]:
    return {row["date_order"] for row in read(path, **given)[0]}


@EVERY_FORMAT
@pytest.mark.usefixtures("few_rows")
@pytest.mark.parametrize(
    ("dates", "order"),
    [
        (["1/2/2010 8:26"] * 9 + ["12/31/2010 8:26"], "mdy"),
        (["1/2/2010"] * 9 + ["31/12/10"], "dmy"),
        (["01.12.2020"] * 9 + ["31.12.2020"], "dmy"),
        (["01-12-2020"] * 9 + ["31-12-2020 10:00"], "dmy"),
        (["01-12-2020"] * 9 + ["12-31-2020 10:00"], "mdy"),
        ([" 1/2/2010"] * 9 + ["\t31/1/2010"], "dmy"),
    ],
)
def test_the_order_of_dates_is_found_in_the_whole_file(
    tmp_path: Path, save: Save, dates: list[str], order: str
) -> None:
    path = save(tmp_path, dated(*dates))
    assert order_of(path) == {order}
    assert order_of(path, limit=2) == {order}
    assert order_of(path, date_order="mdy") == {"mdy"}


@pytest.mark.parametrize(
    "dates",
    [
        ["2010-12-31", "1293840000", "1.5", "2010/12/31", "2010.12.31"],
        ["Mon Jul  1 10:00:00 2024", "01-Jan-2001", "1 Jul 2024", "", "20240701"],
    ],
)
def test_other_times_have_no_order(tmp_path: Path, dates: list[str]) -> None:
    assert order_of(as_csv(tmp_path, dated(*dates))) == {"ymd"}


def test_the_order_is_that_of_all_columns_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "items.csv"
    path.write_text("item_id,title,released_on\na,x,01.02.2020\nb,y,13.02.2020\n")
    assert order_of(path) == {"dmy"}


@EVERY_FORMAT
@pytest.mark.usefixtures("few_rows")
def test_an_order_that_nothing_tells_is_asked_for(tmp_path: Path, save: Save) -> None:
    path = save(tmp_path, dated("2020-01-01", "01/02/2020 10:00", "03/04/2020"))
    with pytest.raises(InputError) as refused:
        read(path)
    places = {"as_csv": "line 3", "as_jsonl": "line 2", "as_array": "line 1"}
    place = places.get(save.__name__, "row 2")
    assert str(refused.value) == (
        f"{path}, {place}: '01/02/2020 10:00' may be month 1, day 2 or day 1, month 2 "
        "of 2020, and no date of the file tells which; say it with --dates mdy or "
        "--dates dmy."
    )
    assert order_of(path, date_order="dmy") == {"dmy"}


@EVERY_FORMAT
@pytest.mark.usefixtures("few_rows")
def test_two_orders_in_a_file_are_shown_and_one_is_asked_for(
    tmp_path: Path, save: Save
) -> None:
    path = save(tmp_path, dated(*["31/12/2010"] * 9, "12/30/2010"))
    with pytest.raises(InputError) as refused:
        read(path)
    for part in ("'31/12/2010'", "'12/30/2010'", "--dates mdy", "--dates dmy"):
        assert part in str(refused.value)
    assert order_of(path, date_order="dmy") == {"dmy"}


def test_two_digits_and_dashes_may_begin_with_the_year_and_are_asked_about(
    tmp_path: Path,
) -> None:
    with pytest.raises(InputError, match="--dates"):
        read(as_csv(tmp_path, dated("24-07-01", "24-07-02")))
