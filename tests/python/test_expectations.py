"""The quality gate: what it holds, what it lets pass, and what it writes."""

from __future__ import annotations

import csv
import datetime as dt
import html
import json
import re
import shutil
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import great_expectations as gx
import pandas as pd
import pytest
from conftest import make_settings
from places import SEEDS

from winnow.build import compiled_quality
from winnow.build.compiled_quality import build_quality
from winnow.contracts.entities import LOG_SOURCE, contract, load_contracts
from winnow.core.errors import InputError
from winnow.gate import Failure, GateReport, check_thresholds, read_gate

GOOD = {
    "user_id": "u",
    "item_id": "i",
    "event_type": "Rating",
    "rating": "4",
    "interacted_at": "2024-01-01T00:00:00Z",
}

LANDED = {
    "tenant_id": "t",
    "date_order": "ymd",
    "load_id": "1",
    "file": "feed.csv",
    "file_sha256": "0",
    "read_options": "{}",
    "loaded_at": dt.datetime(2024, 2, 1),
}
"""What is the same in all rows of these tests."""


def land(
    warehouse: Path,
    rows: Sequence[dict[str, Any]],
    source: str = "canonical",
    entity: str = "interactions",
) -> None:
    """Put rows into a raw table, which is made when it is not there, and into the log
    what a load of them would.
    """
    if source != LOG_SOURCE:
        tenants = Counter(row.get("tenant_id", "t") for row in rows)
        of_load = {"source": source, "entity": entity, "unreadable_count": 0}
        log = [
            of_load | {"tenant_id": tenant, "record_count": count}
            for tenant, count in tenants.items()
        ]
        land(warehouse, log, LOG_SOURCE, "loaded_files")
    columns = contract(source, entity).raw_columns
    table = f"raw.{contract(source, entity).table}"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("create schema if not exists raw")
        typed = ", ".join(f'"{name}" {kind}' for name, kind in columns.items())
        connection.execute(f"create table if not exists {table} ({typed})")
        places = ", ".join("?" for _ in columns)
        ((there,),) = connection.execute(f"select count(*) from {table}").fetchall()
        connection.executemany(
            f"insert into {table} values ({places})",
            [
                [(LANDED | numbered(number) | row).get(name) for name in columns]
                for number, row in enumerate(rows, there)
            ],
        )


def numbered(number: int) -> dict[str, Any]:
    """What tells a row from the others, where it says nothing of its own."""
    return {"interaction_id": f"e{number}", "row_number": number + 1}


def gate(home: Path, seeds: Path = SEEDS, *, suites: bool = False) -> GateReport:
    """What the models of the gate say of what lies in raw; that stays as it is."""
    check_thresholds(seeds)
    here = make_settings(home / "gate")
    here.warehouse.parent.mkdir(exist_ok=True)
    here.warehouse.unlink(missing_ok=True)
    if (home / "w.duckdb").exists():
        shutil.copy(home / "w.duckdb", here.warehouse)
        build_quality(here, home.parent / "validate.json", seeds)
    with duckdb.connect(str(here.warehouse)) as connection:
        docs = home / "target" / "data_docs"
        return read_gate(connection, docs, seeds=seeds, suites=suites)


def stopped(report: GateReport) -> dict[str, Failure]:
    return {one.rule: one for one in report.failures if one.severity == "error"}


def mixed(bad: dict[str, Any], share: float, rows: int = 100) -> list[dict[str, Any]]:
    broken = round(rows * share)
    return [GOOD | bad] * broken + [dict(GOOD)] * (rows - broken)


def test_good_rows_pass_and_every_rule_is_judged(tmp_path: Path) -> None:
    land(tmp_path / "w.duckdb", mixed({}, 0))
    report = gate(tmp_path)
    assert report.passed
    assert not report.failures
    judged = {one.rule for one in report.rules}
    assert {"user_id.required", "rating.maximum", "interacted_at.type"} <= judged
    assert report.checked == len(judged)
    assert [one.name for one in report.data_docs.parent.iterdir()] == ["index.html"]


