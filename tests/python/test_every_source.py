"""Good rows and bad rows of every kind, through every entity of every source: each bad
row is refused for its own reason, each good one is kept, and the sums close.
"""

from __future__ import annotations

import csv
import datetime as dt
import json
from collections import Counter
from pathlib import Path

import pytest
from conftest import make_settings, rows_of

from winnow.build.build import build
from winnow.contracts.entities import LOG_SOURCE, Column, Entity, load_contracts
from winnow.core.settings import Settings
from winnow.load.ledger import read_ledger
from winnow.load.loads import release
from winnow.load.pipeline import load

GOOD, BAD = 60, 2
"""Good rows of each entity, and bad ones of each kind: few enough for the gate."""
ENTITIES = [entity for key, entity in load_contracts().items() if key[0] != LOG_SOURCE]
JSON_LINES = {("canonical", "interactions"), ("recomart", "products")}

Row = dict[str, str]


def good_value(column: Column, number: int) -> str:
    """A value that keeps every rule, different for each row where it can be."""
    if column.accepted_values is not None:
        return column.accepted_values[0]
    if column.accepted_values_from is not None:
        return "rating"
    if column.format is not None:
        return "0|1" + "|0" * 17
    if column.data_type in ("date", "timestamp"):
        return f"{dt.date(2020, 1, 1) + dt.timedelta(days=number)}"
    if column.data_type in ("bigint", "double"):
        return "3"
    return f"{column.name}-{number}"


def bad_values(column: Column) -> dict[str, str]:
    """For each rule of the column a value that breaks that rule and no other."""
    is_time = column.data_type in ("date", "timestamp")
    found: dict[str, str] = {}
    if column.required:
        found["required"] = " "
    if column.data_type != "varchar":
        found["type"] = "soon"
    if column.accepted_values is not None or column.accepted_values_from is not None:
        found["accepted_values"] = "teleport"
    if column.minimum is not None:
        below = "0900-01-01" if is_time else str(float(column.minimum) - 1)
        found["minimum"] = below.removesuffix(".0")
    if column.maximum is not None:
        above = "2222-01-01" if is_time else str(float(column.maximum) + 1)
        found["maximum"] = above.removesuffix(".0")
    if column.max_length is not None:
        found["max_length"] = "x" * (column.max_length + 1)
    if column.format is not None:
        found["format"] = "0|1"
    return found


def good_row(entity: Entity, number: int) -> Row:
    """A row that keeps the contract."""
    return {column.name: good_value(column, number) for column in entity.columns}


def rows_and_reasons(entity: Entity) -> tuple[list[Row], Counter[str]]:
    """All rows of an entity, and how often each reason must be given."""
    rows = [good_row(entity, number) for number in range(GOOD)]
    reasons: Counter[str] = Counter()
    for column in entity.columns:
        for rule, value in bad_values(column).items():
            for _ in range(BAD):
                rows.append(good_row(entity, len(rows)) | {column.name: value})
                reasons[f"{column.name}.{rule}"] += 1
    return rows, reasons


def write_rows(folder: Path, entity: Entity, rows: list[Row]) -> Path:
    """Write a file of the entity, CSV or JSON lines."""
    name = f"{entity.source}-{entity.name}"
    if (entity.source, entity.name) in JSON_LINES:
        path = folder / f"{name}.jsonl"
        path.write_text("".join(json.dumps(row) + "\n" for row in rows))
        return path
    path = folder / f"{name}.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Settings:
    """A home into which every entity was loaded, each for a tenant of its own."""
    home = tmp_path_factory.mktemp("every-source")
    settings = make_settings(home)
    for entity in ENTITIES:
        rows, _ = rows_and_reasons(entity)
        load(
            entity.source,
            write_rows(home, entity, rows),
            tenant=f"{entity.source}-{entity.name}",
            entity=entity.name,
            settings=settings,
        )
    # So many bad rows hold every load.
    loads = [one.landed.load_id for one in read_ledger(settings.lake).counting()]
    release(settings, loads)
    wanted = ("model", "seed")
    build(settings, [f"+reconciliation,resource_type:{kind}" for kind in wanted])
    return settings


@pytest.mark.parametrize("entity", ENTITIES, ids=lambda one: f"{one.source}.{one.name}")
def test_good_rows_are_kept_and_each_bad_one_is_refused_for_its_reason(
    built: Settings, entity: Entity
) -> None:
    rows, reasons = rows_and_reasons(entity)
    tenant = f"{entity.source}-{entity.name}"
    found = rows_of(
        built,
        "select reasons from validated.rejected_records "
        f"where tenant_id = '{tenant}' order by row_number",
    )
    assert [len(one) for (one,) in found] == [1] * reasons.total()
    assert Counter(one[0] for (one,) in found) == reasons
    assert rows_of(
        built,
        "select landed_count, accepted_count, rejected_count, duplicate_count "
        f"from quality.reconciliation where tenant_id = '{tenant}'",
    ) == [(len(rows), GOOD, reasons.total(), 0)]
