"""The layers of the published generation as files: equal to the tables, one generation
at a time, and never a manifest whose files are not there.
"""

from __future__ import annotations

import hashlib
import json
import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import duckdb
import pandas as pd
import pyarrow.dataset as ds
import pyarrow.parquet as pq
import pytest
from conftest import Command, make_settings
from noting import note_build
from places import PROJECT_ROOT
from test_kill import KILLED, Point

import winnow
from winnow.core.errors import BuildError, InputError
from winnow.core.lock import file_lock
from winnow.core.settings import Settings
from winnow.publish.generations import publish
from winnow.publish.lake import LAYERS, MANIFEST, export_lake
from winnow.publish.published import current_generation
from winnow.publish.storage import place_of

LAKE = "winnow.publish.lake"
STORAGE = "winnow.publish.storage"
POINTS: dict[str, Point] = {
    "while a table is written": (LAKE, "_write_table", 3, True),
    "while a layer's files are moved": ("pathlib", "Path.replace", 6, True),
    "before the manifest": (STORAGE, "LocalPlace.write", 1, False),
    "before a layer's manifest": (STORAGE, "LocalPlace.write", 3, False),
    "before old files are removed": (STORAGE, "LocalPlace.write", 5, True),
    "while old files are removed": (STORAGE, "LocalPlace.delete", 2, True),
}


def build(settings: Settings, marker: int) -> None:
    """A warehouse whose every row says ``marker``; the tenant 007 is no number."""
    settings.warehouse.parent.mkdir(parents=True, exist_ok=True)
    with duckdb.connect(str(settings.warehouse)) as connection:
        connection.execute(
            f"""
            create schema if not exists validated;
            create schema if not exists prepared;
            create schema if not exists features;
            create schema if not exists training;
            create or replace table validated.rejected_records as
                select
                    'acme' as tenant_id,
                    ['late', null] as reasons,
                    {marker} as marker;
            create or replace table prepared.users as
                select unnest(['acme', '007']) as tenant_id, {marker} as marker;
            create or replace table prepared.items as
                select 'acme' as tenant_id, 'i' as item_id, {marker} as marker limit 0;
            create or replace table training.examples as
                select
                    case when range % 3 = 0 then '007' else 'acme' end as tenant_id,
                    range as example,
                    case when range % 10 = 0 then null else range / 7 end as score,
                    timestamp '2024-01-01' + interval (range) second as interacted_at,
                    [range, null] as history,
                    {{'a': range}} as "a ""b",
                    {marker} as marker
                from range(5_000);
            create or replace view features.scores as
                select tenant_id, example, score
                from training.examples;
            """
        )
        note_build(connection)


@pytest.fixture
def published(settings: Settings) -> Settings:
    build(settings, 1)
    publish(settings)
    return settings


def manifests(lake: Path) -> dict[str, Any]:
    """The manifest's part of each layer, checked to be what the layer's own says,
    unless a kill came between them.
    """
    whole = json.loads((lake / MANIFEST).read_text())
    said = {"generation": whole["generation"], "timestamp": whole["timestamp"]}
    parts = {
        layer: {"layer": layer, **said, **whole["layers"][layer]} for layer in LAYERS
    }
    for layer, part in parts.items():
        own = json.loads((lake / layer / MANIFEST).read_text())
        assert own == part or own["generation"] < part["generation"]
    return parts


def manifest_files(lake: Path) -> list[dict[str, Any]]:
    """All files that the manifests name, checked to be there as they were written."""
    files = []
    for manifest in manifests(lake).values():
        for table in manifest["tables"].values():
            for file in table["files"]:
                content = (lake / file["file_path"]).read_bytes()
                assert hashlib.sha256(content).hexdigest() == file["checksum_sha256"]
                assert len(content) == file["file_size_bytes"]
                files.append(file)
    return files


def parquet_files(lake: Path) -> set[str]:
    """What a reader by pattern sees."""
    return {path.relative_to(lake).as_posix() for path in lake.rglob("*.parquet")}


