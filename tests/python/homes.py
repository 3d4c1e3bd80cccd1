"""Homes: folders in which the ``winnow`` command runs as a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb

Winnow = Callable[..., "subprocess.CompletedProcess[str]"]


def make_environment(home: Path) -> dict[str, str]:
    """An environment in which everything that Winnow writes lies below ``home``, and
    Great Expectations cannot be imported.
    """
    absent = home / "absent" / "great_expectations.py"
    absent.parent.mkdir(parents=True, exist_ok=True)
    absent.write_text("raise ImportError('none but the Data Docs needs it')\n")
    absent.parent.chmod(0o700)
    absent.chmod(0o600)
    return os.environ | {
        "PYTHONPATH": os.pathsep.join(
            [str(absent.parent), *filter(None, [os.environ.get("PYTHONPATH")])]
        ),
        "WINNOW_WAREHOUSE": str(home / "winnow.duckdb"),
        "WINNOW_LAKE": str(home / "lake"),
        "WINNOW_STATE": str(home / "state"),
        "WINNOW_TARGET": str(home / "target"),
        "WINNOW_TEMP_DIRECTORY": str(home / "tmp"),
        "WINNOW_PUBLISHED": str(home / "published"),
    }


def make_winnow(home: Path) -> Winnow:
    """The ``winnow`` command with a home of its own."""

    def winnow(
        *arguments: str | Path, check: bool = True, **extra: str
    ) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            [sys.executable, "-m", "winnow", *map(str, arguments)],
            env=make_environment(home) | extra,
            capture_output=True,
            text=True,
            check=False,
        )
        if check:
            assert done.returncode == 0, done.stdout + done.stderr
        return done

    return winnow


def query(home: Path, sql: str) -> list[tuple[Any, ...]]:
    """Rows of one query against the warehouse below ``home``."""
    with duckdb.connect(str(home / "winnow.duckdb"), read_only=True) as connection:
        return connection.execute(sql).fetchall()
