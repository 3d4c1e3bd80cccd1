"""Commands of which one call of the system fails, each in a forked process.

Run as a program with the shim of ``faults.c`` preloaded: a JSON of a command, a folder
and trials comes in, a line of JSON for each trial goes out.
"""

from __future__ import annotations

import ctypes
import importlib
import json
import os
import re
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.parquet as pq
from conftest import make_settings, rows_of
from exporting import write_warehouse
from test_kill import lake_files, raw_rows
from test_publish import mark, marker_of

import winnow.build.build
from winnow.build.dbt import DbtResult
from winnow.cli.main import main as run_winnow
from winnow.core.dlt_folder import dlt_folder
from winnow.core.lock import warehouse_lock
from winnow.core.settings import Settings
from winnow.export.files import ExportRequest, export
from winnow.load.ledger import INCOMING, read_ledger
from winnow.load.pipeline import load
from winnow.load.take_in import take_in
from winnow.publish.generations import publish
from winnow.publish.lake import export_lake

NEVER = 1 << 30
_SECONDS = 60
_SECONDS_TO_BEGIN = 600


@dataclass(frozen=True)
class Trial:
    """The call that fails, by its number among those below the folder, and how;
    ``for_good``: every later call that needs room or a right fails, too.
    """

    call: int
    error: int
    for_good: bool = False


@dataclass
class Outcome:
    """What a trial came to: how many calls there were and which failed first; exit
    status and message of the command, what it left behind, and the same of the command
    run once more with nothing in its way.
    """

    trial: Trial
    calls: int
    failed: str
    status: int
    message: str
    state: Any
    again_status: int
    again_message: str
    again_state: Any


@dataclass(frozen=True)
class _Command:
    """How a command is tried: ``begin`` makes the folder that each trial gets a copy
    of; ``state`` is what there is, as far as it has to be whole.
    """

    arguments: Callable[[Path], list[str]]
    begin: Callable[[Path], None]
    state: Callable[[Path], Any]
    done: str = ""
    """What it says, with exit status 2, when there is nothing left to do."""


def _begin_load(folder: Path) -> None:
    data = folder.parent / "data"
    data.mkdir()
    (data / "users.csv").write_text("user_id,age\n1,20\n2,30\n")
    (data / "items.csv").write_text("item_id,title\na,b\n")
    lines = [f"{n % 3},{n},view,2024-01-01T00:00:{n:02}Z\n" for n in range(50)]
    header = "user_id,item_id,event_type,interacted_at\n"
    text = "".join([header, *lines, "broken\n"])
    (data / "interactions.csv").write_text(text)
    load("canonical", data / "users.csv", tenant="a", settings=make_settings(folder))


def _load_state(folder: Path) -> Any:
    """Rows of the loads that raw has, and of all there is, and what lies about."""
    settings = make_settings(folder)
    counts = rows_of(
        settings,
        "select (select count(*) from raw.canonical_users semi join raw.winnow_loads "
        "using (load_id)), (select count(*) from raw.canonical_items semi join "
        "raw.winnow_loads using (load_id)), (select count(*) from "
        "raw.canonical_interactions semi join raw.winnow_loads using (load_id))",
    )
    return {
        "counts": list(counts[0]),
        "rows": repr(raw_rows(settings)).replace(str(folder), ""),
        "lake": sorted(lake_files(settings)),
        "left": sorted(
            path.name
            for path in [*(settings.lake / INCOMING).iterdir(), dlt_folder(settings)]
            if path.exists()
        ),
    }


def _begin_unload(folder: Path) -> None:
    _begin_load(folder)
    load(
        "canonical", folder.parent / "data", tenant="a", settings=make_settings(folder)
    )


