"""What a value means to the contract: times in every usual form, ids that are not what
they seem, what counts as missing, lists.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from typing import Any

import duckdb
import pyarrow as pa
import pytest

from winnow.contracts.entities import Entity, contract, load_contracts
from winnow.contracts.macros import casting_sql, project_vars
from winnow.contracts.record_models import record_model, violations
from winnow.contracts.rules import (
    accepted_pairs,
    missing_tokens,
    rules_of,
    tokens_of,
    typed_sql,
)

Row = dict[str, str | None]


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(config={"threads": 1}) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def typed(
    connection: duckdb.DuckDBPyConnection,
    entity: Entity,
    column: str,
    texts: Sequence[str | None],
    date_order: str = "ymd",
) -> list[tuple[Any, list[str]]]:
    """What the gate makes of these texts in a column: the value, and the rules that it
    breaks.
    """
    names = [one.name for one in entity.columns]
    nothing = pa.nulls(len(texts), pa.string())
    columns = dict.fromkeys(names, nothing) | {
        "tenant_id": pa.repeat("acme", len(texts)),
        "date_order": pa.repeat(date_order, len(texts)),
        "row_number": pa.array(range(len(texts))),
        column: pa.array(texts, pa.string()),
    }
    rules = rules_of(entity, accepted_pairs(entity))
    rules = [rule for rule in rules if rule.column == column]
    verdicts = "".join(f", ({rule.verdict})" for rule in rules)
    connection.register("landed", pa.table(columns))
    sql = typed_sql(entity, missing_tokens(), "from landed", also=("row_number",))
    rows = connection.execute(
        f'select "typed.{column}"{verdicts} from ({sql}) order by row_number'
    ).fetchall()
    return [
        (
            value,
            [r.name for r, kept in zip(rules, verdict, strict=True) if kept is False],
        )
        for value, *verdict in rows
    ]


def value_of(
    connection: duckdb.DuckDBPyConnection, kind: str, text: str, order: str = "ymd"
) -> Any:
    """A text as a date or timestamp, as the gate and the staging views read it."""
    sql = casting_sql("typed_value", "t", kind, f"'{order}'")
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
    connection: duckdb.DuckDBPyConnection, text: str
) -> None:
    assert value_of(connection, "timestamp", text) is None
    reasons = violations(
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
    connection: duckdb.DuckDBPyConnection, text: str, day: dt.date | None
) -> None:
    for source, entity, column in [
        ("canonical", "items", "released_on"),
        ("movielens", "movies", "release_date"),
    ]:
        of = contract(source, entity)
        [(value, broken)] = typed(connection, of, column, [text])
        assert (value, broken) == (day, [] if day else ["type"])
        id_name = of.required_columns[0].name
        reasons = violations(of, {id_name: "i", column: text})
        assert reasons == ([] if day else [f"{column}.type"])
        if day:
            model = record_model(source, entity)
            record = model.model_validate({id_name: "i", column: text})
            assert record.model_dump()["released_on"] == day


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
    connection: duckdb.DuckDBPyConnection, entity: Entity, column: str
) -> None:
    nested = ['{"id":7}', '["a","b"]', "[1]", "[]", "{}", "{'id': 7}", "['a', 'b']"]
    nested += ["[object Object]", '{"$oid":"60f6"}', "[1 2]", ' ["a"] ', "[\n1]"]
    for text, (value, broken) in zip(
        nested, typed(connection, entity, column, nested), strict=True
    ):
        assert (value, broken) == (None, ["type"]), text
        assert f"{column}.type" in violations(entity, {column: text})
    plain = ["{3F2504E0-4F89-11D3}", "a[1]", "[", "(a)", "x{1:2}"]
    assert typed(connection, entity, column, plain) == [(text, []) for text in plain]


@IDS
def test_what_cannot_be_seen_is_no_part_of_an_id(
    connection: duckdb.DuckDBPyConnection, entity: Entity, column: str
) -> None:
    unseen = ["\u3000a\u3000", "\u200ba", "a\u200b", "\ufeffa", "\u00a0a", "a\u2060"]
    unseen += ["\u2003 a\t", "\ufeff\u200b a", "\u202aa\u202c", "\u00ada", "a\u0085"]
    found = typed(connection, entity, column, unseen)
    assert found == [("a", [])] * len(unseen)
    assert typed(connection, entity, column, ["é\u200bb\ufeff c"]) == [("éb c", [])]
    model = record_model(entity.source, entity.name)
    name = next(c.canonical_name for c in entity.columns if c.name == column)
    for text in unseen:
        record = {c.name: "1" for c in entity.required_columns} | {column: text}
        record |= {c.name: "2020-01-01" for c in entity.required_columns if _is_time(c)}
        assert model.model_validate(record).model_dump()[name] == "a"


def _is_time(column: Any) -> bool:
    return column.data_type in ("date", "timestamp")


@IDS
def test_what_programs_write_for_no_value_is_no_id(
    connection: duckdb.DuckDBPyConnection, entity: Entity, column: str
) -> None:
    texts = ["<NA>", "nan", "NaN", "None", "null", "NULL", "\\N", "#N/A", "(null)"]
    texts += ["NaT", "-", "NA", "n/a", "undefined", "", " ", "\u200b", "\ufeffnan"]
    for value, broken in typed(connection, entity, column, texts):
        assert value is None
        assert broken in ([], ["required"])


def test_a_json_number_without_a_fraction_is_a_whole_id_and_text_stays_as_it_is() -> (
    None
):
    model = record_model("canonical", "users")
    assert model.model_validate({"user_id": 3.0}).model_dump()["user_id"] == "3"
    assert model.model_validate({"user_id": 3.5}).model_dump()["user_id"] == "3.5"
    assert model.model_validate({"user_id": "3.0"}).model_dump()["user_id"] == "3.0"


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
    connection: duckdb.DuckDBPyConnection, source: str, name: str, column: str
) -> None:
    entity = contract(source, name)
    kept = ["NA", "None", "Nan", "Undefined", "n/a", "-", "nil"]
    assert typed(connection, entity, column, kept) == [(text, []) for text in kept]
    missing = ["", " ", "null", "NULL", "\\N", "<NA>", "#N/A", "(null)", "\u200b", None]
    found = typed(connection, entity, column, missing)
    assert found == [(None, [])] * len(missing)


def test_the_words_for_missing_are_those_of_the_project_in_every_column() -> None:
    names, others = (
        tuple(project_vars()[var]) for var in ("missing_name_tokens", "missing_tokens")
    )
    assert set(names) < set(others)
    for entity in load_contracts().values():
        for column in entity.columns:
            if entity.source != "winnow" and column.missing_tokens is None:
                expected = names if column.is_name else others
                assert tokens_of(column, missing_tokens()) == expected
                assert not (column.is_name and column.is_id)


def test_a_name_is_no_object_or_list_of_names_but_may_stand_in_brackets(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    items = contract("canonical", "items")
    nested = ['{"en":"Jaws"}', '["Jaws"]', "{'en': 'Jaws'}", "['Jaws']", '[{"a":1}]']
    assert typed(connection, items, "title", nested) == [(None, ["type"])] * len(nested)
    kept = ["[1984]", "[REC]", "{Proof}", "[REC] 2", "{proof: of}"]
    assert typed(connection, items, "title", kept) == [(text, []) for text in kept]


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
    connection: duckdb.DuckDBPyConnection, source: str, text: str, joined: str | None
) -> None:
    entity = contract(source, "items" if source == "canonical" else "products")
    assert typed(connection, entity, "category", [text]) == [(joined, [])]
    id_name = entity.required_columns[0].name
    record = record_model(source, entity.name).model_validate(
        {id_name: "i", "category": text}
    )
    assert record.model_dump()["category"] == joined


@pytest.mark.parametrize("text", ['[["a"]]', '[{"id":28,"name":"a"}]', '{"a":1}'])
def test_deeper_categories_are_rejected(
    connection: duckdb.DuckDBPyConnection, text: str
) -> None:
    items = contract("canonical", "items")
    assert typed(connection, items, "category", [text]) == [(None, ["type"])]
    assert violations(items, {"item_id": "i", "category": text}) == ["category.type"]
