"""The contract is written once: what judges single rows in memory is the SQL that dbt
compiles for a build, word for word, and comes to the same rows.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from conftest import make_settings
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from places import SEEDS

from winnow.build.dbt import run_dbt
from winnow.contracts.entities import (
    DATE_ORDERS,
    LOG_SOURCE,
    Column,
    Entity,
    contract,
    load_contracts,
)
from winnow.contracts.judge import Judge
from winnow.contracts.macros import (
    macro_value,
    missing_tokens,
    model_sql,
    staging_model,
    validated_model,
)
from winnow.contracts.record_models import record_model
from winnow.contracts.tenants import accepted_values, timed_tenants
from winnow.core.settings import Settings
from winnow.load.columns import known_names
from winnow.readers import read_json

Record = dict[str, Any]
"""A raw row: text or None by contract column, with tenant_id and date_order."""

ENTITIES = [key for key in load_contracts() if key[0] != LOG_SOURCE]
ENTITY_NAMES = [".".join(key) for key in ENTITIES]
TENANTS = ("own", "other")
OWN_TYPE = "wink"
"""An event type of the tenant ``own`` alone."""
OWN_SETTINGS = {
    "earliest_interacted_at": "1998-07-01 10:30:00",
    "latest_interacted_at": "2023-11-15",
    "no_rating_values": "0 -1 99 3.7",
}
"""What the tenant ``own`` sets for the rules; ``other`` has what the contract says."""
TIMED = ("other",)
"""The tenants whose interactions must have times."""

# --- values ---------------------------------------------------------------------------

BLANKS = [
    *(
        "",
        " ",
        "\t",
        "\u00a0",
        "\r\n",
        "\v\f",
        " \u00a0 ",
        "\u2003",
        "\u200b",
        "\ufeff",
    ),
    *("\u3000", "\u0085", "\u2060\u00a0", "\u00ad", "\u202e \u2066", "\x1f", "\u034f"),
]
"""Those that are trimmed and, last, two that are not."""

NUMBERS = [
    *("0", "-0", "0.5", "-0.5", "5", "5.5", "3.0", "3.7", "2.5", "+5", "007", ".5"),
    *("5.", "1e3", "1E-3", "1_000", "1__0", "1,5", "1 000", "- 5", "--5", "0x1F", "5f"),
    *("inf", "-inf", "+inf", "Infinity", "-infinity", "NaN", "-nan", "1e400", "1e-400"),
    *("9223372036854775807", "9223372036854775808", "-9223372036854775808", "1e18"),
    *("9007199254740993", "9007199254740993.0", "1e19", "9" * 40, "0." + "3" * 40),
    *("\u0661\u0662", "\uff13", "\u00bd", "1\x002", "\x00", "true", "FALSE", "t", "1"),
]
TIMES = [
    *("epoch", "infinity", "-infinity", "soon", "now", "today", "2024-02-30"),
    *("2024-02-29", "2023-02-29", "2024-1-2", "2024-01-01T24:00:00", "20240101"),
    *("2024-01-01T10:00:60", "2024-01-01 10", "2024-01-01T10:00", "2024-01-01 10:00"),
    *("2024-01-01T10:00:00.1234567", "2024-01-01T10:00:00,5", "2024-01-01t10:00:00z"),
    *("2024-01-01T10:00:00.", "2024-01-01T10:00:00+02", "2024-01-01T10:00:00+0200"),
    *("2024-01-01 10:00:00 +02:00", "2024-01-01 10:00:00+14:00", "2024-01-01Z"),
    *("2024-01-01 10:00:00-15:59", "2024-01-01 10:00:00+16:00", "2024-01-01+01:00"),
    *("2024-01-01 10:00:00 UTC", "2024-01-01 10:00:00 Europe/Berlin", "2024-01-01 BC"),
    *("2024-01-01T10:00:00+01:60", "2024-01-01T10:00:00-00:00", "2024/01/02"),
    *("0000-01-01", "0001-01-01", "0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59Z"),
    *("9999-12-31T23:59:59-01:00", "10000-01-01", "294246-12-31", "294247-01-11"),
    *("0044-03-15 (BC)", "290309-12-22 (BC)", "290310-12-22 (BC)", "1024-01-01"),
    *("12/31/2010 8:26", "31/12/2010 8:26", "1/2/2010 8:26 PM", "1/2/10", "13/13/2013"),
    *("31.12.2010", "12-31-2010 23:59:59", "1-2-2010 1:02:03.5", "1/2/2010 13:00 PM"),
    *("01-Jan-2001", "1 jan 2001", "Jan 01, 2001", "31-Dec-99", "01-Foo-2001"),
    *("99999999999", "100000000000", "-100000000000", "99999999999999", "1e11", "1e14"),
    *("100000000000000", "99999999999999999", "100000000000000000", "1e17", "9e18"),
    *("8999999999999999999", "-8999999999999999999", "1700000000.1234565"),
    *("1700000000.5", "-0.0000005", "0.0000005", "0.0000015", "-62135596801", "1e-7"),
    *("-99999999999.9", "946684799.9999995", "1700000000123456789", "1700000000123"),
    *("2015", "2015.0", "2015.5", "1e3", "999", "1000", "1900", "2100", "2101", "9999"),
    *("20150131", "20150231", "20151399", "20150131.0", "20150131.5", "19000100"),
    *("21001231", "21001232", "10000101", "99991231", "99999999", "1e8", "-1e8"),
    *("202407011030", "20240701103000", "202407012530", "20240701103060", "201503"),
    *("190001010000", "190001010000.5", "21001231235959", "21001231235960", "15000"),
    *("2024-07-01T10:00Z", "2024-07-01T10:00+02", "20240701T100000Z", "20240701T10"),
    *("2024-W27-1", "2024W277", "2024-W53-1", "2024-183", "2023-366", "2024-07"),
    *("2024-07-01 10:00:00 GMT", "2024-07-01T10:00:00+14:00", "2024-07-01T10:00-14:01"),
    *("2024-07-01T10:00:00+99:00", "2024-07-01T10:00:00,5+02:00", "2024.07.01"),
    *("Mon Jul  1 10:00:00 2024", "Mon Jul 01 10:00:00 +0200 2024", "Sept 3, 2020"),
    *("Mon, 01 Jul 2024 10:00:00 GMT", "01/Jul/2024:10:00:00 +0200", "30 Feb 2024"),
    *("Mon Jul 01 2024 10:00:00 GMT+0200 (CEST)", "2024-07-01 10:00 PM", "1 Jul"),
]
TEXTS = [
    *("x\ny", "a'b", 'a"b', "a\tb", "''", "\\", "%", "a,b", "é", "É", "😀", "e\u0301"),
    *(
        "m",
        "F",
        "\u212a",
        "\u0130",
        "View",
        "teleport",
        "*:view",
        ":view",
        "other:wink",
    ),
    *(
        "li\u212ae",
        "l\u0130ke",
        "LIKE",
        "N\u0130L",
        "undef\u0130ned",
        OWN_TYPE,
        "ẞ",
        "ǅ",
    ),
    *(
        "0|1" + "|0" * 17,
        "0|1" + "|0" * 16,
        "0|1" + "|0" * 17 + "\n",
        "0|2" + "|0" * 17,
    ),
    *("0|1" + "|0" * 17 + "\u00a0", "\u00df", "{}", "[1]", "\x00view", "view\x00"),
    *('{"id":7}', '["a","b|c",null," "]', "['a', \"b'c\", None, nan]", "[1984]", "[]"),
    *("{3F2504E0-4F89}", "[object Object]", "[abc]", "{a}", "{'id': 7}", '[["a"]]'),
    *("['a' 'b']", "[1. 2.]", '[{"id":1}]', "[[1]]", '"a"', "['it\\'s']", "[", "{"),
    *("a\u200bb", "\u200b", "\ufeffnan", "l\u200bike", "[\u200b]", "a\u00a0b", "NA"),
]


def bounds_of(column: Column) -> list[str]:
    """Values at the column's bounds, and just within and beyond them."""
    found: list[str] = []
    settings = (column.minimum_from, column.maximum_from)
    own = [OWN_SETTINGS[setting] for setting in settings if setting is not None]
    if column.missing_numbers_from:
        found += ["0", "0.0", "-1", " 99.00", "9.9e1", "-1.0", "+99", "3.7", "3.70"]
    for bound in (column.minimum, column.maximum, *own):
        if bound is None:
            continue
        if column.data_type not in ("date", "timestamp"):
            steps = (0, 1, -1, 0.5, -0.5, 1e-9, -1e-9)
            found += [repr(float(bound) + step) for step in steps]
            found += [
                str(bound),
                str(int(float(bound)) + 1),
                str(int(float(bound)) - 1),
            ]
            continue
        start = dt.datetime.fromisoformat(str(bound))
        for micros in (0, 1, -1, 86_400_000_000, -86_400_000_000, 500_000, -500_000):
            moment = start + dt.timedelta(microseconds=micros)
            unix = (moment - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)
            found += [
                *(moment.isoformat(), f"{moment.isoformat(' ')}+02:00"),
                *(moment.date().isoformat(), f"{moment.isoformat()}Z"),
                *(str(unix), f"{unix}000", str(unix // 1000), str(unix // 10**6)),
                *(f"{moment:%m/%d/%Y %H:%M:%S.%f}", f"{moment:%d.%m.%Y %H:%M}"),
                *(f"{moment:%d-%b-%Y}", f"{unix / 1e6:.7f}"),
            ]
    if column.max_length is not None:
        for letter in ("x", "é", "😀"):
            found += [letter * (column.max_length + step) for step in (-1, 0, 1)]
        found.append(f"\u00a0 {'x' * column.max_length}\t")
    return found


def in_any_case(texts: Sequence[str]) -> st.SearchStrategy[str]:
    cases = st.sampled_from([str, str.upper, str.title, str.swapcase])
    return st.builds(lambda text, case: case(text), st.sampled_from(texts), cases)


def iso_times() -> st.SearchStrategy[str]:
    return st.builds(
        lambda moment, mark, digits, zone: (
            f"{moment:%Y-%m-%d}".rjust(10, "0")
            + (f"{mark}{moment:%H:%M:%S}" if mark else "")
            + (f".{moment.microsecond:06}000"[: digits + 1] if mark and digits else "")
            + (zone if mark else "")
        ),
        st.datetimes(dt.datetime(1, 1, 1), dt.datetime(9999, 12, 31)),
        st.sampled_from(["T", " ", ""]),
        st.integers(0, 9),
        st.sampled_from(["", "Z", "+00:00", "+05:30", "-14:00", "+1", "z", " Z"]),
    )


def unix_times() -> st.SearchStrategy[str]:
    sizes = [st.integers(-(10**size), 10**size) for size in (10, 13, 16, 19)]
    return st.one_of(
        *(size.map(str) for size in sizes),
        st.floats(-2e11, 2e11).map(repr),
        st.decimals(-(10**11), 10**11, places=7).map(str),
    )


def values_of(column: Column, accepted: Sequence[str]) -> st.SearchStrategy[str | None]:
    """Good and bad values of every kind, most of them of the column's own."""
    own: dict[str, st.SearchStrategy[str]] = {
        "varchar": st.one_of(st.text(max_size=12), st.sampled_from(TEXTS)),
        "date": st.one_of(iso_times(), unix_times(), st.sampled_from(TIMES)),
        "timestamp": st.one_of(iso_times(), unix_times(), st.sampled_from(TIMES)),
    }
    numbers = st.one_of(
        st.integers(-200, 200).map(str),
        st.floats().map(repr),
        st.decimals(-200, 200, places=3).map(str),
        st.sampled_from(NUMBERS),
    )
    kinds: list[st.SearchStrategy[str]] = [
        own.get(column.data_type, numbers),
        st.sampled_from(bounds_of(column) or ["x"]),
        st.sampled_from(NUMBERS + TIMES + TEXTS),
        in_any_case(missing_tokens()),
        in_any_case(missing_tokens()),
        in_any_case(accepted or column.accepted_values or ["view"]),
    ]
    blanks = st.sampled_from(BLANKS)
    padded = st.builds(
        lambda before, text, after: before + text + after,
        blanks,
        st.one_of(kinds),
        blanks,
    )
    return st.one_of(st.none(), *kinds[:2], *kinds, padded)


def batches(entity: Entity, accepted: Sequence[str]) -> st.SearchStrategy[list[Record]]:
    columns = {c.name: values_of(c, accepted) for c in entity.columns}
    about = {
        "tenant_id": st.sampled_from(TENANTS),
        "date_order": st.sampled_from(DATE_ORDERS),
    }
    return st.lists(st.fixed_dictionaries(columns | about), min_size=4, max_size=40)


# --- gates ----------------------------------------------------------------------------


@dataclass(frozen=True)
class Gates:
    """A warehouse with the raw tables, seeds and staging views, and the seeds' folder.
    ``compiled`` has what dbt made of each staging and validated model.
    """

    settings: Settings
    seeds: Path
    compiled: Mapping[str, str]


def add_tenant(
    seeds: Path,
    connection: duckdb.DuckDBPyConnection,
    tenant: str,
    values: Mapping[str, str],
) -> None:
    """Give a tenant settings, in the seed's file and in the warehouse."""
    path = seeds / "tenant_settings.csv"
    names = path.read_text(encoding="utf-8").splitlines()[0].split(",")
    row = {**values, "tenant_id": tenant}
    with path.open("a", encoding="utf-8") as file:
        file.write(",".join(row.get(name, "") for name in names) + "\n")
    texts = ", ".join(f"'{text}'" for text in row.values())
    connection.execute(
        f"insert into seeds.tenant_settings ({', '.join(row)}) values ({texts})"
    )


@pytest.fixture(scope="module")
def gates(tmp_path_factory: pytest.TempPathFactory) -> Gates:
    home = tmp_path_factory.mktemp("contract")
    settings = make_settings(home)
    built = run_dbt(
        settings,
        [
            *("build", "--select"),
            *(f"+val_{source}__{entity}" for source, entity in ENTITIES),
            *("--exclude-resource-type", "test"),
            *("--exclude-resource-type", "unit_test"),
        ],
    )
    assert built.succeeded, built.failures
    compiled = settings.target / "compiled" / "winnow" / "models"
    seeds = home / "seeds"
    shutil.copytree(SEEDS, seeds)
    own = f"own,{OWN_TYPE},like,true,1.0,true,,true"
    with (seeds / "event_types.csv").open("a", encoding="utf-8") as file:
        file.write(f"{own}\n")
    with duckdb.connect(str(settings.warehouse)) as connection:
        values = ", ".join(f"'{one}'" if one else "null" for one in own.split(","))
        connection.execute(f"insert into seeds.event_types values ({values})")
        add_tenant(seeds, connection, "own", OWN_SETTINGS)
        connection.execute(
            "insert into validated.tenant_times values "
            "('other', 10, 9, true), ('own', 10, 5, false)"
        )
        assert timed_tenants(connection) == TIMED
    return Gates(
        settings,
        seeds,
        {path.stem: path.read_text("utf-8") for path in compiled.rglob("*.sql")},
    )


@pytest.fixture(scope="module")
def judge(gates: Gates) -> Judge:
    return Judge(gates.seeds, TIMED)


@pytest.fixture
def connection(gates: Gates) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(gates.settings.warehouse)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


@pytest.mark.parametrize("name", ENTITY_NAMES)
def test_what_judges_is_the_sql_that_dbt_compiles(gates: Gates, name: str) -> None:
    entity = contract(*name.split("."))
    for model in (staging_model(entity), validated_model(entity)):
        compiled = re.sub(r'(?:"[^"]+"\.)+("\w+")', r"\1", gates.compiled[model])
        assert model_sql(model) == compiled


class Compared:
    """The judge beside dbt's own SQL in a warehouse, for the records of one entity."""

    def __init__(
        self,
        gates: Gates,
        connection: duckdb.DuckDBPyConnection,
        judge: Judge,
        name: str,
    ) -> None:
        self.connection, self.judge = connection, judge
        self.entity = contract(*name.split("."))
        validated = gates.compiled[validated_model(self.entity)]
        # Planning takes longer than any run, and is not by the rows that are there now.
        connection.execute("set disabled_optimizers = 'statistics_propagation'")
        connection.execute(
            f"prepare validated as from ({validated}) order by row_number"
        )

    def reasons(self, records: Sequence[Record]) -> list[list[str]]:
        """Assert that both come to the same rows; the reasons of each record."""
        columns = {
            name: pa.array([record.get(name) for record in records], pa.string())
            for name in (
                *(column.name for column in self.entity.columns),
                *("tenant_id", "date_order"),
            )
        }
        columns["row_number"] = pa.array(range(len(records)), pa.int64())
        landed = pa.table(columns)
        table = f"raw.{self.entity.table}"
        self.connection.execute(f"truncate {table}")
        self.connection.register("landed", landed)
        self.connection.execute(f"insert into {table} by name from landed")
        self.connection.unregister("landed")
        by_dbt = self.connection.execute("execute validated").to_arrow_table()
        judged = self.judge.rows(self.entity, landed)
        assert judged.equals(by_dbt), records
        reasons: list[list[str]] = judged["rejection_reasons"].to_pylist()
        accepted = judged["is_accepted"].to_pylist()
        assert [not one for one in reasons] == accepted
        return reasons


@pytest.mark.parametrize("name", ENTITY_NAMES)
def test_random_records_get_the_verdict_of_a_build(
    gates: Gates, connection: duckdb.DuckDBPyConnection, judge: Judge, name: str
) -> None:
    compared = Compared(gates, connection, judge, name)
    accepted = [
        value
        for column in compared.entity.columns
        for value in accepted_values(column, "own", gates.seeds) or ()
    ]

    @hypothesis_settings(
        max_examples=10,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(batches(compared.entity, accepted))
    def compare(records: list[Record]) -> None:
        compared.reasons(records)

    compare()


def edge_records(entity: Entity) -> list[Record]:
    """Every listed value in all columns at once, and each column's bounds in it alone,
    times in each order of dates; no chance.
    """
    names = [column.name for column in entity.columns]
    shared = [*NUMBERS, *TEXTS, *missing_tokens(), None]
    found: list[Record] = [dict.fromkeys(names, value) for value in shared]
    found = [record | {"tenant_id": "own", "date_order": "ymd"} for record in found]
    found.append({"tenant_id": "other", "date_order": "ymd"})
    for order in DATE_ORDERS:
        about = {"tenant_id": "own", "date_order": order}
        found += [dict.fromkeys(names, value) | about for value in TIMES]
        for column in entity.columns:
            is_time = column.data_type in ("date", "timestamp")
            if is_time or order == "ymd":
                found += [{column.name: value} | about for value in bounds_of(column)]
    return found


@pytest.mark.scale
def test_values_at_every_edge_get_the_verdict_of_a_build_and_break_every_rule(
    gates: Gates, judge: Judge
) -> None:
    for name in ENTITY_NAMES:
        with duckdb.connect(str(gates.settings.warehouse)) as connection:
            connection.execute("set TimeZone = 'UTC'")
            compared = Compared(gates, connection, judge, name)
            found = compared.reasons(edge_records(compared.entity))
            declared = set(macro_value("contract_reasons", *name.split(".")))
            assert {reason for reasons in found for reason in reasons} == declared


def test_a_text_that_names_a_zone_is_refused_and_changes_no_other_row(
    gates: Gates, connection: duckdb.DuckDBPyConnection, judge: Judge
) -> None:
    compared = Compared(gates, connection, judge, "canonical.interactions")
    texts = ["2024-07-01 10:00:00 Europe/Berlin", "2024-07-01 10:00:00", "2024-07-01"]
    about = {"user_id": "u", "item_id": "i", "tenant_id": "other", "date_order": "ymd"}
    reasons = compared.reasons([about | {"interacted_at": text} for text in texts])
    assert reasons == [["interacted_at.type"], [], []]
    sql = "select interacted_at from staging.stg_canonical__interactions order by all"
    assert connection.execute(sql).fetchall() == [
        (dt.datetime(2024, 7, 1),),
        (dt.datetime(2024, 7, 1, 10),),
        (None,),
    ]


@pytest.mark.parametrize(
    ("name", "column"),
    [("canonical.interactions", "interacted_at"), ("microlens.pairs", "timestamp")],
)
def test_a_tenant_whose_events_have_times_must_give_them(
    gates: Gates,
    connection: duckdb.DuckDBPyConnection,
    judge: Judge,
    name: str,
    column: str,
) -> None:
    compared = Compared(gates, connection, judge, name)
    about = {"user_id": "u", "item_id": "i", "date_order": "ymd"}
    records: list[Record] = [
        about | {"tenant_id": tenant, column: text}
        for tenant in ("other", "own", "new")
        for text in (None, " N/A ", "2020-07-01")
    ]
    missing = [f"{column}.required"]
    assert compared.reasons(records) == [missing, missing, [], [], [], [], [], [], []]


# --- single records -------------------------------------------------------------------


PLAIN = Judge()

JSON_VALUES = st.recursive(
    st.one_of(
        st.none(),
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.floats(allow_nan=False, allow_infinity=False),
        st.text(max_size=5),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=2), inner)
    ),
    max_leaves=3,
)


@hypothesis_settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.dictionaries(
            st.sampled_from([c.name for c in contract("canonical", "users").columns]),
            JSON_VALUES,
            min_size=1,
        ),
        min_size=1,
        max_size=10,
    )
)
@example([{"user_id": 1e256}, {"user_id": 1e17}, {"user_id": -0.0}])
def test_json_values_get_the_verdict_of_the_text_that_a_json_file_lands_as(
    tmp_path_factory: pytest.TempPathFactory, records: list[Record]
) -> None:
    path = tmp_path_factory.mktemp("json") / "users.jsonl"
    lines = (json.dumps(record, ensure_ascii=False) for record in records)
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    entity = contract("canonical", "users")
    batches = read_json(path, known=known_names([entity], {}))
    landed = [row for batch in batches for row in batch.records.to_pylist()]
    assert len(landed) == len(records)
    of_records, of_texts = PLAIN.records(entity, records), PLAIN.records(entity, landed)
    assert [one.reasons for one in of_records] == [one.reasons for one in of_texts]


