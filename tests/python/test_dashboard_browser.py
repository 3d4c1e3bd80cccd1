"""The dashboard as a reader sees it: in a real browser, from what was really built.

``make test-services`` installs the browser and its driver and runs this. Pictures of
all pages are left in ``target/dashboard``.
"""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pytest
from conftest import make_settings
from dashboarding import add_evaluation, build_sample, make_warehouse, publish
from places import PROJECT_ROOT

from benchmarks.browser import Seen, dashboard, look, missing
from benchmarks.dashboard import LIMIT_SECONDS, PATHS
from winnow.core.settings import Settings

pytestmark = [
    pytest.mark.services,
    pytest.mark.skipif(missing() is not None, reason=str(missing())),
]

PICTURES = PROJECT_ROOT / "target" / "dashboard"
CHARTS = {
    "": 2,
    "pipeline": 2,
    "quality": 7,
    "batches": 5,
    "models": 3,
    "comparison": 3,
    "users": 3,
    "items": 2,
    "explorer": 1,
}


@dataclass(frozen=True)
class Served:
    settings: Settings
    address: str


def served(folder: Path, settings: Settings) -> Iterator[Served]:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    log = folder / "dashboard.log"
    with dashboard(settings.environment(), log, port) as address:
        yield Served(settings, address)
    assert "Traceback" not in log.read_text()


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The dashboard of a sample that was loaded, built and published."""
    folder = tmp_path_factory.mktemp("built")
    settings = make_settings(folder)
    build_sample(settings)
    add_evaluation(settings)
    publish(settings)
    yield from served(folder, settings)


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Served]:
    """The dashboard of a made generation, to be changed."""
    settings = make_settings(tmp_path / "made")
    make_warehouse(settings)
    publish(settings)
    yield from served(tmp_path, settings)


@pytest.fixture(scope="module", params=["light", "dark"])
def seen(request: pytest.FixtureRequest, real: Served) -> dict[str, Seen]:
    """Every page, by its path."""
    pages = look(real.address, PATHS, PICTURES, scheme=request.param)
    return {page.path: page for page in pages}


def test_every_page_is_drawn_whole_and_without_a_complaint(
    seen: dict[str, Seen],
) -> None:
    assert {path: len(page.charts) >= CHARTS[path] for path, page in seen.items()} == (
        dict.fromkeys(PATHS, True)
    )
    for page in seen.values():
        assert page.exceptions == 0
        assert not page.sideways
        assert [one for one in page.alerts if "Generation" in one] == []
        for chart in page.charts:
            assert chart.height >= 90
            assert 250 < chart.width <= chart.place + 1
    titles = [page.title for page in seen.values()]
    assert len(set(titles)) == len(PATHS)


def test_no_page_asks_anything_of_the_internet(seen: dict[str, Seen]) -> None:
    assert {page.outside for page in seen.values()} == {()}


def test_every_page_is_there_within_three_seconds(real: Served, tmp_path: Path) -> None:
    """The best of two. benchmarks/dashboard.py measures large generations."""
    cores, busy = os.cpu_count() or 1, os.getloadavg()[0]
    if busy > cores:
        pytest.skip(f"{busy:.0f} processes wait for {cores} cores: no time to measure")
    looks = [look(real.address, PATHS, tmp_path) for _ in range(2)]
    for pages in zip(*looks, strict=True):
        assert min(page.seconds for page in pages) < LIMIT_SECONDS


def test_a_narrow_window_has_no_page_wider_than_itself(
    real: Served, tmp_path: Path
) -> None:
    for page in look(real.address, PATHS, tmp_path, width=700):
        assert not page.sideways
        assert all(chart.width <= chart.place + 1 for chart in page.charts)


def test_a_new_generation_is_shown_to_readers_who_only_look(
    small: Served, tmp_path: Path
) -> None:
    with ThreadPoolExecutor() as pool:
        looking = pool.submit(look, small.address, [""], tmp_path, until="2,468")
        deadline = time.monotonic() + 60
        while not (tmp_path / "overview-light-opened.png").exists():
            assert time.monotonic() < deadline
            assert not looking.done()
            time.sleep(0.1)
        with duckdb.connect(str(small.settings.warehouse)) as connection:
            connection.execute(
                "update training.dataset_statistics set interactions = 1234"
            )
        publish(small.settings)
        [after] = looking.result()
    assert "930" not in after.text
    assert "Generation 2" in after.sidebar


def test_without_a_generation_the_page_says_so_and_begins_once_there_is_one(
    tmp_path: Path,
) -> None:
    settings = make_settings(tmp_path / "made")
    for here in served(tmp_path, settings):
        [page] = look(here.address, [""], tmp_path)
        assert "run winnow publish" in page.alerts[0]
        assert "Traceback" not in page.text
        make_warehouse(settings)
        publish(settings)
        [page] = look(here.address, [""], tmp_path)
        assert page.alerts == ()
        assert len(page.charts) == CHARTS[""]