def test_tables_that_are_only_declared_are_those_that_their_sql_makes(
    tmp_path: Path,
) -> None:
    """Of entities without a row nothing is computed, and nobody can tell."""

    def tables(home: Path) -> dict[str, tuple[list[tuple[Any, ...]], ...]]:
        with duckdb.connect(str(make_settings(home / "gate").warehouse)) as connection:
            names = connection.execute(
                "select concat(table_schema, '.', table_name) "
                "from information_schema.tables where table_schema <> 'raw'"
            ).fetchall()
            return {
                name: (
                    connection.execute(f"select count(*) from {name}").fetchall(),
                    connection.execute(f"describe {name}").fetchall(),
                )
                for (name,) in names
            }

    rows = mixed({"rating": "101"}, 0.2)
    land(tmp_path / "w.duckdb", rows)
    gate(tmp_path)
    kept = tmp_path.parent / "validate.json"
    steps = compiled_quality._steps(make_settings(tmp_path / "gate"), kept)
    computed = tuple(replace(step, columns=None) for step in steps)
    home = tmp_path / "computed"
    home.mkdir()
    land(home / "w.duckdb", rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled_quality, "_steps", lambda *_: computed)
        gate(home)
    assert tables(tmp_path) == tables(home)
    declared = [step for step in steps if step.columns is not None]
    assert {step.raw_table for step in declared} == {
        one.table for one in load_contracts().values() if one.source != LOG_SOURCE
    }


def test_suites_say_what_the_contract_does_and_results_what_was_counted(
    tmp_path: Path,
) -> None:
    """Great Expectations reads the suite, and comes to the counts of the gate where it
    reads the rows itself.
    """
    rows = mixed({"rating": "101"}, 0.2)
    rows += [GOOD | {"event_type": "wink"}] * 8 + [GOOD | {"user_id": "x" * 257}]
    rows += [GOOD | {"interacted_at": "1969-12-31"}] * 2
    rows += [GOOD | {"user_id": None}] * 3 + [GOOD | {"interaction_id": "e50"}] * 5
    land(tmp_path / "w.duckdb", rows)
    report = gate(tmp_path, suites=True)
    docs, file = report.data_docs.parent, "canonical.interactions.t.1.json"
    assert f"href='validations/{file}'" in report.data_docs.read_text()
    suite = gx.ExpectationSuite(**json.loads((docs / "suites" / file).read_text()))
    told = json.loads((docs / "validations" / file).read_text())
    assert (told["suite_name"], told["success"]) == (suite.name, False)
    of_gate = {
        (
            one["expectation_config"]["meta"]["rule"],
            one["expectation_config"]["severity"],
        ): one
        for one in told["results"]
    }
    assert len(of_gate) == len(told["results"]) == len(suite.expectations)
    for rule in report.rules:
        counts = of_gate[rule.rule, "warning"]["result"]
        assert (counts["element_count"], counts["unexpected_count"]) == (
            rule.checked,
            rule.failed,
        )
        critical = of_gate.get((rule.rule, "critical"), {"success": True})
        warning = of_gate[rule.rule, "warning"]["success"]
        severity = "passed" if warning else "warning"
        assert rule.severity == (severity if critical["success"] else "error")
    assert of_gate["record_key.unique", "warning"]["result"]["unexpected_count"] == 5

    frame = pd.DataFrame(rows).assign(
        event_type=lambda told: told["event_type"].str.lower(),
        rating=lambda told: told["rating"].astype(float),
        interacted_at=lambda told: pd.to_datetime(
            told["interacted_at"], utc=True, format="ISO8601"
        ).dt.tz_localize(None),
    )
    named = set(frame.columns)
    suite.expectations = [
        one
        for one in suite.expectations
        if one.column in named
        and one.expectation_type != "expect_column_values_to_be_of_type"
    ]
    asset = gx.get_context(mode="ephemeral").data_sources.add_pandas("p")
    batch = asset.add_dataframe_asset("a").add_batch_definition_whole_dataframe("b")
    judged = batch.get_batch(batch_parameters={"dataframe": frame}).validate(suite)
    kinds = set()
    for result in judged.results:
        config = result.expectation_config
        expected = of_gate[config.meta["rule"], config.severity]
        assert result.success == expected["success"], config.meta
        counted = expected["result"]["unexpected_count"]
        assert result.result["unexpected_count"] == counted, config.meta
        kinds.add(config.type) if counted else None
    assert kinds == {
        "expect_column_values_to_not_be_null",
        "expect_column_values_to_be_in_set",
        "expect_column_values_to_be_between",
        "expect_column_value_lengths_to_be_between",
    }


