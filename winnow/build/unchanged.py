"""Whether a build would make again what is there already.

After a build of everything that was published, ``<state>/last_build.json`` says what it
was made of: the project's files, the code, the libraries and the settings in one
fingerprint, and what the file of the warehouse looked like at the end. Where any of it
is otherwise, or is not known, there is something to build.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import re
from collections.abc import Iterator
from contextlib import suppress
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from winnow.build.status import waiting_loads
from winnow.core.leftovers import unfinished
from winnow.core.settings import Settings, project_root
from winnow.load.ledger import read_ledger
from winnow.publish.published import current_generation, generation_path, metadata_path
from winnow.warehouse.builds import Build, newest_build, unsound
from winnow.warehouse.reading import read_only

FILE = "last_build.json"
"""Below the state folder."""

_FOLDERS = ("model", "seed", "macro", "snapshot", "analysis", "test")
_OTHERS = (
    *("dbt_project.yml", "profiles.yml", "packages.yml", "dependencies.yml"),
    *("package-lock.yml", "dbt_packages", "dbt_internal_packages", "ingest"),
)
_LIBRARIES = ("dbt-core", "dbt-duckdb", "duckdb", "numpy", "pyarrow", "scipy", "winnow")
_VARIABLE = re.compile(rb"env_var\(\s*['\"](\w+)")


def remember_build(settings: Settings, fingerprint: str) -> None:
    """Note that the newest build of the warehouse was made of this and published. To be
    called by whoever holds ``warehouse_lock``, when the warehouse is not written any
    more.
    """
    with read_only(settings.warehouse) as connection:
        build = newest_build(connection, whole=False)
    if build is None:
        return
    noted = {
        "build_id": build.build_id,
        "fingerprint": fingerprint,
        "warehouse": _looks(settings.warehouse),
    }
    place = settings.state / FILE
    with unfinished(settings, place) as partial:
        partial.write_text(json.dumps(noted), encoding="utf-8")
        partial.replace(place)


def unchanged_build(settings: Settings, fingerprint: str) -> Build | None:
    """The last build, where everything is as it was when that had been published; None
    where a build would make anything else, or might. To be called by whoever holds
    ``warehouse_lock``.
    """
    try:
        noted = json.loads((settings.state / FILE).read_text("utf-8"))
        build_id = noted["build_id"]
        expected = (noted["fingerprint"], noted["warehouse"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    if expected != (fingerprint, _looks(settings.warehouse)):
        return None
    if _published_build(settings.published) != build_id:
        return None
    ledger = read_ledger(settings.lake)
    with read_only(settings.warehouse) as connection:
        build = newest_build(connection, whole=False)
        if build is None or build.build_id != build_id or unsound(connection):
            return None
        follows = connection.execute(
            "select lake_id, ledger_number, is_taking from raw.winnow_mark"
        ).fetchall()
        if follows != [(ledger.lake_id, ledger.number, False)]:
            return None
        return None if waiting_loads(ledger, connection) else build


def fingerprint(settings: Settings, root: Path | None = None) -> str:
    """A short name for all that decides what a build makes of the same raw tables."""
    contents = dict(_files(root or project_root(settings)))
    variables = {
        name.decode()
        for content in contents.values()
        for name in _VARIABLE.findall(content)
    }
    told = [
        settings.environment(),
        {name: os.environ.get(name) for name in variables - {*settings.environment()}},
        {name: version(name) for name in _LIBRARIES},
        platform.python_version(),
        {
            name: hashlib.sha256(content).hexdigest()
            for name, content in contents.items()
        },
    ]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _files(root: Path) -> Iterator[tuple[str, bytes]]:
    """What the project's files and those of the code hold, by their names."""
    project: dict[str, Any] = yaml.safe_load((root / "dbt_project.yml").read_bytes())
    named = [name for kind in _FOLDERS for name in project.get(f"{kind}-paths", ())]
    paths = {name: root / name for name in (*named, *_OTHERS)}
    paths |= _code()
    for name, path in paths.items():
        for file in path.rglob("*") if path.is_dir() else [path]:
            if file.is_file() and file.suffix != ".pyc":
                yield f"{name}/{file.relative_to(path)}", file.read_bytes()


def _code() -> dict[str, Path]:
    return {"winnow": Path(str(files("winnow")))}


def _looks(warehouse: Path) -> list[int] | None:
    """What changes when anything is written to a file; None where it is being written
    or is not there.
    """
    try:
        found = warehouse.stat()
    except OSError:
        return None
    if warehouse.with_name(f"{warehouse.name}.wal").exists():
        return None
    return [found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns]


def _published_build(published: Path) -> str | None:
    """The build that the current generation was made of, where it is there."""
    number = current_generation(published)
    if number is None or not generation_path(published, number).is_file():
        return None
    with suppress(OSError, ValueError, KeyError, TypeError):
        noted = json.loads(metadata_path(published, number).read_text("utf-8"))
        size: int = generation_path(published, number).stat().st_size
        if noted["file_size_bytes"] == size:
            return str(noted["build_id"])
    return None