def test_a_rejected_record_says_which_column_breaks_which_rule() -> None:
    record = {"user_id": " N/A ", "rating": 1000, "event_type": "teleport"}
    (verdict,) = PLAIN.records(contract("canonical", "interactions"), [record])
    assert not verdict.is_accepted
    assert verdict.reasons == (
        "user_id.required",
        "item_id.required",
        "event_type.accepted_values",
        "rating.maximum",
    )


def test_an_accepted_record_comes_typed_under_its_canonical_names() -> None:
    record = {"user_id": 7, "movie_id": " 12\u00a0", "rating": "4.5", "x": 1}
    record |= {"timestamp": 978300760}
    (verdict,) = PLAIN.records(contract("movielens", "ratings"), [record])
    assert verdict.is_accepted
    assert verdict.values == {
        "user_id": "7",
        "item_id": "12",
        "rating": 4.5,
        "interacted_at": dt.datetime(2000, 12, 31, 22, 12, 40),
    }


def test_what_no_file_could_hold_has_no_columns_and_the_others_are_judged() -> None:
    records = [
        *([1], "x", {"user_id": "a\ud800"}, {"user_id": "u"}),
        *({"user_id": "u", "age": "\ud800"}, {"user_id": "u", "age": "old"}),
    ]
    verdicts = PLAIN.records(contract("canonical", "users"), records)
    assert [one.reasons for one in verdicts] == [
        *(("record.not_an_object",), ("record.not_an_object",)),
        *(("record.invalid_encoding",), (), ("record.invalid_encoding",)),
        ("age.type",),
    ]