@pytest.mark.parametrize(
    ("bad", "rule"),
    [
        ({"user_id": " N/A "}, "user_id.required"),
        ({"item_id": None}, "item_id.required"),
        ({"user_id": "x" * 257}, "user_id.max_length"),
        ({"event_type": "teleport"}, "event_type.accepted_values"),
        ({"rating": "five"}, "rating.type"),
        ({"rating": "inf"}, "rating.type"),
        ({"rating": "101"}, "rating.maximum"),
        ({"rating": "-101"}, "rating.minimum"),
        ({"interacted_at": "soon"}, "interacted_at.type"),
        ({"interacted_at": "12/1/2010 8:26"}, "interacted_at.type"),
        ({"interacted_at": "1969-12-31T23:59:59Z"}, "interacted_at.minimum"),
        ({"interacted_at": "-1"}, "interacted_at.minimum"),
        ({"interacted_at": "4102444801"}, "interacted_at.maximum"),
    ],
)
def test_a_feed_that_breaks_a_rule_too_often_is_stopped_with_its_counts(
    tmp_path: Path, bad: dict[str, Any], rule: str
) -> None:
    land(tmp_path / "w.duckdb", mixed(bad, 0.06))
    report = gate(tmp_path)
    assert not report.passed
    failures = stopped(report)
    assert list(failures) == [rule]
    failure = failures[rule]
    assert (failure.tenant_id, failure.source, failure.entity) == (
        "t",
        "canonical",
        "interactions",
    )
    assert (failure.checked, failure.failed) == (100, 6)
    for words in ("tenant t", "canonical.interactions", rule, "6 of 100"):
        assert words in failure.message


def test_a_few_bad_rows_pass_and_more_than_half_of_what_may_is_a_warning(
    tmp_path: Path,
) -> None:
    land(tmp_path / "w.duckdb", mixed({"rating": "five"}, 0.02))
    assert not gate(tmp_path).failures
    (tmp_path / "w.duckdb").unlink()
    land(tmp_path / "w.duckdb", mixed({"rating": "five"}, 0.04))
    report = gate(tmp_path)
    assert report.passed
    assert [(one.rule, one.severity) for one in report.failures] == [
        ("rating.type", "warning")
    ]


@pytest.mark.parametrize(
    ("value", "order"),
    [
        ("1700000000", "ymd"),
        ("1700000000123", "ymd"),
        ("2023-11-14 22:13:20+02:00", "ymd"),
        ("12/31/2010 8:26", "mdy"),
        ("31.12.2010", "dmy"),
        ("01-Jan-2001", "ymd"),
    ],
)
def test_times_of_every_form_are_good(tmp_path: Path, value: str, order: str) -> None:
    row = GOOD | {"interacted_at": value, "date_order": order}
    land(tmp_path / "w.duckdb", [row])
    assert not gate(tmp_path).failures


@pytest.mark.parametrize(
    ("bad", "row", "advice"),
    [
        (
            {"interacted_at": "31/12/2020"},
            "interacted_at '31/12/2020' is no time",
            "Load with --dates dmy.",
        ),
        (
            {"interacted_at": "12-31-2020 10:00"},
            "interacted_at '12-31-2020 10:00' is no time",
            "Load with --dates mdy.",
        ),
        (
            {"interacted_at": "1/2/2020"},
            "interacted_at '1/2/2020' is no time",
            "--dates dmy or --dates mdy says whether the day or the month leads.",
        ),
        (
            {"interacted_at": "soon"},
            "interacted_at 'soon' is no time",
            "Times are ISO 8601 or numbers since 1970 (docs/loading.md)",
        ),
        ({"rating": "3,5"}, "rating '3,5' is no number", "--decimal-comma."),
        ({"rating": "1.234,5"}, "rating '1.234,5' is no number", "--decimal-comma."),
        (
            {"rating": "five"},
            "rating 'five' is no number",
            "--map rating=COLUMN takes rating from another column, --ignore rating ",
        ),
        (
            {"event_type": "teleport"},
            "event_type 'teleport' is not one of the accepted values",
            "seeds/event_types.csv; --map event_type=COLUMN takes event_type from "
            "another column, --ignore event_type leaves it out.",
        ),
        ({"user_id": ""}, "user_id is missing", "--map user_id=COLUMN takes user_id "),
        (
            {"item_id": "x" * 300},
            "has 300 characters, over 256",
            "--delimiter and --no-quoting say how fields are parted",
        ),
        (
            {"interacted_at": "-5"},
            "interacted_at '-5' is 1969-12-31 23:59:55, before 1970-01-01 (the "
            "contract's bound)",
            "earliest_interacted_at in seeds/tenant_settings.csv sets a tenant's own",
        ),
        (
            {"rating": "101"},
            "rating '101' is above 100 (the contract's bound)",
            "no_rating_values in seeds/tenant_settings.csv lists numbers that mean",
        ),
    ],
)
def test_a_failure_says_what_is_wrong_on_which_line_and_what_helps(
    tmp_path: Path, bad: dict[str, Any], row: str, advice: str
) -> None:
    place = {"file": "feed.csv", "line_number": 7, "row_number": 6}
    land(tmp_path / "w.duckdb", [GOOD | bad | place] * 3)
    (failure,) = stopped(gate(tmp_path)).values()
    assert failure.rows[0].startswith("feed.csv, line 7: ")
    assert row in failure.rows[0]
    assert advice in failure.advice


