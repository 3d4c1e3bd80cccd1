"""The contracts, and what is derived from them in YAML and SQL."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from places import PROJECT_ROOT

from winnow.contracts.entities import (
    PROVENANCE,
    ContractError,
    contract,
    load_contracts,
)

SOURCE = """
version: 2
sources:
  - name: shop
    tables:
      - name: orders
        columns:
          - name: user_id
            data_type: {data_type}
            config: {{meta: {{{meta}}}}}
"""


def write_project(root: Path, data_type: str = "varchar", meta: str = "") -> Path:
    folder = root / "models" / "staging" / "shop"
    folder.mkdir(parents=True)
    text = SOURCE.format(data_type=data_type, meta=meta)
    (folder / "_shop__sources.yml").write_text(text)
    return root


def documented_models(layer: str) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for path in (PROJECT_ROOT / "models" / layer).rglob("*.yml"):
        document: dict[str, Any] = yaml.safe_load(path.read_text())
        for model in document.get("models", []):
            found[model["name"]] = [column["name"] for column in model["columns"]]
    return found


def test_a_key_that_no_gate_knows_is_refused_with_its_column(tmp_path: Path) -> None:
    root = write_project(tmp_path, meta="requird: true")
    with pytest.raises(ContractError, match=r"shop\.orders\.user_id.*requird"):
        load_contracts(root)


@pytest.mark.parametrize(
    ("source", "entity", "column"),
    [("canonical", "predictions", "rank"), ("microlens", "pairs", "position")],
)
def test_places_may_be_counted_from_zero(source: str, entity: str, column: str) -> None:
    (place,) = (one for one in contract(source, entity).columns if one.name == column)
    assert place.minimum == 0


def test_a_type_that_no_gate_knows_is_refused_with_its_column(tmp_path: Path) -> None:
    root = write_project(tmp_path, data_type="integer")
    with pytest.raises(ContractError, match=r"user_id.*'integer' is not one of"):
        load_contracts(root)


def test_an_unknown_entity_is_refused_with_those_there_are() -> None:
    with pytest.raises(ContractError, match=r"movielens\.ratings"):
        contract("movielens", "reviews")


def test_the_provenance_columns_of_loaders_and_models_are_the_same() -> None:
    macro = PROJECT_ROOT / "macros" / "contracts" / "provenance_columns.sql"
    listed = re.findall(r'"(\w+)": "(\w+)"', macro.read_text())
    assert dict(listed) == PROVENANCE
    assert [name for name, _ in listed] == list(PROVENANCE)


@pytest.mark.parametrize(
    ("layer", "prefix"), [("staging", "stg"), ("validated", "val")]
)
def test_the_documented_columns_of_derived_models_are_those_of_the_contract(
    layer: str, prefix: str
) -> None:
    documented = documented_models(layer)
    for (source, name), entity in load_contracts().items():
        if source == "winnow":
            continue
        columns = documented[f"{prefix}_{source}__{name}"]
        own = [column.canonical_name for column in entity.columns]
        assert columns[: len(own) + 1] == ["tenant_id", *own], (source, name)


def test_no_two_columns_of_an_entity_claim_the_same_header() -> None:
    for entity in load_contracts().values():
        names = [
            re.sub(r"[^a-z0-9]", "", name.lower())
            for column in entity.columns
            for name in {column.name, *column.aliases}
        ]
        repeated = {name for name in names if names.count(name) > 1}
        per_column = {
            frozenset(
                re.sub(r"[^a-z0-9]", "", name.lower())
                for name in (column.name, *column.aliases)
            )
            for column in entity.columns
        }
        shared = {
            name for name in repeated if sum(name in names for names in per_column) > 1
        }
        assert not shared, (entity.source, entity.name, shared)


def test_every_model_and_column_has_a_description() -> None:
    for path in (PROJECT_ROOT / "models").rglob("*.yml"):
        document: dict[str, Any] = yaml.safe_load(path.read_text())
        for model in document.get("models", []):
            assert model.get("description"), model["name"]
            for column in model["columns"]:
                assert column.get("description"), (model["name"], column["name"])


def test_every_model_that_is_built_is_documented() -> None:
    documented = {
        name
        for layer in (PROJECT_ROOT / "models").iterdir()
        if layer.is_dir()
        for name in documented_models(layer.name)
    }
    built = {path.stem for path in (PROJECT_ROOT / "models").rglob("*.sql")}
    assert built == documented
