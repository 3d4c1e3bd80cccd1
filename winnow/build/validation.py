"""``winnow validate``: what a build would say of some files, nothing loaded.

The files are loaded, as ever, into a warehouse that is thrown away, and the models of
the gate are run on that: so the verdict cannot differ from the one that a load and a
build would give.
"""

from __future__ import annotations

import datetime as dt
import fcntl
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from winnow.build import quality
from winnow.build.compiled_quality import build_quality
from winnow.build.suspicions import suspicions
from winnow.core.errors import InputError
from winnow.core.leftovers import SCRATCH, folder_lock, remove_scratch
from winnow.core.settings import Settings
from winnow.core.settings import settings as settings_of_process
from winnow.gate import Load, check_thresholds, read_gate
from winnow.gate.data_docs import SUITES, VALIDATIONS
from winnow.load.pipeline import FileResult, LoadResult, load
from winnow.load.pipeline import Progress as LoadProgress
from winnow.load.sources import FileFacts, LeftOut, ReadOptions
from winnow.warehouse.reading import read_only

DOCS_FOLDER = "data_docs_validate"
"""Below the target folder: the Data Docs of a build are in ``data_docs``."""

SQL_FILE = "validate.json"
"""Below the target folder: the SQL of the quality gate, compiled."""

_WRITTEN_BEFORE = {"index.html", SUITES, VALIDATIONS}


class Progress(LoadProgress, Protocol):
    """Is told how a validation goes on: how the files are read, then what is judged."""

    def judge(self, what: str) -> None:
        """Everything is read; this is being judged."""


class _Silent:
    def start(self, file: Path, total_bytes: int) -> None: ...

    def advance(self, total_read: int, landed: int, unreadable: int) -> None: ...

    def store(self, landed: int) -> None: ...

    def judge(self, what: str) -> None: ...


@dataclass(frozen=True)
class ValidatedFile:
    """One file: its records, and how many of them have no columns because their
    structure is broken. ``skipped`` says why a file was not read, None when it was.
    ``facts`` are what was found out about it, empty where it was skipped.
    """

    file: Path
    entity: str
    records: int
    unreadable: int
    skipped: str | None
    facts: FileFacts


@dataclass(frozen=True)
class ValidatedRule:
    """One rule of one tenant and entity, ``<column>.<rule>`` or ``record.readable``.

    ``failed`` of the ``checked`` values break it, so that ``share`` (0 to 1) keep it;
    ``threshold`` is the share that must. ``verdict`` is ``passed``, ``warning`` (more
    than half of what may break it does, or so few values do that no load is held for
    them) or ``error`` (the load would be held).
    ``examples`` are up to five values that break it; none for missing values. ``rows``
    are up to five rows of an error, with file, line and what is wrong; ``advice`` is a
    sentence on what helps, empty where nothing fails.
    """

    tenant_id: str
    source: str
    entity: str
    rule: str
    checked: int
    failed: int
    share: float
    threshold: float
    verdict: str
    examples: tuple[str, ...]
    rows: tuple[str, ...]
    advice: str


@dataclass(frozen=True)
class ValidationReport:
    """What the gate says of some files; ``data_docs`` is its page.

    ``loads`` has a verdict for each tenant and entity, with the records landed,
    rejected, unreadable and accepted. ``quality`` is what else is beyond a threshold,
    ``suspicions`` what looks wrong although no rule is broken; neither looks at
    records that would be held.
    """

    files: tuple[ValidatedFile, ...]
    left_out: tuple[LeftOut, ...]
    loads: tuple[Load, ...]
    rules: tuple[ValidatedRule, ...]
    quality: tuple[quality.QualityFailure, ...]
    suspicions: tuple[str, ...]
    data_docs: Path
    seconds: float

    @property
    def passed(self) -> bool:
        """Whether a build would take the files; warnings are allowed."""
        return not any(load.is_held for load in self.loads) and not any(
            one.metric.severity == "error" for one in self.quality
        )

    @property
    def accepted(self) -> int:
        """Records that keep every rule; duplicates are among them."""
        return sum(load.accepted for load in self.loads)

    @property
    def rejected(self) -> int:
        """Records that break any rule; unreadable ones are not among them."""
        return sum(load.rejected for load in self.loads)

    @property
    def unreadable(self) -> int:
        """Records whose structure is broken. They are rejected as well."""
        return sum(load.unreadable for load in self.loads)