def test_a_bound_that_a_tenant_sets_is_named_with_the_decoded_value(
    tmp_path: Path,
) -> None:
    settings = {
        "*": {"gate_mostly": "1"},
        "acme": {"earliest_interacted_at": "2000-01-01"},
    }
    row = {"tenant_id": "acme", "interacted_at": "12345"}
    place = {"file": "feed.csv", "line_number": 7, "row_number": 6}
    land(tmp_path / "w.duckdb", [GOOD | row | place] * 3)
    (failure,) = stopped(gate(tmp_path, seeds_of(tmp_path, settings))).values()
    assert set(failure.rows) == {
        "feed.csv, line 7: interacted_at '12345' is 1970-01-01 03:25:45, before "
        "2000-01-01 (earliest_interacted_at of tenant acme)",
    }


def seeds_with(home: Path, thresholds: dict[str, str]) -> Path:
    """A copy of the seeds in which these tenants, and no others, have thresholds."""
    return seeds_of(
        home, {name: {"gate_mostly": share} for name, share in thresholds.items()}
    )


def seeds_of(home: Path, tenants: dict[str, dict[str, str]]) -> Path:
    """A copy of the seeds in which these tenants, and no others, have settings."""
    seeds = home / "seeds"
    shutil.copytree(SEEDS, seeds)
    path = seeds / "tenant_settings.csv"
    with path.open(encoding="utf-8", newline="") as file:
        names = csv.DictReader(file).fieldnames or ()
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, names, restval="")
        writer.writeheader()
        writer.writerows(
            {"tenant_id": tenant} | values for tenant, values in tenants.items()
        )
    return seeds


def test_each_tenant_is_judged_alone_and_by_its_own_threshold(tmp_path: Path) -> None:
    bad = mixed({"rating": "five"}, 0.2)
    for tenant in ("strict", "lenient"):
        land(tmp_path / "w.duckdb", [row | {"tenant_id": tenant} for row in bad])
    land(tmp_path / "w.duckdb", [GOOD | {"tenant_id": "good"}])
    seeds = seeds_with(tmp_path, {"*": "0.95", "lenient": "0.7"})
    report = gate(tmp_path, seeds)
    assert {(one.tenant_id, one.severity) for one in report.failures} == {
        ("strict", "error"),
        ("lenient", "warning"),
    }


def test_exactly_as_many_bad_rows_as_may_be_are_no_error(tmp_path: Path) -> None:
    land(tmp_path / "w.duckdb", mixed({"rating": "five"}, 0.07))
    report = gate(tmp_path, seeds_with(tmp_path, {"*": "0.93"}))
    assert [(one.rule, one.severity) for one in report.failures] == [
        ("rating.type", "warning")
    ]


