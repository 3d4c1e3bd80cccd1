"""What many loads in the ledger cost: ``python -m benchmarks.ledger``.

Makes a lake and a warehouse of one load, and others of 10,000 by writing that load down
again under other ids, then runs commands on each, in processes of their own. Prints a
Markdown table of seconds, and what importing the same modules alone takes.
"""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import duckdb

from winnow.core.settings import Settings
from winnow.load.ledger import LEDGER, newest_number, read_ledger
from winnow.load.pipeline import load

RUN = """
import atexit, json, sys
from pathlib import Path
into = sys.argv.pop(1)
atexit.register(lambda: Path(into).write_text(json.dumps(list(sys.modules))))
from winnow.__main__ import main
main()
"""
IMPORT = """
import contextlib, importlib, json, sys
from pathlib import Path
for name in json.loads(Path(sys.argv[1]).read_text()):
    with contextlib.suppress(BaseException):
        importlib.import_module(name)
"""
COMMANDS: dict[str, tuple[str, ...]] = {
    "winnow load of a small file": ("load", "canonical", "{new}"),
    "winnow load of a file that stands": ("load", "canonical", "{old}"),
    "winnow loads list": ("loads", "list"),
    "winnow loads list --json": ("loads", "list", "--json"),
    "winnow status": ("status",),
}
RUNS = 3


def write_small(path: Path, user: str) -> Path:
    """A file of events that no other has."""
    rows = "".join(f"{user},i{n},view\n" for n in range(100))
    path.write_text(f"user_id,item_id,event_type\n{rows}")
    return path


def multiply(settings: Settings, loads: int) -> None:
    """Write the one load of a lake and its warehouse down so many times in all."""
    [first] = read_ledger(settings.lake).counting()
    folder = settings.lake / LEDGER
    text = (folder / f"{first.number:09}.json").read_text("utf-8")
    entry = json.loads(text)
    sha256 = first.landed.files[0].sha256
    rows = []
    for number in range(first.number + 1, first.number + loads):
        at = first.landed.loaded_at + dt.timedelta(seconds=number)
        load_id = f"{number}.000000"
        text = json.dumps(entry | {"number": number}).replace(sha256, f"{number:064}")
        text = text.replace(first.landed.load_id, load_id)
        text = text.replace(first.landed.loaded_at.isoformat(), at.isoformat())
        (folder / f"{number:09}.json").write_text(text, "utf-8")
        rows.append((load_id, number, at))
        for one in first.landed.parquet:
            place = one.place.replace(first.landed.load_id, load_id)
            os.link(settings.lake / one.place, settings.lake / place)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(
            "create temp table more (id varchar, number bigint, time timestamp)"
        )
        connection.executemany("insert into more values (?, ?, ?)", rows)
        for table in ("winnow_loads", "winnow_loaded_files", "canonical_interactions"):
            also = ", number as ledger_number" if table == "winnow_loads" else ""
            connection.execute(
                f"insert into raw.{table} by name select one.* replace (id as load_id, "
                f"time as loaded_at{also}) from raw.{table} as one cross join more"
            )
        connection.execute(
            "update raw.winnow_mark set ledger_number = ?",
            [newest_number(settings.lake)],
        )


def seconds(command: list[str], settings: Settings) -> float:
    """How long a process takes."""
    started = time.monotonic()
    subprocess.run(
        command,
        env=os.environ | settings.environment(),
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    return time.monotonic() - started


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--loads", type=int, default=10_000)
    loads = parser.parse_args().loads
    folder = Path(tempfile.mkdtemp(prefix="winnow-ledger-"))
    homes = {}
    for count in (1, loads):
        home = folder / str(count)
        settings = Settings(
            warehouse=home / "w.duckdb",
            lake=home / "lake",
            state=home / "state",
            target=home / "target",
            published=home / "published",
            temp_directory=home / "tmp",
        )
        home.mkdir()
        load("canonical", write_small(home / "old.csv", "u"), settings=settings)
        if count > 1:
            multiply(settings, count)
        homes[count] = settings
    print(f"| command | imports, s | 1 load, s | {loads:,} loads, s | beside them, s |")
    print("|---|---|---|---|---|")
    for place, (name, arguments) in enumerate(COMMANDS.items()):
        modules = str(folder / "modules.json")
        found = []
        for own in homes.values():
            times = []
            for run in range(RUNS):
                at = own.lake.parent
                new = write_small(at / f"{place}-{run}.csv", f"u{place}-{run}")
                given = [one.format(new=new, old=at / "old.csv") for one in arguments]
                command = [sys.executable, "-c", RUN, modules, *given]
                times.append(seconds(command, own))
            found.append(statistics.median(times))
        importing = [sys.executable, "-c", IMPORT, modules]
        imports = statistics.median(seconds(importing, homes[1]) for _ in range(RUNS))
        few, many = found
        print(
            f"| `{name}` | {imports:.2f} | {few:.2f} | {many:.2f} "
            f"| {many - imports:.2f} |"
        )
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