def validate(
    source: str,
    path: str | Path,
    *,
    tenant: str | None = None,
    entity: str | None = None,
    limit: int | None = None,
    options: ReadOptions | None = None,
    recursive: bool = False,
    docs: Path | None = None,
    settings: Settings | None = None,
    progress: Progress | None = None,
) -> ValidationReport:
    """Judge a file, a folder or a glob by its contracts and load nothing.

    The options are those of ``winnow.load.pipeline.load``. Warehouse, lake and state
    are neither read nor written, so that a running build is not in the way; the files'
    records take space below ``settings.temp_directory`` until the end. Data Docs go to
    the folder ``docs``, with suites of Great Expectations and their results; when it is
    None, the page alone goes to ``<target>/data_docs_validate``.

    Only these files are judged: a build compares interactions with catalogues and ids
    of the tenant's earlier loads, too.

    Raises InputError when any of the files cannot be used at all, or ``docs`` holds
    anything but earlier Data Docs, and BuildError when a model fails, such as on a
    setting that makes no sense.
    """
    settings = settings or settings_of_process()
    tell = progress or _Silent()
    folder_of_docs = (docs or settings.target / DOCS_FOLDER).absolute()
    _check_docs(folder_of_docs)
    check_thresholds()
    started = time.monotonic()
    with _scratch(settings.temp_directory) as folder:
        own = settings.model_copy(
            update={
                "warehouse": folder / "warehouse.duckdb",
                "lake": folder / "lake",
                "state": folder / "state",
                "target": folder / "target",
                "temp_directory": folder / "tmp",
            }
        )
        loaded = load(
            source,
            path,
            tenant=tenant,
            entity=entity,
            limit=limit,
            options=options,
            recursive=recursive,
            settings=own,
            progress=tell,
        )
        tell.judge("quality of the records")
        began_at = dt.datetime.now(dt.UTC).replace(tzinfo=None)
        build_quality(own, settings.target / SQL_FILE)
        with read_only(own.warehouse) as connection:
            gate = read_gate(
                connection,
                folder_of_docs,
                tell.judge,
                all_examples=True,
                suites=docs is not None,
            )
            failures = tuple(quality.failures(connection, began_at))
            looks_wrong = suspicions(connection)
    return ValidationReport(
        files=_files(loaded),
        left_out=loaded.left_out,
        loads=gate.loads,
        rules=tuple(
            ValidatedRule(
                one.tenant_id,
                one.source,
                one.entity,
                one.rule,
                one.checked,
                one.failed,
                one.share,
                one.mostly,
                one.severity,
                one.examples,
                one.rows,
                one.advice,
            )
            for one in gate.rules
        ),
        quality=failures,
        suspicions=looks_wrong,
        data_docs=gate.data_docs,
        seconds=time.monotonic() - started,
    )


def _files(loaded: LoadResult) -> tuple[ValidatedFile, ...]:
    def validated(one: FileResult) -> ValidatedFile:
        records = one.landed + one.unreadable
        return ValidatedFile(
            one.file, one.entity, records, one.unreadable, one.skipped, one.facts
        )

    return tuple(map(validated, loaded.files))


def _check_docs(folder: Path) -> None:
    """Data Docs replace the folder that they are written to."""
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is no folder that Data Docs could be written to.")
    foreign = (
        sorted({one.name for one in folder.iterdir()} - _WRITTEN_BEFORE)
        if folder.exists()
        else []
    )
    if foreign:
        raise InputError(
            f"{folder} holds {foreign[0]}, and Data Docs replace all of a folder: "
            "name one that is new, empty, or holds earlier Data Docs."
        )


@contextmanager
def _scratch(parent: Path) -> Iterator[Path]:
    """A folder of this run's own, removed at the end of the block.

    What runs that were killed left behind is removed first. The folder is locked as
    long as its process lives, so nobody removes one that is in use.
    """
    parent.mkdir(parents=True, exist_ok=True)
    with folder_lock(parent):
        remove_scratch(parent)
        own = Path(tempfile.mkdtemp(prefix=SCRATCH, dir=parent))
        descriptor = os.open(own, os.O_RDONLY)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield own
    finally:
        shutil.rmtree(own, ignore_errors=True)
        os.close(descriptor)