@pytest.mark.parametrize(
    ("thresholds", "words"),
    [
        ({"*": "most"}, "line 2: gate_mostly is 'most', and must be 0 to 1"),
        ({"*": "0.9", "t": "95"}, "line 3: gate_mostly is '95', and must be 0 to 1"),
        ({"*": "nan"}, "line 2: gate_mostly is 'nan', and must be 0 to 1"),
        ({"*": "", "t": "0.9"}, "the row of tenant [*] must have a gate_mostly"),
    ],
)
def test_a_threshold_that_is_no_share_is_one_clear_error(
    tmp_path: Path, thresholds: dict[str, str], words: str
) -> None:
    with pytest.raises(InputError, match=rf"tenant_settings\.csv.*{words}"):
        gate(tmp_path, seeds_with(tmp_path, thresholds))


def test_bounds_of_times_are_a_tenants_setting(tmp_path: Path) -> None:
    times = {"1969-12-31": 0, "1970-01-01": 1, "2030-01-01": 2, "2101-01-01": 3}
    for tenant in ("plain", "early", "late"):
        land(
            tmp_path / "w.duckdb",
            [
                GOOD | {"interacted_at": time, "tenant_id": tenant}
                for time, count in times.items()
                for _ in range(4**count)
            ],
        )
    seeds = seeds_of(
        tmp_path,
        {
            "*": {"gate_mostly": "1"},
            "early": {"earliest_interacted_at": "1900-01-01"},
            "late": {
                "earliest_interacted_at": "2000-01-01 12:00",
                "latest_interacted_at": "2200-01-01",
            },
        },
    )
    assert {
        (one.tenant_id, one.rule): one.failed for one in gate(tmp_path, seeds).failures
    } == {
        ("plain", "interacted_at.minimum"): 1,
        ("plain", "interacted_at.maximum"): 64,
        ("early", "interacted_at.maximum"): 64,
        ("late", "interacted_at.minimum"): 5,
    }


def test_a_number_that_means_no_rating_breaks_no_rule(tmp_path: Path) -> None:
    row = {"transaction_id": "1", "user_id": "u", "product_id": "i"}
    row["timestamp"] = "2024-01-01"
    rows = [row | {"rating": rating} for rating in ("0", "0.0", "-1", "3")]
    for tenant in ("shop", "plain"):
        named = [one | {"tenant_id": tenant} for one in rows]
        land(tmp_path / "w.duckdb", named, "recomart", "transactions")
    settings = {"*": {"gate_mostly": "1"}, "shop": {"no_rating_values": "0 -1"}}
    failures = gate(tmp_path, seeds_of(tmp_path, settings)).failures
    assert {(one.tenant_id, one.rule): one.failed for one in failures} == {
        ("plain", "rating.minimum"): 3
    }


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("earliest_interacted_at", "soon", "a day or a time in UTC"),
        ("latest_interacted_at", "2020-01-01T00:00:00Z", "a day or a time in UTC"),
        ("no_rating_values", "0,-1", "numbers with blanks between them"),
        ("no_rating_values", "nan", "numbers with blanks between them"),
    ],
)
def test_a_setting_that_makes_no_sense_is_one_sentence(
    tmp_path: Path, name: str, value: str, words: str
) -> None:
    seeds = seeds_of(tmp_path, {"*": {"gate_mostly": "1"}, "t": {name: value}})
    land(tmp_path / "w.duckdb", [dict(GOOD)])
    said = rf"tenant_settings\.csv, line 3: {name} is '{value}', and must be {words}"
    with pytest.raises(InputError, match=said):
        gate(tmp_path, seeds)


def test_a_long_value_is_shown_by_its_beginning(tmp_path: Path) -> None:
    land(tmp_path / "w.duckdb", [GOOD | {"user_id": "x" * 100_000}] * 3)
    report = gate(tmp_path)
    message = stopped(report)["user_id.max_length"].message
    assert f"'{'x' * 79}…'" in message
    assert "x" * 80 not in message + report.data_docs.read_text()


def test_a_tenants_own_event_types_are_good_for_that_tenant_only(
    tmp_path: Path,
) -> None:
    for tenant in ("own", "other"):
        land(
            tmp_path / "w.duckdb", [GOOD | {"event_type": "wink", "tenant_id": tenant}]
        )
    seeds = tmp_path / "seeds"
    shutil.copytree(SEEDS, seeds)
    with (seeds / "event_types.csv").open("a", encoding="utf-8") as file:
        file.write("own,wink,like,true,1.0,true,,false\n")
    failures = gate(tmp_path, seeds).failures
    assert [(one.tenant_id, one.rule) for one in failures] == [
        ("other", "event_type.accepted_values")
    ]


