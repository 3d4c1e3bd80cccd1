"""One contract, many gates: the same record gets the same verdict from the rejection
SQL of the dbt macros, the counts of the quality gate and the Pydantic model.
"""

from __future__ import annotations

import datetime as dt
import json
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from conftest import make_settings
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from places import SEEDS
from pydantic import ValidationError

from winnow.build.dbt import run_dbt
from winnow.contracts.entities import (
    DATE_ORDERS,
    LOG_SOURCE,
    Column,
    Entity,
    contract,
    load_contracts,
)
from winnow.contracts.record_models import reasons_of, record_model, violations
from winnow.contracts.rules import (
    Rule,
    TenantSettings,
    accepted_pairs,
    missing_tokens,
    rules_of,
    tenant_settings,
    timed_tenants,
    tokens_of,
    typed_sql,
)
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
        in_any_case(tokens_of(column, missing_tokens())),
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
    ``validated`` has the compiled SQL of each entity's validated model.
    """

    settings: Settings
    seeds: Path
    validated: Mapping[str, str]

    def land(
        self,
        connection: duckdb.DuckDBPyConnection,
        entity: Entity,
        records: Sequence[Record],
    ) -> None:
        """Make these the only rows of the raw table."""
        columns = {
            name: pa.array([record.get(name) for record in records], pa.string())
            for name in (*(c.name for c in entity.columns), "tenant_id", "date_order")
        }
        columns["row_number"] = pa.array(range(len(records)), pa.int64())
        connection.execute(f"truncate raw.{entity.table}")
        connection.register("landed", pa.table(columns))
        connection.execute(f"insert into raw.{entity.table} by name from landed")
        connection.unregister("landed")


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
    compiled = settings.target / "compiled" / "winnow" / "models" / "validated"
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
        {
            name: (compiled / f"val_{name.replace('.', '__')}.sql").read_text("utf-8")
            for name in ENTITY_NAMES
        },
    )


@pytest.fixture
def connection(gates: Gates) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(gates.settings.warehouse)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        yield connection


def counts_sql(entity: Entity, settings: TenantSettings, rules: Sequence[Rule]) -> str:
    """A query with, for each tenant, its rows, how many of them break any rule, and for
    each rule how many values it was applied to and how many broke it.
    """
    names = [f"kept_{n}" for n in range(len(rules))]
    verdicts = "".join(
        f", ({rule.verdict}) as {name}" for name, rule in zip(names, rules, strict=True)
    )
    rejected = " or ".join(f"not {name}" for name in names) or "false"
    counts = "".join(f", count({name}), count(*) filter (not {name})" for name in names)
    typed = typed_sql(entity, missing_tokens(), settings=settings)
    return (
        f"select tenant_id, count(*), count(*) filter ({rejected}){counts} from "
        f"(select tenant_id{verdicts} from ({typed})) "
        "group by tenant_id order by tenant_id"
    )


class Judges:
    """What the three gates say of the records of one entity."""

    def __init__(
        self, gates: Gates, connection: duckdb.DuckDBPyConnection, name: str
    ) -> None:
        self.gates, self.connection = gates, connection
        self.entity = contract(*name.split("."))
        accepted = accepted_pairs(self.entity, gates.seeds)
        settings = tenant_settings(gates.seeds)
        self.rules = rules_of(self.entity, accepted, settings, TIMED)
        typed = ", ".join(column.canonical_name for column in self.entity.columns)
        validated = gates.validated[name]
        self.questions = {
            "reasons": "select rejection_reasons, is_accepted from "
            f"({validated}) order by row_number",
            "typed": f"select row_number, {typed} from ({validated}) where is_accepted",
            "counts": counts_sql(self.entity, settings, self.rules),
        }

    def plan_once(self) -> None:
        """Plan the queries for good, which takes longer than any run of them, and
        therefore not by the statistics of the rows that are there now.
        """
        self.connection.execute("set disabled_optimizers = 'statistics_propagation'")
        for question, sql in self.questions.items():
            self.connection.execute(f"prepare {question} as {sql}")
            self.questions[question] = f"execute {question}"

    def ask(self, question: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(self.questions[question]).fetchall()

    def compare(self, records: Sequence[Record]) -> list[list[str]]:
        """Assert that all gates agree; the reasons of each record."""
        self.gates.land(self.connection, self.entity, records)
        rows = self.ask("reasons")
        by_sql = [reasons for reasons, _ in rows]
        assert [not reasons for reasons in by_sql] == [accepted for _, accepted in rows]
        by_model = list(map(self.model_says, records))
        for record, sql, (reasons, _) in zip(records, by_sql, by_model, strict=True):
            assert reasons == sql, record
        self.compare_counts(records, by_sql)
        # What the model makes of accepted records is what staging casts them to.
        for row_number, *typed in self.ask("typed"):
            assert by_model[row_number][1] == typed, records[row_number]
        return by_sql

    def model_says(self, record: Record) -> tuple[list[str], list[Any]]:
        """The model's reasons to refuse a record, and its values if there are none."""
        model = record_model(
            self.entity.source,
            self.entity.name,
            tenant=record["tenant_id"],
            date_order=record["date_order"],
            seeds=self.gates.seeds,
            needs_times=record["tenant_id"] in TIMED,
        )
        try:
            return [], list(model.model_validate(record).model_dump().values())
        except ValidationError as error:
            return reasons_of(error), []

    def compare_counts(
        self, records: Sequence[Record], reasons: Sequence[Sequence[str]]
    ) -> None:
        found = self.ask("counts")
        for tenant, rows, rejected, *counts in found:
            of_tenant = [
                broken
                for record, broken in zip(records, reasons, strict=True)
                if record["tenant_id"] == tenant
            ]
            assert rows == len(of_tenant)
            assert rejected == sum(map(bool, of_tenant))
            keys = [rule.key for rule in self.rules]
            failed = dict(zip(keys, counts[1::2], strict=True))
            assert +Counter(failed) == Counter(
                r for broken in of_tenant for r in broken
            )
        assert {tenant for tenant, *_ in found} == {r["tenant_id"] for r in records}