def test_files_hold_what_the_tables_hold(published: Settings) -> None:
    report = export_lake(published)
    assert (report.generation, report.tables, report.files) == (1, 5, 7)
    assert report.rows == 1 + 2 + 5_000 + 5_000
    with winnow.connect(published) as connection:
        for manifest in manifests(published.lake).values():
            for table, entry in manifest["tables"].items():
                if not entry["files"]:
                    continue
                columns = ", ".join(
                    '"{}"'.format(column["name"].replace('"', '""'))
                    for column in entry["columns"]
                )
                files = f"{published.lake}/{table.replace('.', '/')}/**/*.parquet"
                read = f"select {columns} from '{files}' order by all"
                stored = f"select * from {table} order by all"
                assert connection.execute(read).fetchall() == (
                    connection.execute(stored).fetchall()
                )
    tables = manifests(published.lake)["prepared"]["tables"]
    assert tables["prepared.items"]["files"] == []
    item_id = {"name": "item_id", "type": "VARCHAR"}
    assert tables["prepared.items"]["columns"][1] == item_id
    assert manifests(published.lake)["training"]["generation"] == 1


def test_each_file_has_metadata_that_fits_it(published: Settings) -> None:
    report = export_lake(published)
    files = manifest_files(published.lake)
    assert len(files) == report.files
    assert sum(file["file_size_bytes"] for file in files) == report.size
    assert {file["file_path"] for file in files} == parquet_files(published.lake)
    for file in files:
        path = published.lake / file["file_path"]
        described = json.loads(
            path.with_name(f"_{path.stem}_metadata.json").read_text()
        )
        assert file.items() <= described.items()
        written = pq.ParquetFile(path)
        assert described["record_count"] == written.metadata.num_rows
        assert described["schema"] == [
            {"name": field.name, "type": str(field.type)}
            for field in written.schema_arrow
        ]
        read = written.read()
        for column, nulls in described["null_counts"].items():
            assert read[column].null_count == nulls
    examples = "training/examples/tenant_id=007/_part-1-0_metadata.json"
    described = json.loads((published.lake / examples).read_text())
    assert described["partition"] == {"tenant_id": "007"}
    assert described["null_counts"].keys() == {
        *("example", "score", "interacted_at", "marker"),
    }
    assert described["null_counts"]["score"] > 0


@pytest.mark.parametrize(
    "failure",
    [OSError(28, "No space left on device"), InputError("the lake is another's.")],
)
def test_a_lake_that_fails_does_not_hide_what_is_published(
    failure: Exception,
    settings: Settings,
    winnow: Command,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    build(settings, 1)

    def fail(*_: Any) -> None:
        raise failure

    monkeypatch.setattr("winnow.publish.lake.export_lake", fail)
    code, _, err = winnow("publish")
    assert code == 2
    assert "winnow: Generation 1 is published, but the lake has not followed;" in err
    assert ("No space left" in err) == isinstance(failure, OSError)
    assert current_generation(settings.published) == 1


def test_readers_of_a_folder_read_the_lake_as_it_is(published: Settings) -> None:
    export_lake(published)
    examples = published.lake / "training" / "examples"
    frame = pd.read_parquet(examples)
    assert frame.groupby("tenant_id", observed=True).size().to_dict() == {
        "007": 1667,
        "acme": 3333,
    }
    assert sorted(frame["example"]) == list(range(5_000))
    assert ds.dataset(examples, partitioning="hive").count_rows() == 5_000
    seen = {
        path.suffix
        for path in published.lake.rglob("*")
        if path.is_file() and not path.name.startswith(("_", "."))
    }
    assert seen == {".parquet"}


def test_metadata_under_its_earlier_name_is_removed(published: Settings) -> None:
    export_lake(published)
    folder = published.lake / "training" / "examples" / "tenant_id=acme"
    earlier = folder / "part-1-0_metadata.json"
    earlier.write_text("{}")
    own = folder / "notes_metadata.json"
    own.write_text("{}")
    export_lake(published)
    assert not earlier.exists()
    assert own.exists()
    assert (folder / "_part-1-0_metadata.json").exists()


def test_another_export_replaces_the_one_before(published: Settings) -> None:
    export_lake(published)
    own = published.lake / "training" / "notes.parquet"
    own.write_text("not ours")
    with duckdb.connect(str(published.warehouse)) as connection:
        connection.execute("drop table validated.rejected_records")
        connection.execute("update prepared.users set marker = 2")
    publish(published)
    report = export_lake(published)
    assert (report.generation, report.tables) == (2, 4)
    named = {file["file_path"] for file in manifest_files(published.lake)}
    assert parquet_files(published.lake) == named | {"training/notes.parquet"}
    assert all("/part-2-" in name for name in named)
    assert not (published.lake / "validated" / "rejected_records").exists()
    assert not (published.lake / ".publishing").exists()
    assert duckdb.sql(
        f"select distinct marker from '{published.lake}/prepared/users/**/*.parquet'"
    ).fetchall() == [(2,)]


def test_an_export_again_repairs_what_is_gone(published: Settings) -> None:
    export_lake(published)
    first, *_ = manifest_files(published.lake)
    before = (published.lake / MANIFEST).read_text()
    export_lake(published)
    assert (published.lake / MANIFEST).read_text() == before
    (published.lake / first["file_path"]).unlink()
    assert export_lake(published).files == 7
    assert len(manifest_files(published.lake)) == 7


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_a_killed_export_leaves_manifests_whose_files_are_there(
    point: Point, published: Settings
) -> None:
    export_lake(published)
    build(published, 2)
    publish(published)
    call = "from winnow.publish.lake import export_lake; export_lake(settings())"
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED).format(point=point, call=call)],
        env=os.environ | published.environment(),
        cwd=PROJECT_ROOT,
        check=False,
        capture_output=True,
        timeout=120,
    )
    assert finished.returncode == -signal.SIGKILL, finished.stderr.decode()
    generations = {one["generation"] for one in manifests(published.lake).values()}
    assert generations in ({1}, {2})
    assert len(manifest_files(published.lake)) == 7
    publish(published)
    export_lake(published)
    named = {file["file_path"] for file in manifest_files(published.lake)}
    assert parquet_files(published.lake) == named
    assert all("/part-3-" in name for name in named)


