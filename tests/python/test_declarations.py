"""Contracts and seeds with a mistake in them: one sentence, before anything runs."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from places import PROJECT_ROOT

from winnow.build import dbt
from winnow.contracts.declarations import check_declarations
from winnow.core.errors import InputError
from winnow.core.settings import settings
from winnow.load import pipeline

CONTRACT = "models/staging/canonical/_canonical__sources.yml"
SETTINGS = "seeds/tenant_settings.csv"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """The contracts and seeds of a project of one's own."""
    shutil.copytree(PROJECT_ROOT / "seeds", tmp_path / "seeds")
    for path in (PROJECT_ROOT / "models" / "staging").glob("*/_*__sources.yml"):
        copy = tmp_path / path.relative_to(PROJECT_ROOT)
        copy.parent.mkdir(parents=True)
        shutil.copy(path, copy)
    (tmp_path / "models" / "tenant_times.sql").write_text("")
    return tmp_path


def replace(path: Path, before: str, after: str) -> None:
    text = path.read_text()
    assert before in text
    path.write_text(text.replace(before, after, 1))


def add_row(project: Path, seed: str, **values: str) -> None:
    path = project / "seeds" / f"{seed}.csv"
    header = path.read_text().partition("\n")[0].split(",")
    with path.open("a") as file:
        file.write(",".join(values.get(name, "") for name in header) + "\n")


def refusal(project: Path) -> str:
    """The sentence with which a project is rejected."""
    with pytest.raises(InputError) as caught:
        check_declarations(project)
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_what_winnow_ships_is_sound(project: Path) -> None:
    check_declarations(project)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("is_id: true", "is_id: yes please", "is_id 'yes please' is neither true nor"),
        ("required: true", "requird: true", "unknown contract key requird"),
        ("data_type: double", "data_type: float", "data_type 'float' is not one of"),
        ("max_length: 256", "max_length: -1", "max_length -1 is no whole number"),
        ("minimum: -100", "minimum: low", "minimum 'low' is no number"),
        ("minimum: -100", "minimum: 200", "minimum 200 is above maximum 100"),
        ('"1970-01-01"', "1970-01-01", 'is no time in quotes, such as "1970-01-01"'),
        ("aliases: [event_id]", "aliases: event_id", "aliases 'event_id' is no list"),
        ("mode: snapshot", "mode: snapshots", "may only give the mode"),
        ("name: item_id", "name: user_id", "the column user_id is declared twice"),
        ("name: items\n", "name: interactions\n", "canonical.interactions is declared"),
        ("        columns:\n", "        colums:\n", "columns is missing"),
    ],
)
def test_a_typo_in_a_contract_is_told_with_its_line(
    project: Path, before: str, after: str, said: str
) -> None:
    path = project / CONTRACT
    replace(path, before, after)
    found = refusal(project)
    assert said in found
    assert "_canonical__sources.yml, line " in found


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "minimum_from: earliest_interacted_at",
            "minimum_from: earliest_interacted",
            "names no setting in seeds/tenant_settings.csv for a bound of a timestamp; "
            "earliest_interacted_at is one.",
        ),
        (
            "maximum_from: latest_interacted_at",
            "maximum_from: sequence_length",
            "'sequence_length' names no setting in seeds/tenant_settings.csv for",
        ),
        (
            "minimum: -100,",
            "minimum: -100, minimum_from: earliest_interacted_at,",
            "names no setting in seeds/tenant_settings.csv for a bound of a double.",
        ),
        (
            "missing_numbers_from: no_rating_values",
            "missing_numbers_from: no_rating",
            "numbers; no_rating_values is one.",
        ),
        (
            "accepted_values_from: event_types",
            "accepted_values_from: event_type",
            "names no seed of accepted values; event_types is one.",
        ),
        (
            "accepted_values_from: event_types",
            "accepted_values_from: tenant_settings",
            "names no seed of accepted values",
        ),
        (
            "required_from: tenant_times",
            "required_from: tenant_time",
            "names no model below models/; tenant_times is one.",
        ),
    ],
)
def test_what_a_contract_names_elsewhere_is_there(
    project: Path, before: str, after: str, said: str
) -> None:
    replace(project / CONTRACT, before, after)
    found = refusal(project)
    assert said in found
    assert re.match(r"_canonical__sources\.yml, line \d+: canonical\.\w+\.\w+: ", found)


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        (
            "[tenant_id, source_value]",
            "[tenant, source_value]",
            "'tenant' is no column",
        ),
        ("weight: double", "weight: float", "weight is 'float', and must be one of"),
        ("- name: weight", "- name: weigth", "'weigth' is no column of column_types"),
        ("  - name: event_types", "  - name: event_typ", "event_typ.csv is missing"),
    ],
)
def test_a_typo_in_the_declaration_of_seeds_is_told(
    project: Path, before: str, after: str, said: str
) -> None:
    replace(project / "seeds" / "_seeds.yml", before, after)
    assert said in refusal(project)


