"""The rooms of the package, and which of them may import which."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from places import PROJECT_ROOT

PACKAGE = PROJECT_ROOT / "winnow"

# Module, what is written at its end, and the beginning of the contract that it breaks.
BROKEN = {
    "a room above": (
        "winnow/core/home.py",
        "import winnow.warehouse.sql\n",
        "A room imports only rooms below it",
    ),
    "a room above, from within a function": (
        "winnow/load/ledger.py",
        "def late() -> None:\n    import winnow.build.build\n",
        "A room imports only rooms below it",
    ),
    "a room beside": (
        "winnow/export/manifest.py",
        "import winnow.evaluation.batches\n",
        "A room imports only rooms below it",
    ),
    "loads, from a loader": (
        "ingest/recomart.py",
        "import winnow.load.pipeline\n",
        "A room imports only rooms below it",
    ),
    "the build, from the dashboard": (
        "winnow/dashboard/data.py",
        "import winnow.build.quality\n",
        "The dashboard reads what is published",
    ),
    "dbt": ("winnow/gate/gate.py", "import dbt.cli\n", "Only the build imports dbt"),
    "dlt": ("winnow/gate/gate.py", "import dlt\n", "Only loads and loaders import dlt"),
    "Great Expectations": (
        "winnow/build/validation.py",
        "import great_expectations\n",
        "Only the gate imports Great Expectations",
    ),
    "Streamlit": (
        "winnow/cli/report.py",
        "import streamlit\n",
        "Only the dashboard and the command that serves it",
    ),
    "a circle": (
        "winnow/load/records.py",
        "import winnow.load.recognition\n",
        "No circles within a room",
    ),
}


def lint(folder: Path) -> subprocess.CompletedProcess[str]:
    linter = Path(sys.executable).with_name("lint-imports")
    return subprocess.run(
        [linter, "--no-cache", "--config", PROJECT_ROOT / "pyproject.toml"],
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )


def test_every_room_imports_only_what_it_may() -> None:
    finished = lint(PROJECT_ROOT)
    assert finished.returncode == 0, finished.stdout + finished.stderr


@pytest.mark.parametrize("module, text, contract", BROKEN.values(), ids=BROKEN)
def test_an_import_that_a_room_may_not_have_is_named(
    module: str, text: str, contract: str, tmp_path: Path
) -> None:
    for package in ("ingest", "winnow"):
        shutil.copytree(
            PROJECT_ROOT / package,
            tmp_path / package,
            ignore=shutil.ignore_patterns("__pycache__"),
        )
    with (tmp_path / module).open("a", encoding="utf-8") as file:
        file.write(text)
    said = lint(tmp_path).stdout
    assert re.search(rf"^{contract}.* BROKEN$", said, re.MULTILINE), said
    importer = module.removesuffix(".py").replace("/", ".")
    assert importer.rpartition(".")[2] in said.partition("Broken contracts")[2]


def test_every_package_is_a_room_that_has_its_place() -> None:
    with (PROJECT_ROOT / "pyproject.toml").open("rb") as file:
        contracts = tomllib.load(file)["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if "layers" in contract]
    rooms = {room.strip() for layer in layers for room in layer.split("|")}
    folders = {path.parent.name for path in PACKAGE.glob("*/__init__.py")}
    assert rooms == {"ingest"} | {f"winnow.{name}" for name in folders}
    beside = {path.name for path in PACKAGE.glob("*.py")}
    assert beside == {"__init__.py", "__main__.py"}, "they are in no room"


def test_importing_a_room_imports_neither_dbt_nor_dlt_nor_great_expectations() -> None:
    modules = [
        ".".join(path.relative_to(PROJECT_ROOT).with_suffix("").parts)
        for package in ("ingest", "winnow")
        for path in (PROJECT_ROOT / package).rglob("*.py")
        if "dashboard/" not in str(path)  # It needs Streamlit.
        and path.stem not in ("dbt_plugin", "torch_dataset")  # dbt's own, and torch's.
    ]
    code = (
        "import importlib, sys\n"
        f"for module in {modules}: importlib.import_module(module)\n"
        "print({'dbt', 'dlt', 'great_expectations'} & set(sys.modules))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=PROJECT_ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    assert finished.stdout == "set()\n"


def test_nothing_large_is_kept_with_the_code() -> None:
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT_ROOT, capture_output=True, check=True
    ).stdout.decode()
    paths = [PROJECT_ROOT / name for name in listed.split("\0") if name]
    assert paths
    large = [path for path in paths if path.is_file() and path.stat().st_size > 1 << 20]
    assert large == []