@pytest.mark.parametrize("name", ENTITY_NAMES)
def test_random_records_get_the_same_verdict_at_every_gate(
    gates: Gates, connection: duckdb.DuckDBPyConnection, name: str
) -> None:
    judges = Judges(gates, connection, name)
    judges.plan_once()
    accepted = [
        pair.partition(":")[2]
        for pairs in accepted_pairs(judges.entity, gates.seeds).values()
        for pair in pairs
    ]

    @hypothesis_settings(
        max_examples=25,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(batches(judges.entity, accepted))
    def compare(records: list[Record]) -> None:
        judges.compare(records)

    compare()


def edge_records(entity: Entity) -> list[Record]:
    """Every listed value in all columns at once, and each column's bounds in it alone,
    times in each order of dates; no chance.
    """
    names = [column.name for column in entity.columns]
    shared = [*NUMBERS, *TEXTS, *missing_tokens(), None]
    found: list[Record] = [dict.fromkeys(names, value) for value in shared]
    found = [record | {"tenant_id": "own", "date_order": "ymd"} for record in found]
    for order in DATE_ORDERS:
        about = {"tenant_id": "own", "date_order": order}
        found += [dict.fromkeys(names, value) | about for value in TIMES]
        for column in entity.columns:
            is_time = column.data_type in ("date", "timestamp")
            if is_time or order == "ymd":
                found += [{column.name: value} | about for value in bounds_of(column)]
    return found


@pytest.mark.scale
def test_values_at_every_edge_get_the_same_verdict_at_every_gate(gates: Gates) -> None:
    unbroken = set()
    with duckdb.connect(str(gates.settings.warehouse)) as connection:
        connection.execute("set TimeZone = 'UTC'")
        for name in ENTITY_NAMES:
            judges = Judges(gates, connection, name)
            judges.compare(edge_records(judges.entity))
            checked: Counter[str] = Counter()
            failed: Counter[str] = Counter()
            for _, _, _, *counts in judges.ask("counts"):
                keys = [rule.key for rule in judges.rules]
                checked.update(dict(zip(keys, counts[::2], strict=True)))
                failed.update(dict(zip(keys, counts[1::2], strict=True)))
            unbroken |= {(name, rule) for rule in +checked if not failed[rule]}
    assert not unbroken, "rules that no value breaks"


def test_a_text_that_names_a_zone_is_refused_and_changes_no_other_row(
    gates: Gates, connection: duckdb.DuckDBPyConnection
) -> None:
    judges = Judges(gates, connection, "canonical.interactions")
    texts = ["2024-07-01 10:00:00 Europe/Berlin", "2024-07-01 10:00:00", "2024-07-01"]
    about = {"user_id": "u", "item_id": "i", "tenant_id": "other", "date_order": "ymd"}
    reasons = judges.compare([about | {"interacted_at": text} for text in texts])
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
    gates: Gates, connection: duckdb.DuckDBPyConnection, name: str, column: str
) -> None:
    judges = Judges(gates, connection, name)
    about = {"user_id": "u", "item_id": "i", "date_order": "ymd"}
    records: list[Record] = [
        about | {"tenant_id": tenant, column: text}
        for tenant in ("other", "own", "new")
        for text in (None, " N/A ", "2020-07-01")
    ]
    missing = [f"{column}.required"]
    assert judges.compare(records) == [missing, missing, [], [], [], [], [], [], []]


