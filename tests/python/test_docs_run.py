"""README and docs, run as they are written, in a fresh copy of the project."""

from __future__ import annotations

import os
import random
import re
import shutil
import subprocess
import textwrap
from pathlib import Path

import duckdb
import pytest
from documented import blocks, commands
from places import PROJECT_ROOT

pytestmark = pytest.mark.scale

NOT_RUN = {
    "winnow --install-completion": "changes the files of the user's shell",
    "make test": "this test is a part of it",
    "make lint": "make test begins with it",
    "make test-scale": "this test is a part of it",
    "make test-services": "needs S3 and a browser",
    "make test-peers": "installs 4.3 GB",
    "make install": "the copy has the environment of the tests",
    "make wheel": "needs a registry to build it in; a wheel is tried by hand",
    "winnow init shop": "test_project.py has it, and what the scaffold's page says",
    "winnow load my_shop my-shop --tenant my-shop": "test_project.py has it",
    "winnow load till orders.csv --tenant acme": "test_project.py has it",
    "make dashboard": "serves until it is stopped; test_dashboard.py has its pages",
    ".venv/bin/winnow dashboard": "serves until it is stopped",
    ".venv/bin/winnow dashboard --port 0 --browser": "serves until it is stopped",
    "winnow publish --lake s3://bucket/shop": "needs S3; test_lake_s3.py has one",
    "winnow rejected replay bad.jsonl": "needs corrections: test_rejected.py",
}
"""Commands that are not run here, and why."""

NOT_PYTHON = {
    "recbole": "needs RecBole; test_export_peers.py has it",
    "torch": "needs PyTorch; test_export_peers.py has it",
}
"""Imports of Python blocks that are not run here, and why."""


@pytest.fixture(scope="session")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the project's files with its environment, and a user's files."""
    copy = tmp_path_factory.mktemp("fresh") / "winnow"
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=PROJECT_ROOT, capture_output=True, check=True
    ).stdout.decode()
    for name in filter(None, listed.split("\0")):
        if (source := PROJECT_ROOT / name).is_file():
            target = copy / name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
    environment = copy / ".venv"
    environment.mkdir()
    for one in (PROJECT_ROOT / ".venv").iterdir():
        if not one.name.endswith(".stamp"):
            (environment / one.name).symlink_to(one)
    (environment / "core.stamp").touch()
    write_files(copy)
    return copy


def write_files(folder: Path) -> None:
    """The files that the pages speak of, made up."""
    chance = random.Random(7)
    users = [f"u{n}" for n in range(60)]
    items = [f"i{n}" for n in range(40)]
    seen = [(user, item) for user in users for item in chance.sample(items, 15)]
    chance.shuffle(seen)
    ratings = [
        # Behind the orders and events: a split by time tests on what comes last.
        f"{user},{item},{chance.randint(1, 5)},{1_720_000_000 + 3600 * n}"
        for n, (user, item) in enumerate(seen)
    ]
    lines = {
        "ratings.csv": ["userId,itemId,rating,time", *ratings, "u1,i1,500,1700000000"],
        "orders.csv": [
            "CustomerID,StockCode,InvoiceDate",
            *(
                f"{user},{item},2024-01-{1 + n % 28:02}"
                for n, (user, item) in enumerate(seen[:200])
            ),
        ],
        "events.txt": [
            f"{user}\t{item}\t{1_710_000_000 + n}"
            for n, (user, item) in enumerate(seen[200:300])
        ],
        "predictions.csv": [
            "model,user_id,item_id,score",
            *(
                f"als,{user},{item},{chance.random():.4f}"
                for user in users
                for item in items
            ),
        ],
        "report.csv": ["Sales", "of 2024", "", "user_id,item_id", "u1,i1"],
        "german.csv": ["user_id;item_id;rating", "u1;i1;3,5"],
        "train.txt": ["u1 i1 i2 i3", "u2 i2"],
        "exports/2024-01.csv": ["user_id,item_id", "u1,i1"],
        "exports/old/2023-12.csv": ["user_id,item_id", "u2,i1"],
    }
    for name, content in lines.items():
        path = folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("\n".join(content) + "\n", encoding="utf-8")


def run(project: Path, script: str) -> str:
    """Run a script in the project's folder; what it printed."""
    own = {k: v for k, v in os.environ.items() if not k.startswith("WINNOW_")}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=project,
        env=own
        | {
            "PYTHONPATH": str(project),
            "PATH": f"{project / '.venv' / 'bin'}:{os.environ['PATH']}",
            "DBT_PROFILES_DIR": str(project),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    # Of made-up files some are held, which a build of all the others says so.
    is_held = done.returncode == 1 and "everything else was built" in done.stdout
    assert not done.returncode or is_held, f"{script}\n{done.stdout}\n{done.stderr}"
    return done.stdout


@pytest.fixture(scope="session")
def used(project: Path) -> Path:
    """The project after every command of its pages, each run once, in their order."""
    done: set[str] = set()
    for command in commands():
        line = command.line
        if line in NOT_RUN or line in done:
            continue
        done.add(line)
        if len(done) == 2:  # Behind `make demo`: the tenant of whom the pages speak.
            for name in ("ratings.csv", "predictions.csv"):
                run(project, f"winnow load canonical {name} --tenant shop")
        if "batches plan --days 20 --fraction" in line:
            # The page before ran dbt itself, and loaded more after its own plan.
            run(project, "winnow build; winnow batches reset")
        if "rejected show" in line:
            (rejected, *_) = query(
                project, "select rejected_id from validated.rejected_records order by 1"
            )
            line = re.sub(r"show \w+", f"show {rejected[0]}", line)
        if "winnow export out" in line:
            shutil.rmtree(project / "out", ignore_errors=True)
        run(project, line)
        if line == "make docs":  # The next build's Data Docs have none.
            suites = project / "target" / "data_docs" / "suites"
            assert list(suites.glob("canonical.interactions.*.json"))
    return project


def query(project: Path, sql: str) -> list[tuple[object, ...]]:
    with duckdb.connect(str(project / "winnow.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()


def test_every_command_runs_as_it_is_written(used: Path) -> None:
    assert query(
        used, "select count(*) > 0 from training.examples where tenant_id = 'acme'"
    ) == [(True,)]
    assert (used / "target" / "static_index.html").is_file()


def test_every_query_runs_on_what_was_built(used: Path) -> None:
    queries = [block for block in blocks() if block.language == "sql"]
    assert queries
    for block in queries:
        query(used, block.text)


def test_every_piece_of_python_runs(used: Path) -> None:
    run(used, "rm -rf out && winnow export out --tenant shop")
    pieces = [block for block in blocks() if block.language == "python"]
    ran = 0
    for block in pieces:
        if not any(f"from {name}" in block.text for name in NOT_PYTHON):
            run(used, f"python - <<'PIECE'\n{textwrap.dedent(block.text)}\nPIECE")
            ran += 1
    assert ran == len(pieces) - len(NOT_PYTHON)
