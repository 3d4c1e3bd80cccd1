"""Published generations: whole, numbered, kept by count, and never torn for a reader,
whatever kills the publisher.
"""

from __future__ import annotations

import errno
import hashlib
import json
import os
import random
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from noting import note_build
from places import PROJECT_ROOT
from test_kill import KILLED, Point, some_at_once

import winnow
from winnow.core.errors import InputError
from winnow.core.lock import warehouse_lock
from winnow.core.settings import Settings
from winnow.publish.generations import publish, publish_generation
from winnow.publish.published import POINTER, current_generation, generations
from winnow.warehouse.builds import last_build

ROWS = 20_000

GENERATIONS = "winnow.publish.generations"
POINTS: dict[str, Point] = {
    "before the copy": (GENERATIONS, "_copy", 1, False),
    "within the copy": (GENERATIONS, "_copy_some", 1, True),
    "after the copy": (GENERATIONS, "_copy", 1, True),
    "before the name": ("pathlib", "Path.rename", 1, False),
    "between the name and the pointer": (GENERATIONS, "_swap", 1, False),
    "within the pointer": (GENERATIONS, "_write", 2, False),
    "after the pointer": (GENERATIONS, "_swap", 1, True),
    "within the pruning": ("pathlib", "Path.unlink", 2, True),
}
AT_ONCE = ("within the copy", "between the name and the pointer", "within the pruning")
"""The points that `make test` tries."""


def mark(settings: Settings, marker: int) -> None:
    """Build the warehouse anew: every row of both tables says ``marker``."""
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(
            f"""
            create schema if not exists prepared;
            create schema if not exists training;
            create or replace table prepared.items as
                select 'acme' as tenant_id, {marker} as marker;
            create or replace table training.examples as
                select 'acme' as tenant_id, range as example, {marker} as marker
                from range({ROWS});
            create or replace view training.labelled as
                select tenant_id, example, marker
                from training.examples;
            comment on view training.labelled is 'Examples; it''s a view.';
            comment on column training.labelled.marker is 'Which build.';
            """
        )
        note_build(connection)


def marker_of(settings: Settings) -> int:
    with winnow.connect(settings) as connection:
        [(tenants, least, most, rows)] = connection.execute(
            "select (select max(marker) from prepared.items), min(marker), "
            "max(marker), count(*) from training.labelled"
        ).fetchall()
    assert (tenants, tenants, ROWS) == (least, most, rows)
    return int(tenants)


def built_by(settings: Settings) -> str:
    build = last_build(settings)
    assert build is not None
    return build.build_id


@pytest.fixture
def built(settings: Settings) -> Settings:
    mark(settings, 1)
    return settings


def test_a_generation_is_a_whole_copy_that_says_what_it_holds(built: Settings) -> None:
    publication = publish(built)
    assert publication.path == built.published / "gen-1.duckdb"
    made = {
        name: rows
        for name, rows in publication.tables.items()
        if not name.startswith("raw.")
    }
    assert made == {
        "prepared.items": 1,
        "quality.build_tables": 0,
        "quality.builds": 1,
        "training.examples": ROWS,
    }
    content = publication.path.read_bytes()
    assert publication.size == len(content)
    assert publication.sha256 == hashlib.sha256(content).hexdigest()
    assert json.loads((built.published / "gen-1.json").read_text()) == {
        "generation": 1,
        "created_at": publication.created_at.isoformat(timespec="milliseconds"),
        "build_id": built_by(built),
        "file_size_bytes": len(content),
        "checksum_sha256": publication.sha256,
        "tables": publication.tables,
    }
    names = {path.name for path in built.published.iterdir()}
    assert names == {"gen-1.duckdb", "gen-1.json", POINTER}
    assert marker_of(built) == 1