def _unload_state(folder: Path) -> Any:
    """What counts, and whether raw has exactly that once it has followed."""
    settings = make_settings(folder)
    with warehouse_lock(settings):
        take_in(settings)
    ledger = read_ledger(settings.lake)
    counted = {name for name, load in ledger.loads.items() if ledger.counts(load)}
    loads = rows_of(settings, "select load_id from raw.winnow_loads")
    assert {load_id for (load_id,) in loads} == counted, "raw is not the ledger"
    found = _load_state(folder)
    assert any(found["counts"]) == bool(counted)
    return {"counts": len(counted), "left": found["left"]}


def _begin_build(folder: Path) -> None:
    mark(make_settings(folder), 1)
    publish(make_settings(folder))


def _build_state(folder: Path) -> Any:
    """The generation that is published, whole, and the Data Docs."""
    settings = make_settings(folder)
    docs = settings.target / "data_docs" / "index.html"
    assert not docs.exists() or docs.read_text().rstrip().endswith("</html>")
    left = [*settings.published.glob(".*"), *settings.temp_directory.glob("*")]
    return {
        "marker": marker_of(settings),
        "docs": docs.exists(),
        "left": sorted(path.name for path in left),
    }


def _build_without_dbt(settings: Settings, *_: Any, **__: Any) -> DbtResult:
    mark(settings, 2)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(
            "create schema if not exists validated; "
            "create or replace table validated.file_states "
            "(load_id varchar, file varchar, state varchar, replaced_by varchar); "
            "create or replace table validated.load_verdicts "
            "(load_id varchar, verdict varchar)"
        )
    return DbtResult(True, 1, ())


def _begin_publish(folder: Path) -> None:
    settings = make_settings(folder)
    mark(settings, 1)
    publish(settings)
    export_lake(settings)
    mark(settings, 2)


def _publish_state(folder: Path) -> Any:
    settings = make_settings(folder)
    manifest = settings.lake / "_manifest.json"
    named = json.loads(manifest.read_text())
    markers = set()
    for layer in named["layers"].values():
        for name, table in layer["tables"].items():
            for file in table["files"]:
                path = settings.lake / file["file_path"]
                read = pq.ParquetFile(path).read(["marker"])
                assert read.num_rows == file["record_count"], name
                markers |= set(read["marker"].to_pylist())
    left = [*settings.published.glob(".*"), *settings.lake.glob(".publishing")]
    return {
        "marker": marker_of(settings),
        "lake": sorted(markers),
        "left": sorted(path.name for path in left),
    }


def _begin_export(folder: Path) -> None:
    settings = make_settings(folder)
    write_warehouse(settings.warehouse)
    request = ExportRequest(what="interactions", tenants=["007", "shop"])
    export(settings, folder / "out", request)


def _export_state(folder: Path) -> Any:
    out = folder / "out"
    manifest = json.loads((out / "_manifest.json").read_text())
    files = {path.relative_to(out).as_posix() for path in out.rglob("*.*")}
    assert files == {"_manifest.json"} | {one["path"] for one in manifest["files"]}
    [(rows,)] = duckdb.sql(f"select count(*) from '{out}/**/*.parquet'").fetchall()
    assert rows == manifest["rows"]
    return {
        "rows": rows,
        "left": sorted(path.name for path in folder.glob(".out*")),
    }


COMMANDS = {
    "load": _Command(
        lambda folder: [
            *("load", "canonical", str(folder.parent / "data"), "--tenant", "a")
        ],
        _begin_load,
        _load_state,
    ),
    "unload": _Command(
        lambda _folder: ["loads", "unload", "--tenant", "a"],
        _begin_unload,
        _unload_state,
        "was taken back before",
    ),
    "build": _Command(lambda _folder: ["build"], _begin_build, _build_state),
    "publish": _Command(lambda _folder: ["publish"], _begin_publish, _publish_state),
    "export": _Command(
        lambda folder: [
            *("export", str(folder / "out"), "--what", "interactions"),
            *("--tenant", "007", "--overwrite"),
        ],
        _begin_export,
        _export_state,
    ),
}