def test_the_line_of_a_contract_is_the_column_s(project: Path) -> None:
    path = project / CONTRACT
    replace(path, "minimum: -100", "minimum: low")
    lines = path.read_text().splitlines()
    wrong = next(n for n, line in enumerate(lines) if "minimum: low" in line)
    begins = max(n for n in range(wrong) if "- name:" in lines[n])
    assert f"line {begins + 1}: canonical.interactions.rating:" in refusal(project)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("sources: [", "line 2: this is no YAML"),
        ("a:\n  b: 1\n c: 2\n", "this is no YAML"),
        ("version: 2\nversion: 2\n", "line 2: this is no YAML: the key version"),
        ("", "is no mapping"),
        ("version: 2\n", "sources is missing"),
        ("sources: shop\n", "sources 'shop' is not a list"),
        ("sources:\n  - shop\n", "'shop' is no mapping"),
        ("sources:\n  - name: shop\n    tables: [orders]\n", "'orders' is no mapping"),
        ("a: \x00", "this is no YAML"),
    ],
)
def test_a_contract_that_cannot_be_read_is_a_sentence(
    project: Path, text: str, said: str
) -> None:
    (project / CONTRACT).write_text(text)
    assert said in refusal(project)


def test_bytes_that_are_not_utf8_are_told(project: Path) -> None:
    (project / CONTRACT).write_bytes(b"sources: \xff")
    assert "is not UTF-8" in refusal(project)
    shutil.copy(PROJECT_ROOT / CONTRACT, project / CONTRACT)
    (project / SETTINGS).write_bytes(b"tenant_id\n\xff\n")
    assert f"{project / SETTINGS} is not UTF-8" in refusal(project)


@pytest.mark.parametrize(
    ("seed", "values", "said"),
    [
        (
            "tenant_settings",
            {"tenant_id": "shop", "negative_ratio": "four"},
            "line 3: negative_ratio is 'four', and must be a whole number.",
        ),
        (
            "tenant_settings",
            {"tenant_id": "shop", "negative_ratio": "-1"},
            "line 3: negative_ratio is '-1', and must be at least 0.",
        ),
        (
            "tenant_settings",
            {"tenant_id": "shop", "negative_ratio": "9" * 19},
            "must be a whole number.",
        ),
        (
            "tenant_settings",
            {"tenant_id": "shop", "gate_mostly": "95"},
            "gate_mostly is '95', and must be at most 1.",
        ),
        (
            "tenant_settings",
            {"tenant_id": "shop", "popularity_alpha": "nan"},
            "popularity_alpha is 'nan', and must be a number.",
        ),
        (
            "tenant_settings",
            {"tenant_id": "shop", "negative_strategy": "popular"},
            "and must be one of uniform, popularity.",
        ),
        (
            "tenant_settings",
            {"tenant_id": "shop", "purchase_needs_view": "maybe"},
            "purchase_needs_view is 'maybe', and must be true or false.",
        ),
        (
            "tenant_settings",
            {"tenant_id": "shop", "earliest_interacted_at": "1998-13-01"},
            "must be a day or a time in UTC, such as 1998-01-01.",
        ),
        (
            "tenant_settings",
            {"tenant_id": "*"},
            "line 3: line 2 has the same tenant_id (*), which may stand there once.",
        ),
        (
            "event_types",
            {"tenant_id": "shop", "source_value": "look"},
            "event_type is '', and must be a value.",
        ),
        (
            "quality_thresholds",
            {
                "tenant_id": "*",
                "entity": "*",
                "dimension": "freshnes",
                "severity": "warn",
            },
            "dimension is 'freshnes', and must be one of completeness",
        ),
    ],
)
def test_a_typo_in_a_seed_is_told_with_its_line(
    project: Path, seed: str, values: dict[str, str], said: str
) -> None:
    add_row(project, seed, **values)
    found = refusal(project)
    assert said in found
    assert f"{seed}.csv, line " in found


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("negative_ratio", "negativ_ratio", "'negativ_ratio' is no column of this"),
        ("negative_ratio,", "", "'negative_ratio' is missing"),
        ("negative_ratio", "tenant_id", "'tenant_id' is there twice"),
        ("tenant_id", "\ufefftenant_id", "line 1: a byte order mark"),
        (",", ";", "line 1: "),
        ("\n*,", "\n*,,", "line 2: 27 values, and the header has 26 columns"),
        ("\n*,", "\nshop,", "the row of tenant * is missing"),
        ("\n*,", '\n"*,', "this is no CSV"),
    ],
)
def test_a_broken_seed_is_told_with_its_line(
    project: Path, before: str, after: str, said: str
) -> None:
    replace(project / SETTINGS, before, after)
    found = refusal(project)
    assert said in found
    assert "tenant_settings.csv" in found


def test_a_seed_that_is_missing_is_told(project: Path) -> None:
    (project / SETTINGS).unlink()
    assert "seeds/tenant_settings.csv is missing" in refusal(project)


def test_no_command_begins_with_a_broken_seed(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def check(*_: object) -> None:
        check_declarations(project)

    replace(project / SETTINGS, "uniform", "unifrom")
    monkeypatch.setattr(pipeline, "check_declarations", check)
    monkeypatch.setattr(dbt, "check_declarations", check)
    with pytest.raises(InputError, match="line 2: negative_strategy is 'unifrom'"):
        pipeline.load("canonical", project / "none.csv")
    with pytest.raises(InputError, match="line 2: negative_strategy is 'unifrom'"):
        dbt.run_dbt(settings(), ["build"])


def test_what_installs_the_rest_is_pinned_in_one_place() -> None:
    locks = PROJECT_ROOT / "requirements"
    pinned = re.findall(r"^(\S+)==\S+ \\$", (locks / "install.lock").read_text(), re.M)
    assert pinned == ["uv"]
    makefile = (PROJECT_ROOT / "Makefile").read_text()
    assert not re.search(r"pip install(?!.*(-r |--build-constraints ))", makefile)
    assert "command -v uv" not in makefile
    assert re.findall(r"(?<!\$\(BIN\)/)\buv (?:pip|venv)\b", makefile) == []