def test_what_cannot_be_exported_is_said_in_a_sentence(settings: Settings) -> None:
    with pytest.raises(InputError, match="Nothing is published in"):
        export_lake(settings)
    build(settings, 1)
    publish(settings)
    with pytest.raises(InputError, match=r"gs://bucket: a lake is a local folder or"):
        place_of(settings, "gs://bucket")
    with pytest.raises(InputError, match=r"s3:///a: an S3 lake is s3://bucket/prefix"):
        place_of(settings, "s3:///a")
    with pytest.raises(InputError, match=r"duckdb cannot be written: File exists; "):
        place_of(settings, str(settings.warehouse))
    # The lock is the lake's: whose state another process has does not matter.
    elsewhere = settings.model_copy(update={"state": settings.state / "other"})
    lock = file_lock(settings.lake / ".publishing.lock", "The lake")
    with lock, pytest.raises(InputError, match=r"The lake .* is in use"):
        export_lake(elsewhere)


def test_a_table_that_cannot_be_written_leaves_the_lake_as_it_was(
    published: Settings,
) -> None:
    export_lake(published)
    with duckdb.connect(str(published.warehouse)) as connection:
        connection.execute(
            "create view training.broken as "
            "select tenant_id, error('no such thing') as v from prepared.users"
        )
    publish(published)
    with pytest.raises(BuildError, match=r"training\.broken cannot be exported: "):
        export_lake(published)
    assert manifests(published.lake)["training"]["generation"] == 1
    assert manifests(published.lake)["prepared"]["generation"] == 1
    assert len(manifest_files(published.lake)) == 7
    assert not (published.lake / ".publishing").exists()


def run_publish(
    settings: Settings, *arguments: str
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "winnow", "publish", *arguments],
        env=os.environ | settings.environment(),
        cwd=settings.warehouse.parent,
        check=False,
        capture_output=True,
        text=True,
        timeout=120,
    )


def test_the_command_publishes_and_exports(tmp_path: Path) -> None:
    settings = make_settings(tmp_path / "winnow")
    build(settings, 1)
    done = run_publish(settings)
    assert done.returncode == 0, done.stderr
    assert "gen-1.duckdb" in done.stdout.replace("\n", "")
    [line] = [line for line in done.stdout.splitlines() if line.startswith("lake ")]
    assert "10,003" in line
    assert len(manifest_files(settings.lake)) == 7
    elsewhere = run_publish(settings, "--lake", "elsewhere", "--keep", "1")
    assert elsewhere.returncode == 0, elsewhere.stderr
    assert len(manifest_files(settings.warehouse.parent / "elsewhere")) == 7
    assert manifests(settings.lake)["training"]["generation"] == 1
    refused = run_publish(settings, "--no-lake", "--lake", "elsewhere")
    assert refused.returncode == 2
    assert refused.stderr == "winnow: --lake and --no-lake: give one of them.\n"
    left = [path.name for path in settings.published.glob("*.duckdb")]
    assert left == ["gen-2.duckdb"]
