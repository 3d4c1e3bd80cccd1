"""The wheel in an environment of its own: what is installed works in an empty folder,
without network and without a home, and is left as it was.
"""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from collections.abc import Mapping
from pathlib import Path
from zipfile import ZipFile

import pytest
from places import PROJECT_ROOT

pytestmark = pytest.mark.services

UV = Path(sys.executable).with_name("uv")
LOCKS = PROJECT_ROOT / "requirements"

OFFLINE = textwrap.dedent(
    """
    import socket

    def refuse(*arguments, **options):
        raise OSError("there is no network")

    socket.getaddrinfo = socket.socket.connect = refuse
    """
)

QUERY = (
    "import winnow\n"
    "published = winnow.connect()\n"
    "print(published.sql('select count(*) from training.examples').fetchall()[0][0])\n"
)
BATCHES = (
    "from pathlib import Path\n"
    "from winnow.export.record_batches import RecordBatches\n"
    "print(sum(batch.num_rows for batch in RecordBatches(Path('out')).batches()))\n"
)


def run(
    *command: object, folder: Path, environment: Mapping[str, str], status: int = 0
) -> str:
    """What a command prints, standard error included."""
    finished = subprocess.run(
        [str(word) for word in command],
        cwd=folder,
        env=dict(environment),
        check=False,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert finished.returncode == status, finished.stdout
    return finished.stdout


def installed(folder: Path, wheel: str, lock: str) -> Path:
    """An environment with the wheel, and the versions that are locked."""
    own = {name: os.environ[name] for name in os.environ if "VIRTUAL_ENV" not in name}
    run(UV, "venv", "-q", "-p", sys.executable, folder, folder=LOCKS, environment=own)
    python = folder / "bin" / "python"
    install = [UV, "pip", "install", "-q", "--compile-bytecode", "-p", python]
    run(*install, "-c", LOCKS / lock, wheel, folder=LOCKS, environment=own)
    return folder


def names(environment: Path) -> set[str]:
    """What is installed, file by file, with its time."""
    packages = next(environment.glob("lib/python*/site-packages"))
    return {
        f"{path.relative_to(packages)} {path.stat().st_mtime_ns}"
        for path in packages.rglob("*")
        if path.is_file()
    }


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    build = [UV, "build", "-q", "--wheel", "--build-constraints", LOCKS / "build.lock"]
    run(*build, "-o", folder, ".", folder=PROJECT_ROOT, environment=os.environ)
    return next(folder.glob("*.whl"))


def test_the_wheel_works_in_an_empty_folder(wheel: Path, tmp_path: Path) -> None:
    """Whoever follows the README comes to a first query, and to training files."""
    reader = installed(tmp_path / "reader", f"{wheel}", "core.lock")
    builder = installed(tmp_path / "env", f"{wheel}[build]", "core.lock")
    with ZipFile(wheel) as archive:
        added = {name.partition("/")[0] for name in archive.namelist()}
    assert {name for name in added if not name.endswith(".dist-info")} == {"winnow"}
    before = names(builder)

    (tmp_path / "offline").mkdir()
    (tmp_path / "offline" / "sitecustomize.py").write_text(OFFLINE)
    where = {
        "PATH": "/usr/bin:/bin",
        "HOME": "/dev/null",
        "PYTHONPATH": str(tmp_path / "offline"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    winnow = builder / "bin" / "winnow"
    outside = run(winnow, "build", folder=tmp_path, environment=where, status=2)
    assert "`winnow init shop`" in outside
    run(winnow, "init", "shop", folder=tmp_path, environment=where)
    shop = tmp_path / "shop"
    assert "Next:" in run(winnow, "demo", folder=shop, environment=where)
    examples = int(
        run(builder / "bin/python", "-c", QUERY, folder=shop, environment=where)
    )
    assert examples > 100_000
    run(winnow, "load", "my_shop", "my-shop", folder=shop, environment=where)
    export = [winnow, "export", "out", "--tenant", "sample-shop"]
    run(*export, folder=shop, environment=where)
    assert names(builder) == before

    python = reader / "bin" / "python"
    assert int(run(python, "-c", QUERY, folder=shop, environment=where)) == examples
    assert int(run(python, "-c", BATCHES, folder=shop, environment=where)) > 10_000
    refused = run(
        reader / "bin/winnow", "build", folder=shop, environment=where, status=2
    )
    assert "`pip install 'winnow[build]'`" in refused and refused.count("\n") == 1
