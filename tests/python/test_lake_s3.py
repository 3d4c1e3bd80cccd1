"""The lake on an S3 server on this machine that checks signatures and rights.

``make test-services`` installs the server and runs this.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import signal
import socket
import subprocess
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pyarrow.dataset as ds
import pytest
from places import PROJECT_ROOT
from pyarrow.fs import FileSelector, S3FileSystem
from test_kill import KILLED, Point
from test_lake import build, run_publish

from winnow.core.errors import InputError
from winnow.core.settings import Settings
from winnow.publish.generations import publish
from winnow.publish.lake import LAYERS, MANIFEST, export_lake
from winnow.publish.storage import S3Place, place_of

pytestmark = pytest.mark.services

SERVICES = PROJECT_ROOT / ".venv-services" / "bin"
BUCKET = "winnow-lake"
ADDRESS = f"s3://{BUCKET}/some/prefix"

# Run beside the server, which lets the first four calls in without keys.
SET_UP = """
    import json, sys
    import boto3

    def client(name):
        return boto3.client(
            name,
            endpoint_url=sys.argv[1],
            region_name="us-east-1",
            aws_access_key_id="nobody",
            aws_secret_access_key="nothing",
        )

    allowed = [{"Effect": "Allow", "Action": "s3:*", "Resource": "*"}]
    policy = json.dumps({"Version": "2012-10-17", "Statement": allowed})
    client("s3").create_bucket(Bucket=sys.argv[2])
    iam = client("iam")
    iam.create_user(UserName="winnow")
    iam.put_user_policy(UserName="winnow", PolicyName="all", PolicyDocument=policy)
    key = iam.create_access_key(UserName="winnow")["AccessKey"]
    print(key["AccessKeyId"], key["SecretAccessKey"])
"""
CALLS_WITHOUT_KEYS = 4


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[str, str, str]]:
    """The server's address and the keys of a user who may use S3."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    process = subprocess.Popen(
        [SERVICES / "moto_server", "-H", "127.0.0.1", "-p", str(port)],
        env=os.environ | {"INITIAL_NO_AUTH_ACTION_COUNT": str(CALLS_WITHOUT_KEYS)},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port)).close()
                break
            except OSError:
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.1)
        made = subprocess.run(
            [SERVICES / "python", "-c", textwrap.dedent(SET_UP), url, BUCKET],
            check=True,
            capture_output=True,
            text=True,
        )
        key, secret = made.stdout.split()
        yield url, key, secret
    finally:
        process.terminate()
        process.wait()


@pytest.fixture
def published(
    settings: Settings, server: tuple[str, str, str], monkeypatch: pytest.MonkeyPatch
) -> Settings:
    url, key, secret = server
    monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    monkeypatch.setenv("AWS_REGION", "us-east-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", key)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", secret)
    build(settings, 1)
    publish(settings)
    return settings


@pytest.fixture
def s3(published: Settings, server: tuple[str, str, str]) -> Any:
    """A client of the test's own."""
    url, key, secret = server
    return S3FileSystem(
        endpoint_override=url, region="us-east-1", access_key=key, secret_key=secret
    )


def read(s3: Any, name: str) -> bytes:
    with s3.open_input_stream(f"{BUCKET}/some/prefix/{name}") as stream:
        content: bytes = stream.read()
    return content


def stored(s3: Any) -> set[str]:
    found = s3.get_file_info(FileSelector(f"{BUCKET}/some/prefix", recursive=True))
    return {
        one.path.removeprefix(f"{BUCKET}/some/prefix/") for one in found if one.is_file
    }


def checked_files(s3: Any) -> dict[str, int]:
    """Every file that the manifests name, with the generation, read back and equal to
    what was written, its metadata too.
    """
    files = {}
    for layer in LAYERS:
        manifest = json.loads(read(s3, f"{layer}/{MANIFEST}"))
        for table in manifest["tables"].values():
            for file in table["files"]:
                content = read(s3, file["file_path"])
                assert hashlib.sha256(content).hexdigest() == file["checksum_sha256"]
                folder, _, part = file["file_path"].rpartition("/")
                beside = f"{folder}/_{part.removesuffix('.parquet')}_metadata.json"
                described = json.loads(read(s3, beside))
                assert file.items() <= described.items()
                files[file["file_path"]] = manifest["generation"]
    return files