def test_what_lies_in_the_write_ahead_log_is_published(built: Settings) -> None:
    """A writer that was killed leaves a log; copying the file alone would lose it."""
    writer = (
        "import duckdb, os, signal\n"
        f"connection = duckdb.connect({str(built.warehouse)!r})\n"
        "connection.execute('update prepared.items set marker = 7')\n"
        "connection.execute('update training.examples set marker = 7')\n"
        "os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    subprocess.run([sys.executable, "-c", writer], check=False, timeout=60)
    wal = built.warehouse.with_name(f"{built.warehouse.name}.wal")
    assert wal.stat().st_size > 0
    publish(built)
    assert marker_of(built) == 7
    assert not wal.exists()
    assert not list(built.published.glob("*.wal"))


def test_connect_is_read_only_in_utc_and_stays_with_its_generation(
    built: Settings,
) -> None:
    publish(built)
    with winnow.connect(built) as first:
        mark(built, 2)
        publish(built, keep=1)
        assert first.execute("select marker from prepared.items").fetchall() == [(1,)]
        with winnow.connect(built).cursor() as second:
            found = second.execute(
                "select marker, current_setting('TimeZone') from prepared.items"
            ).fetchall()
            assert found == [(2, "UTC")]
        with pytest.raises(duckdb.Error, match="read-only"):
            first.execute("delete from prepared.items")
    assert generations(built.published) == [2]


def test_a_reader_spills_into_a_folder_of_its_own(built: Settings) -> None:
    publish(built)
    with winnow.connect(built) as connection:
        assert connection.execute(
            "select current_setting('temp_directory'), "
            "current_setting('max_temp_directory_size')"
        ).fetchone() == (
            str(built.temp_directory / f"reader-{os.getpid()}"),
            "93.1 GiB",  # 100 GB
        )


def test_views_run_in_a_file_of_another_name(built: Settings) -> None:
    """And keep their comments."""
    publication = publish(built)
    with duckdb.connect(str(publication.path), read_only=True) as connection:
        assert connection.execute(
            "select count(*) from training.labelled where marker = 1"
        ).fetchall() == [(ROWS,)]
        assert connection.execute(
            "select comment from duckdb_views() where view_name = 'labelled' "
            "union all select comment from duckdb_columns() "
            "where table_name = 'labelled' and comment is not null"
        ).fetchall() == [("Examples; it's a view.",), ("Which build.",)]


def test_generations_are_numbered_and_kept_by_count(built: Settings) -> None:
    for number in range(1, 6):
        mark(built, number)
        publication = publish(built, keep=3 if number < 5 else 2)
        assert publication.generation == number == current_generation(built.published)
    assert publication.removed == (2, 3)
    assert generations(built.published) == [4, 5]
    assert {path.name for path in built.published.glob("*.json")} == {
        "gen-4.json",
        "gen-5.json",
    }
    assert marker_of(built) == 5


def test_a_number_is_never_used_again(built: Settings) -> None:
    publish(built)
    publish(built)
    (built.published / POINTER).unlink()
    assert publish(built).generation == 3
    for path in built.published.glob("gen-*"):
        path.unlink()
    assert publish(built).generation == 4


@pytest.mark.parametrize(
    "content", [b"", b"gen-0.duckdb\n", b"../gen-1.duckdb", b"{}", b"\xfe\x00\x80"]
)
def test_a_spoilt_pointer_is_named_and_replaced(
    built: Settings, content: bytes
) -> None:
    publish(built)
    (built.published / POINTER).write_bytes(content)
    with pytest.raises(InputError, match=r"current, line 1: .* is not the name"):
        winnow.connect(built)
    assert publish(built).generation == 2
    assert marker_of(built) == 1


@pytest.mark.parametrize("content", [b"", b"no database", b"torn"])
def test_a_broken_generation_is_a_sentence(built: Settings, content: bytes) -> None:
    path = publish(built).path
    whole = path.read_bytes()
    path.chmod(0o600)
    torn = whole[:4096] + os.urandom(8192) + whole[12288:]
    path.write_bytes(torn if content == b"torn" else content)
    said = r"gen-1\.duckdb cannot be opened: .*; publish again, or name an older"
    with pytest.raises(InputError, match=said):
        winnow.connect(built)


def test_what_cannot_be_published_or_opened_is_said_in_a_sentence(
    settings: Settings,
) -> None:
    with pytest.raises(InputError, match=r"Nothing is published in .*published: run"):
        winnow.connect(settings)
    with pytest.raises(InputError, match="Nothing has been built yet"):
        publish(settings)
    assert not settings.warehouse.exists()
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    duckdb.connect(str(settings.warehouse)).close()
    with pytest.raises(InputError, match="Nothing has been built yet"):
        publish(settings)
    mark(settings, 1)
    with pytest.raises(InputError, match="--keep 0: at least 1"):
        publish(settings, keep=0)
    with warehouse_lock(settings), pytest.raises(InputError, match="is in use"):
        publish(settings)
    assert not settings.published.exists()
    with warehouse_lock(settings):
        assert publish_generation(settings).generation == 1
    (settings.published / "gen-1.duckdb").unlink()
    with pytest.raises(InputError, match=r"current, line 1: gen-1\.duckdb is not ther"):
        winnow.connect(settings)


@pytest.mark.parametrize(
    ("failure", "said"),
    [
        ("full disk", r"published cannot be written: No space left on device; "),
        ("torn copy", r"Publishing to .*published \(WINNOW_PUBLISHED\) failed: .+\."),
    ],
)
def test_a_failed_copy_leaves_what_was_published(
    failure: str, said: str, built: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish(built)

    def write_some(source: int, target: int) -> int:
        if failure == "full disk":
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(target, bytes(len(os.read(source, 1 << 20))))

    monkeypatch.setattr("winnow.publish.generations._copy_some", write_some)
    with pytest.raises(InputError, match=said):
        publish(built)
    names = {path.name for path in built.published.iterdir()}
    assert names == {"gen-1.duckdb", "gen-1.json", POINTER}
    assert marker_of(built) == 1


def test_importing_winnow_imports_nothing_heavy() -> None:
    heavy = {"duckdb", "pydantic", "dlt"}
    code = f"import sys, winnow; print(sorted({heavy} & set(sys.modules)))"
    found = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, cwd=PROJECT_ROOT
    )
    assert found.stdout.strip() == b"[]"


class Reader(threading.Thread):
    """Opens what is published and queries it, again and again, until it is stopped."""

    def __init__(self, settings: Settings) -> None:
        super().__init__()
        self.settings = settings
        self.queries = 0
        self.markers: list[int] = []
        self.errors: list[Exception] = []
        self.stopped = threading.Event()

    def run(self) -> None:
        while not self.stopped.is_set():
            try:
                self.markers.append(marker_of(self.settings))
                self.queries += 1
            except Exception as error:  # Every one is counted.
                self.errors.append(error)


@pytest.fixture
def reader(built: Settings) -> Iterator[Reader]:
    publish(built)
    reader = Reader(built)
    reader.start()
    yield reader
    reader.stopped.set()
    reader.join()


def assert_nothing_torn(reader: Reader) -> None:
    seen = reader.queries
    while reader.queries < seen + 2 and not reader.errors:
        time.sleep(0.01)
    assert reader.errors == []
    assert reader.markers == sorted(reader.markers)


def start(settings: Settings, code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-c", code],
        env=os.environ | settings.environment(),
        cwd=PROJECT_ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )


@pytest.mark.parametrize("point", some_at_once(POINTS, AT_ONCE))
def test_killed_at_a_chosen_point(
    point: Point, built: Settings, reader: Reader
) -> None:
    mark(built, 2)
    call = "from winnow.publish.generations import publish; publish(settings(), keep=1)"
    process = start(built, textwrap.dedent(KILLED).format(point=point, call=call))
    _, said = process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL, said.decode()
    assert_nothing_torn(reader)
    number = current_generation(built.published)
    assert number is not None
    assert marker_of(built) == number
    before = max(generations(built.published))
    mark(built, 3)
    assert publish(built, keep=1).generation == before + 1
    names = {path.name for path in built.published.iterdir()}
    assert names == {f"gen-{before + 1}.duckdb", f"gen-{before + 1}.json", POINTER}
    assert marker_of(built) == 3
    assert_nothing_torn(reader)


PUBLISHER = """
    import sys
    import duckdb
    from test_publish import mark
    from winnow.core.settings import settings
    from winnow.publish.generations import publish

    here = settings()
    print("ready", flush=True)
    for marker in range({first}, {first} + 1_000):
        mark(here, marker)
        publish(here, keep=1)
        print(marker, flush=True)
"""


@pytest.mark.scale
@pytest.mark.parametrize("seed", range(5))
def test_killed_at_random_times(seed: int, built: Settings, reader: Reader) -> None:
    """A publisher that never rests is killed, twice for each seed, within the time that
    two of its publishes take; the reader never sees anything torn.
    """
    rng = random.Random(seed)
    folder = str(Path(__file__).parent)
    code = f"import sys; sys.path.insert(0, {folder!r})\n"
    published = 1
    for kill in range(2):
        first = 1_000 * (kill + 1)
        code_of_run = code + textwrap.dedent(PUBLISHER).format(first=first)
        process = start(built, code_of_run)
        assert process.stdout is not None
        for _ in range(2):  # Ready, and once around.
            assert process.stdout.readline(), process.communicate()[1].decode()
        time.sleep(rng.uniform(0.0, 0.4))
        process.kill()
        said, _ = process.communicate()
        published += 1 + said.count(b"\n")
        assert marker_of(built) >= first
    assert_nothing_torn(reader)
    assert len(set(reader.markers)) >= 3
    last = current_generation(built.published)
    assert last is not None
    assert last >= published
    mark(built, 1_000_000)
    publish(built)
    assert marker_of(built) == 1_000_000
    print(f"seed {seed}: {reader.queries} queries, {published} generations, 0 errors")


def test_no_program_can_write_the_warehouse_while_it_is_copied(
    built: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also none that does not know Winnow's lock."""
    writer = "import sys, duckdb; duckdb.connect(sys.argv[1])"
    tried = []

    def copy_some(source: int, target: int) -> int:
        tried.append(
            subprocess.run(
                [sys.executable, "-c", writer, str(built.warehouse)],
                capture_output=True,
                text=True,
                check=False,
            )
        )
        return os.write(target, os.read(source, 64 << 20))

    monkeypatch.setattr("winnow.publish.generations._copy_some", copy_some)
    publish(built)
    assert tried
    assert all("Could not set lock" in one.stderr for one in tried)
    monkeypatch.undo()
    assert (
        subprocess.run(
            [sys.executable, "-c", writer, str(built.warehouse)], check=False
        ).returncode
        == 0
    )
