"""Random sequences of what people do with loads, beside a model of what should be."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from conftest import make_settings, rows_of
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from hypothesis.stateful import run_state_machine_as_test as run_machine
from places import PROJECT_ROOT

from winnow.build.build import build
from winnow.build.status import standing
from winnow.contracts.entities import MODES
from winnow.core.errors import BuildError, InputError
from winnow.core.lock import warehouse_lock
from winnow.evaluation.results import build_evaluation
from winnow.load.ledger import read_ledger
from winnow.load.loads import release, unload
from winnow.load.pipeline import load, take_in
from winnow.publish.generations import publish
from winnow.publish.published import current_generation, generation_path
from winnow.warehouse.builds import last_build

PATHS = 3
GOOD_ROWS = 12


@dataclass
class Known:
    """A load as the model has it: of which file, in which version of it."""

    load_id: str
    path: int
    version: int
    mode: str
    is_bad: bool
    is_gone: bool = False
    is_released: bool = False

    @property
    def user(self) -> str:
        """The user whom all of its events are of."""
        return f"u{self.path}v{self.version}"


class Loads(RuleBasedStateMachine):
    """Loads, taken back, released, taken in; warehouses that are deleted."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="winnow-machine-"))
        self.own = make_settings(self.folder / "home")
        self.loads: list[Known] = []
        self.raw: set[str] = set()
        self.versions = dict.fromkeys(range(PATHS), 0)

    def teardown(self) -> None:
        """Remove what was written."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def place(self, path: int) -> Path:
        """One of the files."""
        return self.folder / f"events-{path}.csv"

    def write(self, path: int, version: int, *, is_bad: bool) -> None:
        """Write a version of a file; one is bad of which half cannot be used."""
        user = f"u{path}v{version}"
        broken = "".join(f"{user},,view\n" for _ in range(GOOD_ROWS if is_bad else 0))
        rows = "".join(f"{user},i{row},view\n" for row in range(GOOD_ROWS))
        self.place(path).write_text(f"user_id,item_id,event_type\n{rows}{broken}")

    def standing(self) -> list[Known]:
        """The loads that nobody took back."""
        return [one for one in self.loads if not one.is_gone]

    def follow(self) -> None:
        """What the raw tables should have once they follow the ledger."""
        self.raw = {one.load_id for one in self.standing()}

    @rule(
        path=st.integers(0, PATHS - 1),
        mode=st.sampled_from([*MODES[:2], "append"]),
        is_bad=st.booleans(),
        is_busy=st.booleans(),
    )
    def load_a_new_version(
        self, path: int, mode: str, is_bad: bool, is_busy: bool
    ) -> None:
        self.versions[path] += 1
        self.write(path, self.versions[path], is_bad=is_bad)
        with warehouse_lock(self.own) if is_busy else contextlib.nullcontext():
            result = load(
                "canonical",
                self.place(path),
                entity="interactions",
                mode=mode,
                settings=self.own,
            )
        assert result.load_id is not None
        assert (result.waits is None) != is_busy
        self.loads.append(
            Known(result.load_id, path, self.versions[path], mode, is_bad)
        )
        if not is_busy:
            self.follow()

    @rule(path=st.integers(0, PATHS - 1))
    def load_the_same_again(self, path: int) -> None:
        if not self.versions[path]:
            return
        newest = [
            one
            for one in self.standing()
            if (one.path, one.version) == (path, self.versions[path])
        ]
        bad = [one.is_bad for one in self.loads if one.path == path][-1]
        result = load(
            "canonical", self.place(path), entity="interactions", settings=self.own
        )
        assert (result.load_id is None) == bool(newest)
        if result.load_id is not None:
            version = self.versions[path]
            self.loads.append(Known(result.load_id, path, version, "append", bad))
        self.follow()

    @rule(data=st.data())
    def take_back(self, data: Any) -> None:
        if not self.loads:
            return
        one = data.draw(st.sampled_from(self.loads))
        if one.is_gone:
            with pytest.raises(InputError, match="taken back before"):
                unload(self.own, [one.load_id])
            return
        unload(self.own, [one.load_id])
        one.is_gone = True
        self.follow()

    @rule(data=st.data())
    def let_count(self, data: Any) -> None:
        if not self.standing():
            return
        one = data.draw(st.sampled_from(self.standing()))
        release(self.own, [one.load_id])
        one.is_released = True
        self.follow()

    @rule()
    def delete_the_warehouse(self) -> None:
        self.own.warehouse.unlink(missing_ok=True)
        self.raw = set()

    @rule()
    def take_in_what_landed(self) -> None:
        with warehouse_lock(self.own):
            take_in(self.own)
        self.follow()

    @invariant()
    def the_ledger_has_what_counts(self) -> None:
        counting = read_ledger(self.own.lake).counting()
        assert [one.landed.load_id for one in counting] == [
            one.load_id for one in self.standing()
        ]

    @invariant()
    def raw_has_what_was_taken_in(self) -> None:
        if not self.own.warehouse.exists():
            assert not self.raw
            return
        found = rows_of(
            self.own,
            "select load_id, user_id, count(*), count(item_id) "
            "from raw.canonical_interactions group by all order by all",
        )
        wanted = [
            (one.load_id, one.user, GOOD_ROWS * (1 + one.is_bad), GOOD_ROWS)
            for one in self.loads
            if one.load_id in self.raw
        ]
        assert [(i, u, r) for i, u, r, _ in found] == [
            (i, u, r) for i, u, r, _ in sorted(wanted)
        ]


@dataclass(frozen=True)
class Seen:
    """What a build of everything has: the loads that it knows, those of them that it
    holds, and those whose events are in its tables.
    """

    known: frozenset[str] = frozenset()
    held: frozenset[str] = frozenset()
    counts: frozenset[str] = frozenset()


class Builds(Loads):
    """Builds, whole, in part and killed, evaluations and publishing besides."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.replaced: dict[str, str] = {}
        self.built: Seen | None = None
        self.has_tables = False
        self.published = Seen()
        self.generation: int | None = None

    def follow(self) -> None:
        """Replaced loads are not in the raw tables as long as what replaced them is."""
        ids = {one.load_id for one in self.standing()}
        self.raw = {one for one in ids if self.replaced.get(one) not in ids}

    def publishes(self, seen: Seen) -> None:
        """A generation has come."""
        number = current_generation(self.own.published)
        assert number is not None
        assert number == (self.generation or 0) + 1
        self.generation, self.published = number, seen

    @rule()
    def build_everything(self) -> None:
        self.follow()
        raw = [one for one in self.standing() if one.load_id in self.raw]
        held = {one.load_id for one in raw if one.is_bad and not one.is_released}
        good = [one for one in raw if one.load_id not in held]
        for place, one in enumerate(good):
            later = [
                other.load_id
                for other in good[place + 1 :]
                if (other.path, other.mode) == (one.path, "replace")
            ]
            if later:
                self.replaced[one.load_id] = later[-1]
        counts = {one.load_id for one in good if one.load_id not in self.replaced}
        report = build(self.own, full=True)
        assert {one.load_id for one in report.gate.held} <= held
        self.built = Seen(frozenset(self.raw), frozenset(held), frozenset(counts))
        self.has_tables = True
        assert (report.publication is not None) == bool(self.built.counts)
        if self.built.counts:
            self.publishes(self.built)
        self.follow()

    @precondition(lambda self: self.has_tables)
    @rule(node=st.sampled_from(["users", "examples+", "tenant_settings"]))
    def build_a_part(self, node: str) -> None:
        with contextlib.suppress(BuildError):
            build(self.own, select=[node])
        self.built = None
        self.follow()

    @precondition(lambda self: self.has_tables)
    @rule()
    def evaluate(self) -> None:
        build_evaluation(self.own)
        with warehouse_lock(self.own):
            take_in(self.own)
        self.follow()

    @rule(seconds=st.floats(2, 9))
    def kill_a_build(self, seconds: float) -> None:
        before = last_build(self.own)
        process = subprocess.Popen(
            [sys.executable, "-m", "winnow", "build", "--full"],
            env=os.environ | self.own.environment(),
            cwd=PROJECT_ROOT,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        time.sleep(seconds)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
        process.wait()
        with warehouse_lock(self.own):
            take_in(self.own)
        self.follow()
        after = last_build(self.own)
        if after != before:
            assert after is not None
            assert after.verdict == "running"
            self.built = None

    @rule()
    def publish_what_is_there(self) -> None:
        if self.built is not None and self.built.counts:
            publish(self.own)
            self.publishes(self.built)
        else:
            with pytest.raises((BuildError, InputError)):
                publish(self.own)

    @rule()
    def delete_the_warehouse(self) -> None:
        super().delete_the_warehouse()
        self.replaced, self.built, self.has_tables = {}, None, False

    @invariant()
    def what_is_published_is_a_whole_build_of_loads_that_counted(self) -> None:
        number = current_generation(self.own.published)
        assert number == self.generation
        if number is None:
            return
        path = generation_path(self.own.published, number)
        with duckdb.connect(str(path), read_only=True) as connection:
            found = connection.execute(
                "select load_id, count(*) from prepared.interactions group by all"
            ).fetchall()
            verdict = connection.execute(
                "select verdict from quality.builds where is_whole "
                "order by started_at desc limit 1"
            ).fetchone()
        assert dict(found) == dict.fromkeys(self.published.counts, GOOD_ROWS)
        assert verdict == ("passed",)

    @invariant()
    def status_tells_what_is_so(self) -> None:
        found = standing(self.own)
        assert (found.unpublishable is None) == (
            self.built is not None or not self.own.warehouse.exists()
        )
        seen = self.built or self.published
        waiting = {}
        for one in self.loads:
            if one.is_gone:
                if one.load_id in seen.known:
                    waiting[one.load_id] = "unloaded"
            elif one.load_id not in seen.known | self.replaced.keys():
                waiting[one.load_id] = "landed"
            elif one.is_released and one.load_id in seen.held:
                waiting[one.load_id] = "released"
        assert {one.load_id: one.what for one in found.waiting} == waiting
        number = None if found.published is None else found.published.number
        assert number == self.generation


def run(machine: type[RuleBasedStateMachine], examples: int, steps: int) -> None:
    """Run a machine so many times, so many steps at the most."""
    run_machine(
        machine,
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )


@pytest.mark.parametrize(
    "examples", [4, pytest.param(40, marks=pytest.mark.scale)], ids=["few", "many"]
)
def test_raw_is_what_the_ledger_says_whatever_people_do(examples: int) -> None:
    run(Loads, examples, 14)


@pytest.mark.scale
def test_what_is_published_is_a_whole_build_whatever_people_do() -> None:
    run(Builds, 2, 14)
