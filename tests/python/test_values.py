"""What a value means to the contract: times in every usual form, ids that are not what
they seem, what counts as missing, lists.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pytest

from winnow.contracts.entities import Entity, contract, load_contracts
from winnow.contracts.judge import Judge
from winnow.contracts.macros import macro_value, project_vars

Row = dict[str, str | None]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge()


def typed(
    judge: Judge, entity: Entity, column: str, texts: Sequence[str | None]
) -> list[tuple[Any, list[str]]]:
    """What the contract makes of these texts in a column: the value, and the rules that
    it breaks.
    """
    (name,) = (one.canonical_name for one in entity.columns if one.name == column)
    verdicts = judge.records(entity, [{column: text} for text in texts])
    return [
        (
            one.values[name],
            [rule for of, _, rule in map(_parted, one.reasons) if of == column],
        )
        for one in verdicts
    ]


def _parted(reason: str) -> tuple[str, str, str]:
    return reason.rpartition(".")


def reasons_of(judge: Judge, entity: Entity, record: Row) -> list[str]:
    (verdict,) = judge.records(entity, [record])
    return list(verdict.reasons)


def value_of(
    connection: duckdb.DuckDBPyConnection, kind: str, text: str, order: str = "ymd"
) -> Any:
    """A text as a date or timestamp, as the staging views read it."""
    sql = macro_value("typed_value", "t", kind, f"'{order}'")
    row = connection.execute(f"select {sql} from (select $1 as t)", [text]).fetchone()
    assert row is not None
    return row[0]


TEN = dt.datetime(2024, 7, 1, 10)
EIGHT = dt.datetime(2024, 7, 1, 8)
MIDNIGHT = dt.datetime(2024, 7, 1)


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-07-01T10:00Z", TEN),
        ("2024-07-01T10:00", TEN),
        ("2024-07-01 10:00", TEN),
        ("2024-07-01T10Z", TEN),
        ("2024-07-01T10:00:00Z", TEN),
        ("2024-07-01t10:00:00z", TEN),
        ("2024-07-01 10:00:00 UTC", TEN),
        ("2024-07-01 10:00:00 GMT", TEN),
        ("2024-07-01 10:00:00 Z", TEN),
        ("2024-07-01T10:00:00+02:00", EIGHT),
        ("2024-07-01T10:00:00+0200", EIGHT),
        ("2024-07-01T10:00:00+02", EIGHT),
        ("2024-07-01T10:00+02:00", EIGHT),
        ("2024-07-01T10:00+02", EIGHT),
        ("2024-07-01 10:00:00 +02:00", EIGHT),
        ("2024-07-01T00:30:00-05:30", dt.datetime(2024, 7, 1, 6)),
        ("2024-07-01T10:00:00,5", TEN.replace(microsecond=500_000)),
        ("2024-07-01T10:00:00,5+02:00", EIGHT.replace(microsecond=500_000)),
        ("2024-07-01T10:00:00.123456789Z", TEN.replace(microsecond=123_456)),
        ("20240701T100000Z", TEN),
        ("20240701T100000+0200", EIGHT),
        ("20240701T1000", TEN),
        ("20240701T100000.5", TEN.replace(microsecond=500_000)),
        ("20240701 100000", TEN),
        ("20240701", MIDNIGHT),
        ("20240701.0", MIDNIGHT),
        ("202407011000", TEN),
        ("20240701100000", TEN),
        ("2024-07-01T24:00:00", dt.datetime(2024, 7, 2)),
        ("2024-07", MIDNIGHT),
        ("2024-W27-1", MIDNIGHT),
        ("2024W271", MIDNIGHT),
        ("2024-183", MIDNIGHT),
        ("2024/07/01 10:00", TEN),
        ("2024.07.01 10:00", TEN),
        ("Mon Jul  1 10:00:00 2024", TEN),
        ("Mon Jul 01 10:00:00 2024", TEN),
        ("Mon Jul 01 10:00:00 UTC 2024", TEN),
        ("Mon Jul 01 10:00:00 +0200 2024", EIGHT),
        ("Mon, 01 Jul 2024 10:00:00 +0000", TEN),
        ("Mon, 01 Jul 2024 10:00:00 GMT", TEN),
        ("Monday, 01-Jul-24 10:00:00 GMT", TEN),
        ("Mon Jul 01 2024 10:00:00 GMT+0200 (CEST)", EIGHT),
        ("01/Jul/2024:10:00:00 +0200", EIGHT),
        ("01-Jul-2024 10:00", TEN),
        ("1 July 2024", MIDNIGHT),
        ("July 1, 2024", MIDNIGHT),
        ("Jul 1, 2024, 10:00 AM", TEN),
        ("31-Dec-99", dt.datetime(1999, 12, 31)),
        ("1720000000", dt.datetime(2024, 7, 3, 9, 46, 40)),
        ("1.72e9", dt.datetime(2024, 7, 3, 9, 46, 40)),
        ("1720000000000", dt.datetime(2024, 7, 3, 9, 46, 40)),
        ("978300760", dt.datetime(2000, 12, 31, 22, 12, 40)),
    ],
)
def test_a_time_in_a_usual_form_is_that_instant(
    connection: duckdb.DuckDBPyConnection, text: str, moment: dt.datetime
) -> None:
    assert value_of(connection, "timestamp", text) == moment
    for order in ("mdy", "dmy"):
        assert value_of(connection, "timestamp", text, order) == moment


@pytest.mark.parametrize(
    "text",
    [
        *("2024-07-01T10:00:00+99:00", "2024-07-01T10:00:00+15:00", "2024-07-01 10+99"),
        *("2024-07-01T10:00:00+14:30", "2024-07-01T10:00:00+01:60", "2024-13"),
        *("2024-07-01T10:00+99:00", "20240701T100000+9900", "2024-02-30T10:00Z"),
        "20241399",
        *(
            "2024-02-30",
            "2024-07-01T25:00",
            "2024-07-01T10:60Z",
            "20240230",
            "20241399",
        ),
        *("2024-W53-1", "2023-366", "Wed Feb 30 10:00:00 2024", "1 Foo 2024"),
        *("Mon Jul 01 10:00:00 +9900 2024", "2024-07-01 10:00:00 Europe/Berlin"),
        *("2024-07-01 10:00:00 EST", "2024", "2024.0", "202407012500", "soon"),
    ],
)
def test_an_impossible_time_is_none(
    connection: duckdb.DuckDBPyConnection, judge: Judge, text: str
) -> None:
    assert value_of(connection, "timestamp", text) is None
    reasons = reasons_of(
        judge,
        contract("canonical", "interactions"),
        {"user_id": "u", "item_id": "i", "interacted_at": text},
    )
    assert reasons == ["interacted_at.type"]


@pytest.mark.parametrize(
    ("text", "day"),
    [
        ("2015", dt.date(2015, 1, 1)),
        ("2015.0", dt.date(2015, 1, 1)),
        ("20150131", dt.date(2015, 1, 31)),
        ("20150131.0", dt.date(2015, 1, 31)),
        ("18991231", dt.date(1899, 12, 31)),
        ("2015-01", dt.date(2015, 1, 1)),
        ("2015-01-31T12:00Z", dt.date(2015, 1, 31)),
        ("1422662400", dt.date(2015, 1, 31)),
        ("1422662400000", dt.date(2015, 1, 31)),
        ("788918400", dt.date(1995, 1, 1)),
        ("20150131235959", dt.date(2015, 1, 31)),
        *((text, None) for text in ("0", "15000", "3.5", "-1", "2015.5", "99999999")),
        *((text, None) for text in ("20151399", "201501", "42035", "16466", "-86400")),
    ],
)
def test_a_number_in_a_column_of_days_is_a_year_or_a_date_and_never_early_in_1970(
    judge: Judge, text: str, day: dt.date | None
) -> None:
    for source, entity, column in [
        ("canonical", "items", "released_on"),
        ("movielens", "movies", "release_date"),
    ]:
        of = contract(source, entity)
        [(value, broken)] = typed(judge, of, column, [text])
        assert (value, broken) == (day, [] if day else ["type"])
        id_name = of.required_columns[0].name
        reasons = reasons_of(judge, of, {id_name: "i", column: text})
        assert reasons == ([] if day else [f"{column}.type"])


@pytest.mark.parametrize(
    ("text", "order", "day"),
    [
        ("31.12.2020", "dmy", dt.datetime(2020, 12, 31)),
        ("31-12-2020", "dmy", dt.datetime(2020, 12, 31)),
        ("12/31/2020 8:26 PM", "mdy", dt.datetime(2020, 12, 31, 20, 26)),
        ("1/2/10 8:26", "mdy", dt.datetime(2010, 1, 2, 8, 26)),
        ("1/2/10 8:26", "dmy", dt.datetime(2010, 2, 1, 8, 26)),
        ("1/2/99", "dmy", dt.datetime(1999, 2, 1)),
        ("31/12/2020", "mdy", None),
        ("1/2/2020", "ymd", None),
    ],
)
def test_other_dates_are_read_by_the_order_of_the_file(
    connection: duckdb.DuckDBPyConnection,
    text: str,
    order: str,
    day: dt.datetime | None,
) -> None:
    assert value_of(connection, "timestamp", text, order) == day


# Ids


ID_COLUMNS = [
    (entity, column.name)
    for entity in load_contracts().values()
    for column in entity.columns
    if column.is_id
]
IDS = pytest.mark.parametrize(
    ("entity", "column"),
    ID_COLUMNS,
    ids=[f"{entity.source}.{entity.name}.{name}" for entity, name in ID_COLUMNS],
)


def test_every_column_that_is_called_an_id_is_one() -> None:
    for entity in load_contracts().values():
        if entity.source != "winnow":
            named = {c.name for c in entity.columns if c.name.endswith("_id")}
            assert named == {c.name for c in entity.columns if c.is_id}, entity.name


@IDS
def test_objects_and_lists_are_no_ids(
    judge: Judge, entity: Entity, column: str
) -> None:
    nested = ['{"id":7}', '["a","b"]', "[1]", "[]", "{}", "{'id': 7}", "['a', 'b']"]
    nested += ["[object Object]", '{"$oid":"60f6"}', "[1 2]", ' ["a"] ', "[\n1]"]
    for text, (value, broken) in zip(
        nested, typed(judge, entity, column, nested), strict=True
    ):
        assert (value, broken) == (None, ["type"]), text
        assert f"{column}.type" in reasons_of(judge, entity, {column: text})
    plain = ["{3F2504E0-4F89-11D3}", "a[1]", "[", "(a)", "x{1:2}"]
    assert typed(judge, entity, column, plain) == [(text, []) for text in plain]


@IDS
def test_what_cannot_be_seen_is_no_part_of_an_id(
    judge: Judge, entity: Entity, column: str
) -> None:
    unseen = ["\u3000a\u3000", "\u200ba", "a\u200b", "\ufeffa", "\u00a0a", "a\u2060"]
    unseen += ["\u2003 a\t", "\ufeff\u200b a", "\u202aa\u202c", "\u00ada", "a\u0085"]
    found = typed(judge, entity, column, unseen)
    assert found == [("a", [])] * len(unseen)
    assert typed(judge, entity, column, ["é\u200bb\ufeff c"]) == [("éb c", [])]


@IDS
def test_what_programs_write_for_no_value_is_no_id(
    judge: Judge, entity: Entity, column: str
) -> None:
    texts = ["<NA>", "nan", "NaN", "None", "null", "NULL", "\\N", "#N/A", "(null)"]
    texts += ["NaT", "-", "NA", "n/a", "undefined", "", " ", "\u200b", "\ufeffnan"]
    for value, broken in typed(judge, entity, column, texts):
        assert value is None
        assert broken in ([], ["required"])


def test_a_json_number_without_a_fraction_is_a_whole_id_and_text_stays_as_it_is(
    judge: Judge,
) -> None:
    records = [{"user_id": one} for one in (3.0, 3.5, "3.0", 3)]
    verdicts = judge.records(contract("canonical", "users"), records)
    assert [one.values["user_id"] for one in verdicts] == ["3", "3.5", "3.0", "3"]


# Names and codes


NAMES = [
    ("canonical", "users", "country"),
    ("recomart", "users", "location"),
    ("canonical", "items", "title"),
    ("canonical", "items", "brand"),
    ("canonical", "items", "category"),
    ("recomart", "products", "name"),
    ("recomart", "products", "brand"),
    ("recomart", "products", "category"),
    ("movielens", "movies", "title"),
    ("microlens", "titles", "title"),
]


@pytest.mark.parametrize(("source", "name", "column"), NAMES)
def test_na_is_namibia_and_a_film_may_be_called_none(
    judge: Judge, source: str, name: str, column: str
) -> None:
    entity = contract(source, name)
    kept = ["NA", "None", "Nan", "Undefined", "n/a", "-", "nil"]
    assert typed(judge, entity, column, kept) == [(text, []) for text in kept]
    missing = ["", " ", "null", "NULL", "\\N", "<NA>", "#N/A", "(null)", "\u200b", None]
    found = typed(judge, entity, column, missing)
    assert found == [(None, [])] * len(missing)


def test_the_words_for_missing_are_those_of_the_project_in_every_column(
    judge: Judge,
) -> None:
    names, others = (
        tuple(project_vars()[var]) for var in ("missing_name_tokens", "missing_tokens")
    )
    assert set(names) < set(others)
    for entity in load_contracts().values():
        if entity.source == "winnow":
            continue
        columns = [column.name for column in entity.columns]
        verdicts = judge.records(entity, [dict.fromkeys(columns, t) for t in others])
        for column in entity.columns:
            missing = {
                text
                for text, one in zip(others, verdicts, strict=True)
                if one.values[column.canonical_name] is None
                and f"{column.name}.type" not in one.reasons
            }
            if column.missing_tokens is None:
                expected = names if column.is_name else others
                assert missing == set(expected), (entity.name, column.name)
                assert not (column.is_name and column.is_id)


def test_a_name_is_no_object_or_list_of_names_but_may_stand_in_brackets(
    judge: Judge,
) -> None:
    items = contract("canonical", "items")
    nested = ['{"en":"Jaws"}', '["Jaws"]', "{'en': 'Jaws'}", "['Jaws']", '[{"a":1}]']
    assert typed(judge, items, "title", nested) == [(None, ["type"])] * len(nested)
    kept = ["[1984]", "[REC]", "{Proof}", "[REC] 2", "{proof: of}"]
    assert typed(judge, items, "title", kept) == [(text, []) for text in kept]


@pytest.mark.parametrize("source", ["canonical", "recomart"])
@pytest.mark.parametrize(
    ("text", "joined"),
    [
        ('["Action","Comedy"]', "Action|Comedy"),
        ('["Sci-Fi, Fantasy", " Film \\u0026 TV "]', "Sci-Fi, Fantasy|Film & TV"),
        ('["Action",null,""]', "Action"),
        ("['Action', 'Comedy']", "Action|Comedy"),
        ("""['Kids\\' TV', "It's", None, nan]""", "Kids' TV|It's"),
        ("['Action' 'Comedy']", "Action|Comedy"),
        ("[18, 35]", "18|35"),
        ("[]", None),
        ("[null]", None),
        ("Action, Comedy", "Action, Comedy"),
        ("Action|Comedy", "Action|Comedy"),
        ("[Action", "[Action"),
        ("[Action]", "[Action]"),
        ("\u3000['é']\u200b", "é"),
    ],
)
def test_a_list_of_categories_is_its_members(
    judge: Judge, source: str, text: str, joined: str | None
) -> None:
    entity = contract(source, "items" if source == "canonical" else "products")
    assert typed(judge, entity, "category", [text]) == [(joined, [])]


@pytest.mark.parametrize("text", ['[["a"]]', '[{"id":28,"name":"a"}]', '{"a":1}'])
def test_deeper_categories_are_rejected(judge: Judge, text: str) -> None:
    items = contract("canonical", "items")
    assert typed(judge, items, "category", [text]) == [(None, ["type"])]
    reasons = reasons_of(judge, items, {"item_id": "i", "category": text})
    assert reasons == ["category.type"]
