"""The one place that opens a warehouse's database, and says in a sentence why not."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import duckdb

from winnow.core.errors import BusyError, InputError, said_of
from winnow.core.file_names import path_text

_WAIT_SECONDS = 2.0
_POLL_SECONDS = 0.05


def connect(
    path: Path, *, read_only: bool, config: Mapping[str, Any] | None = None
) -> duckdb.DuckDBPyConnection:
    """A connection to a database file, in UTC. Waits two seconds for another process
    that has it open.

    Raises BusyError when the other one stays, and InputError when the file cannot be
    opened, whatever the reason.
    """
    deadline = time.monotonic() + _WAIT_SECONDS
    while True:
        try:
            connection = duckdb.connect(
                str(path), read_only=read_only, config=dict(config or {})
            )
        except (duckdb.Error, OSError) as error:
            busy = "lock" in str(error) and "Conflicting" in str(error)
            if not busy:
                raise InputError(_why_not(path, error)) from error
            if time.monotonic() < deadline:
                time.sleep(_POLL_SECONDS)
                continue
            holder = re.search(r"PID (\d+)", str(error))
            who = f"process {holder[1]}" if holder else "another process"
            doing = "being written by" if read_only else "open in"
            raise BusyError(
                f"The warehouse {path_text(path)} is {doing} {who}; try again when it "
                "is done, or read what was published (winnow.connect)."
            ) from error
        connection.execute("set TimeZone = 'UTC'")
        return connection


def _why_not(path: Path, error: Exception) -> str:
    said = str(error).strip().splitlines()[0]
    what = f"The warehouse {path_text(path)} cannot be opened"
    if path.is_dir():
        return f"{what}: it is a folder; name a file with WINNOW_WAREHOUSE."
    if "not a valid DuckDB database" in said:
        return (
            f"{what}: it is no DuckDB database; name another file with "
            "WINNOW_WAREHOUSE, or remove it."
        )
    if "newer version" in said or "older version" in said or "version number" in said:
        return f"{what} by DuckDB {duckdb.__version__}: {said}"
    if "does not exist" in said:
        return f"{what}: it does not exist; `winnow load` makes it."
    return f"{what} (WINNOW_WAREHOUSE): {said_of(error)}."