def test_a_feed_that_can_mostly_not_be_read_is_stopped(tmp_path: Path) -> None:
    land(tmp_path / "w.duckdb", mixed({}, 0))
    with duckdb.connect(str(tmp_path / "w.duckdb")) as connection:
        connection.execute("update raw.winnow_loaded_files set unreadable_count = 20")
    unreadable = [
        {
            "tenant_id": "t",
            "source": "canonical",
            "entity": "interactions",
            "file": "feed.csv",
            "line_number": 7 + number,
            "row_number": 6 + number,
            "reason": "too_few_fields",
            "raw_record": "a,b" if number else "x" * 100,
        }
        for number in range(20)
    ]
    land(tmp_path / "w.duckdb", unreadable, "winnow", "unreadable_records")
    failure = stopped(gate(tmp_path))["record.readable"]
    assert (failure.checked, failure.failed) == (120, 20)
    assert len(failure.rows) == 5
    assert failure.rows[0] == f"feed.csv, line 7: too_few_fields: {'x' * 79}…"
    assert failure.rows[1] == "feed.csv, line 8: too_few_fields: a,b"
    assert "--delimiter" in failure.advice


def test_an_empty_or_missing_warehouse_passes_with_nothing_checked(
    tmp_path: Path,
) -> None:
    report = gate(tmp_path)
    assert (report.passed, report.checked) == (True, 0)
    assert "No rows have been loaded yet" in report.data_docs.read_text()
    duckdb.connect(str(tmp_path / "w.duckdb")).close()
    assert gate(tmp_path).checked == 0


def test_the_warehouse_can_be_written_afterwards(tmp_path: Path) -> None:
    land(tmp_path / "w.duckdb", [dict(GOOD)])
    gate(tmp_path)
    land(tmp_path / "w.duckdb", [dict(GOOD)])


def test_the_page_needs_no_network_and_escapes_what_it_shows(tmp_path: Path) -> None:
    land(tmp_path / "w.duckdb", mixed({"event_type": "<script>alert(1)</script>"}, 0.5))
    page = gate(tmp_path).data_docs.read_text()
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "http" not in page


def test_the_page_has_failures_first_and_says_the_bounds(tmp_path: Path) -> None:
    """Of feeds, and of the rules of each: what holds the load, what comes close, and
    the rest; with a bound of the tenant's own where it has one.
    """
    shutil.copytree(SEEDS, tmp_path / "seeds")
    settings = tmp_path / "seeds" / "tenant_settings.csv"
    names = settings.read_text("utf-8").splitlines()[0].split(",")
    own = {"tenant_id": "c", "earliest_interacted_at": "2001-02-03"}
    with settings.open("a", encoding="utf-8") as file:
        file.write(",".join(own.get(name, "") for name in names) + "\n")
    rows = [GOOD | {"tenant_id": "a"}] * 100
    rows += [GOOD | {"tenant_id": "b"}] * 97
    rows += [GOOD | {"tenant_id": "b", "rating": "101"}] * 3
    rows += [GOOD | {"tenant_id": "c", "rating": "4"}] * 47
    rows += [GOOD | {"tenant_id": "c", "rating": "101"}] * 50
    rows += [GOOD | {"tenant_id": "c", "rating": "x"}] * 3
    land(tmp_path / "w.duckdb", rows)
    report = gate(tmp_path, tmp_path / "seeds")
    page = html.unescape(re.sub("<[^>]+>", "|", report.data_docs.read_text()))
    places = [page.index(f"|{tenant} · canonical") for tenant in "cba"]
    assert places == sorted(places)
    first, second = page[places[0] : places[1]], page[places[1] : places[2]]
    assert re.search(r"holds the load\|+rating\.maximum\|+100 or less\|", first)
    assert re.search(r"comes close\|+rating\.type\|+a number\|", first)
    assert re.search(r"passed\|+interacted_at\.minimum\|+2001-02-03", first)
    assert re.search(r"passed\|+interacted_at\.minimum\|+1970-01-01 or more\|", second)
    verdicts = re.findall(r"\|(holds the load|comes close|passed)\|", first)
    assert verdicts == sorted(
        verdicts, key=["holds the load", "comes close", "passed"].index
    )
    assert (
        "fewer than 95.00% of its values keep it, and comes close below 97.50%" in page
    )