def test_what_is_written_is_read_back_equal(published: Settings, s3: Any) -> None:
    report = export_lake(published, place_of(published, f"{ADDRESS}/"))
    assert (report.place, report.files) == (ADDRESS, 7)
    files = checked_files(s3)
    assert len(files) == 7
    read_rows = ds.dataset(
        [f"{BUCKET}/some/prefix/{name}" for name in files if "/examples/" in name],
        filesystem=s3,
        partitioning=None,
    ).to_table()
    assert read_rows.num_rows == 5_000
    with duckdb.connect(str(published.warehouse), read_only=True) as connection:
        [(total,)] = connection.execute(
            "select sum(example) from training.examples"
        ).fetchall()
    assert sum(read_rows["example"].to_pylist()) == total


def test_a_large_file_arrives_whole(published: Settings, s3: Any) -> None:
    """Larger than one part of an upload."""
    content = os.urandom(1 << 20) * 23
    file = published.warehouse.with_name("large.bin")
    file.write_bytes(content)
    S3Place(ADDRESS, published.temp_directory).take({"large.bin": file})
    assert read(s3, "large.bin") == content
    s3.delete_file(f"{BUCKET}/some/prefix/large.bin")


def test_another_export_replaces_the_one_before(published: Settings, s3: Any) -> None:
    place = place_of(published, ADDRESS)
    export_lake(published, place)
    build(published, 2)
    publish(published)
    export_lake(published, place)
    files = checked_files(s3)
    assert set(files.values()) == {2}
    parquet = {name for name in stored(s3) if name.endswith(".parquet")}
    assert parquet == set(files)
    assert len(stored(s3)) == 2 * len(files) + len(LAYERS) + 1


STORAGE = "winnow.publish.storage"
POINTS: dict[str, Point] = {
    "while files travel": (STORAGE, "S3Place._upload", 9, False),
    "before a manifest": (STORAGE, "S3Place.write", 4, False),
    "before old files are removed": (STORAGE, "S3Place.write", 5, True),
}


@pytest.mark.parametrize("point", POINTS.values(), ids=POINTS)
def test_a_killed_export_leaves_manifests_whose_files_are_there(
    point: Point, published: Settings, s3: Any
) -> None:
    export_lake(published, place_of(published, ADDRESS))
    build(published, 2)
    publish(published)
    call = (
        "from winnow.publish.lake import export_lake; "
        "from winnow.publish.storage import place_of; "
        f"export_lake(settings(), place_of(settings(), {ADDRESS!r}))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLED).format(point=point, call=call)],
        env=os.environ | published.environment(),
        cwd=PROJECT_ROOT,
        check=False,
        capture_output=True,
        timeout=120,
    )
    assert finished.returncode == -signal.SIGKILL, finished.stderr.decode()
    files = checked_files(s3)
    assert len(files) == 7
    assert set(files.values()) <= {1, 2}
    publish(published)
    export_lake(published, place_of(published, ADDRESS))
    assert set(checked_files(s3).values()) == {3}
    assert len(stored(s3)) == 2 * 7 + len(LAYERS) + 1


def test_a_wrong_secret_is_refused(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "wrong")
    with pytest.raises(
        InputError, match=rf"^{ADDRESS} refuses the keys: check AWS_ACC"
    ):
        place_of(published, ADDRESS)
    refused = run_publish(published, "--lake", ADDRESS)
    assert refused.returncode == 2
    assert refused.stderr.startswith(f"winnow: {ADDRESS} refuses the keys: ")
    assert len(refused.stderr.strip().splitlines()) == 1
    # Nothing was published for a lake that cannot be written.
    assert len(list(published.published.glob("*.duckdb"))) == 1


def test_places_that_are_not_there_are_named(
    published: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"s3://nothing/here: there is no bucket noth"):
        place_of(published, "s3://nothing/here")
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    with pytest.raises(InputError, match=r"s3://.* cannot be used: .*NETWORK_CONNECT"):
        place_of(published, ADDRESS)


def test_the_command_writes_to_s3(published: Settings, s3: Any) -> None:
    done = run_publish(published, "--lake", ADDRESS)
    assert done.returncode == 0, done.stderr
    assert f"Lake: {ADDRESS}" in done.stdout
    assert set(checked_files(s3).values()) == {2}


def test_an_upload_of_another_size_is_noticed(
    published: Settings, tmp_path: Path
) -> None:
    place = S3Place(ADDRESS, tmp_path)
    with pytest.raises(InputError, match=r"notes.txt has 4 bytes instead of 5"):
        place._put("notes.txt", io.BytesIO(b"four"), 5)
    place.delete("notes.txt")