def _forked(function: Callable[[], Any], seconds: int = _SECONDS) -> Any:
    """What a function gives, run in a process of its own."""
    reading, writing = os.pipe()
    process = os.fork()
    if not process:
        signal.alarm(seconds)
        try:
            result = json.dumps(function())
        except BaseException:
            result = json.dumps({"wrong": traceback.format_exc()})
        os.write(writing, result.encode())
        os._exit(0)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8") as pipe:
        text = pipe.read()
    _, status = os.waitpid(process, 0)
    return json.loads(text) if text else {"wrong": f"ended by {status}"}


def _command(command: _Command, folder: Path, trial: Trial) -> Callable[[], Any]:
    """The command line, as a function for ``_forked``."""

    def run() -> dict[str, Any]:
        shim = ctypes.CDLL(None)
        shim.faults_failed.restype = ctypes.c_char_p
        os.environ.update(make_settings(folder).environment())
        os.environ["COLUMNS"] = "500"
        said = folder.with_name(f"{folder.name}.said")
        descriptor = os.open(said, os.O_RDWR | os.O_CREAT | os.O_TRUNC)
        for stream in (1, 2):
            os.dup2(descriptor, stream)
        sys.argv = ["winnow", *command.arguments(folder)]
        arguments = os.fsencode(folder), trial.call, trial.error, trial.for_good
        shim.faults_arm(*arguments)
        status: Any = None
        try:
            run_winnow()
        except SystemExit as stopped:
            status = stopped.code
        except BaseException:
            traceback.print_exc()
        calls = shim.faults_calls()
        shim.faults_arm(b"", 0, 0, 0)
        sys.stdout.flush()
        sys.stderr.flush()
        return {
            "calls": calls,
            "failed": os.fsdecode(shim.faults_failed()),
            "status": status,
            "message": said.read_text(),
            "modules": sorted(sys.modules),
        }

    return run


def _tried(command: _Command, template: Path, trial: Trial) -> Outcome:
    folder = template.parent / "trial" / "winnow"
    shutil.rmtree(folder.parent, ignore_errors=True)
    folder.parent.mkdir()
    data = template.parent / "data"
    if data.exists():
        (folder.parent / "data").symlink_to(data)
    shutil.copytree(template, folder)
    first = _forked(_command(command, folder, trial))
    state = _forked(lambda: command.state(folder))
    again = _forked(_command(command, folder, Trial(NEVER, 0)))
    said = again.get("message", "")
    return Outcome(
        trial,
        first.get("calls", 0),
        re.sub(re.escape(str(folder)), "", first.get("failed", "")),
        first.get("status", -1),
        first.get("message", first.get("wrong")),
        state,
        0 if command.done and command.done in said else again.get("status", -1),
        again.get("message", again.get("wrong")),
        _forked(lambda: command.state(folder)),
    )


def _warm_up(command: _Command, template: Path) -> None:
    """Import what the command imports, once for all trials."""
    folder = template.parent / "warm" / "winnow"
    shutil.copytree(template, folder)
    if (template.parent / "data").exists():
        (folder.parent / "data").symlink_to(template.parent / "data")
    for name in _forked(_command(command, folder, Trial(NEVER, 0)))["modules"]:
        with suppress(Exception):
            importlib.import_module(name)


def main() -> None:
    """Run the trials that standard input has, in ``folder``, which is empty."""
    job = json.load(sys.stdin)
    command = COMMANDS[job["command"]]
    template = Path(job["folder"]) / "winnow"
    vars(winnow.build.build)["run_dbt"] = (
        _build_without_dbt  # dbt's own calls are not tried.
    )
    begun = _forked(lambda: command.begin(template), _SECONDS_TO_BEGIN)
    assert begun is None, begun["wrong"]
    _warm_up(command, template)
    for trial in job["trials"]:
        outcome = _tried(command, template, Trial(*trial))
        os.write(int(sys.argv[1]), json.dumps(asdict(outcome)).encode() + b"\n")


if __name__ == "__main__":
    main()