def test_a_time_of_no_year_that_python_has_is_rejected() -> None:
    record = {"user_id": "u", "item_id": "i", "interacted_at": "-90000000000000000"}
    (verdict,) = PLAIN.records(contract("canonical", "interactions"), [record])
    assert verdict.reasons == ("interacted_at.minimum",)
    assert verdict.values["interacted_at"] is None


def test_an_unknown_order_of_dates_is_refused() -> None:
    with pytest.raises(ValueError, match="'ydm' is no order of dates; there are ymd"):
        PLAIN.records(contract("canonical", "users"), [], date_order="ydm")


def test_the_bounds_in_a_schema_are_the_tenants(gates: Gates) -> None:
    model = record_model(
        "canonical", "interactions", tenant="own", seeds=gates.seeds, needs_times=True
    )
    schema = model.model_json_schema()
    said = schema["properties"]["interacted_at"]
    assert said["formatMinimum"] == OWN_SETTINGS["earliest_interacted_at"]
    assert "interacted_at" in schema["required"]
    assert OWN_TYPE in schema["properties"]["event_type"]["x-accepted-values"]


@pytest.mark.parametrize("name", ENTITY_NAMES)
def test_the_json_schema_names_every_column_with_description_and_bounds(
    name: str,
) -> None:
    entity = contract(*name.split("."))
    schema = record_model(entity.source, entity.name, tenant="t").model_json_schema()
    assert schema["description"] == entity.description.strip()
    assert list(schema["properties"]) == [column.name for column in entity.columns]
    required = [column.name for column in entity.columns if column.required]
    assert schema.get("required", []) == required
    for column in entity.columns:
        said = schema["properties"][column.name]
        assert said["description"] == column.description
        given = {one["type"]: one for one in said["anyOf"]}
        assert ("null" in given) == (not column.required)
        assert given["string"].get("maxLength") == column.max_length
        pattern = given["string"].get("pattern")
        assert pattern == (column.format and f"^(?:{column.format})$")
        if column.data_type in ("date", "timestamp"):
            assert said.get("formatMinimum") == column.minimum
            assert said.get("formatMaximum") == column.maximum
        elif column.data_type in ("bigint", "double"):
            number = given["integer" if column.data_type == "bigint" else "number"]
            assert number.get("minimum") == column.minimum
            assert number.get("maximum") == column.maximum
        if column.accepted_values is not None:
            assert said["x-accepted-values"] == sorted(column.accepted_values)
        if column.accepted_values_from is not None:
            assert {"view", "purchase"} <= set(said["x-accepted-values"])