# --- the model alone ------------------------------------------------------------------


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
    for record, text in zip(records, landed, strict=True):
        assert violations(entity, record) == violations(entity, text), record


def test_a_refused_record_says_which_column_breaks_which_rule() -> None:
    model = record_model("canonical", "interactions", tenant="shop")
    record = {"user_id": " N/A ", "rating": 1000, "event_type": "teleport"}
    with pytest.raises(ValidationError) as refused:
        model.model_validate(record)
    errors = [(one["type"], one["loc"], one["msg"]) for one in refused.value.errors()]
    assert errors == [
        ("required", ("user_id",), "is required"),
        ("missing", ("item_id",), "Field required"),
        ("accepted_values", ("event_type",), "is not one of the accepted values"),
        ("maximum", ("rating",), "is above 100"),
    ]
    assert reasons_of(refused.value) == [
        "user_id.required",
        "item_id.required",
        "event_type.accepted_values",
        "rating.maximum",
    ]


def test_an_accepted_record_comes_typed_under_its_canonical_names() -> None:
    record = record_model("movielens", "ratings").model_validate_json(
        '{"user_id": 7, "movie_id": " 12\\u00a0", "rating": "4.5", "x": 1,'
        ' "timestamp": 978300760}'
    )
    assert record.model_dump() == {
        "user_id": "7",
        "item_id": "12",
        "rating": 4.5,
        "interacted_at": dt.datetime(2000, 12, 31, 22, 12, 40),
    }


@pytest.mark.parametrize(
    ("record", "reason"),
    [
        ([1], "record.not_an_object"),
        ("x", "record.not_an_object"),
        ({"user_id": "a\ud800"}, "record.invalid_encoding"),
        ({"user_id": "u", "age": "\ud800"}, "record.invalid_encoding"),
        ({"user_id": "u", "age": b"7"}, "age.type"),
        ({"user_id": "u", "age": 10**5000}, "age.type"),
    ],
)
def test_what_no_file_could_hold_is_refused(record: Any, reason: str) -> None:
    assert violations(contract("canonical", "users"), record) == [reason]


def test_an_unknown_order_of_dates_is_refused() -> None:
    with pytest.raises(ValueError, match="'ydm' is no order of dates; there are ymd"):
        record_model("canonical", "users", date_order="ydm")


def test_the_letters_whose_lower_case_is_ascii_are_those_that_duckdb_knows() -> None:
    from winnow.contracts.record_models import _LOWERED_TO_ASCII

    letters = duckdb.sql(
        "select chr(code) from (select unnest(range(128, 1114112))::int as code) "
        "where code not between 55296 and 57343 and lower(chr(code)) < chr(128)"
    ).fetchall()
    assert {letter for (letter,) in letters} == set(
        re.sub(r"[\[\]]", "", _LOWERED_TO_ASCII.pattern)
    )


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


def test_every_bound_of_a_time_is_within_what_python_can_hold() -> None:
    """Beyond the years 1 to 9999 the model has no value, and could only refuse."""
    for entity in load_contracts().values():
        for column in entity.columns:
            if (
                column.data_type in ("date", "timestamp")
                and entity.source != LOG_SOURCE
            ):
                assert dt.datetime.fromisoformat(str(column.minimum)).year >= 1
                assert dt.datetime.fromisoformat(str(column.maximum)).year <= 9999
