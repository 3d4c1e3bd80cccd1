"""Daily batches: a tenant's test split replayed as days of traffic.

The plan and the tracker live in the warehouse, as the models ``batches``,
``batch_runs``, ``batch_progress`` and ``cumulative_batches`` of the schema
``evaluation``; this module says to dbt, by variables, what is to be done with them, and
in which order.
"""

from __future__ import annotations

import csv
import datetime as dt
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from itertools import groupby
from pathlib import Path

import duckdb

from winnow.build.dbt import DbtResult, ParsedProject
from winnow.core.errors import BuildError, InputError
from winnow.core.lock import OF_A_LOAD, warehouse_lock
from winnow.core.settings import Settings
from winnow.warehouse.builds import unsound
from winnow.warehouse.reading import has_table, read_only

DEFAULT_DAYS = 20
MOST_DAYS = 3660
DAILY_TAG = "daily_batch"
"""Models with this dbt tag are built after each day, in the same run."""

_PLAN_MODELS = ("batches", "batch_runs", "batch_progress", "cumulative_batches")
_NOTHING_BUILT = "Nothing has been built yet: load some data, then `winnow build`."
_NO_PLAN = "No daily batches have been planned; `winnow batches plan` comes first."

Stage = Callable[[str, int, int], None]
"""Told what is being done, the step it is and how many steps there are (0 where that is
not known).
"""


@dataclass(frozen=True, order=True)
class Scope:
    """A split and fold of a tenant, whose test rows are dealt to days."""

    tenant_id: str
    split_name: str
    fold: int

    def __str__(self) -> str:
        """As it is called in messages."""
        return f"tenant {self.tenant_id}, split {self.split_name}"


@dataclass(frozen=True)
class Day:
    """A row of ``evaluation.batch_progress``; times are UTC, without a zone."""

    tenant_id: str
    split_name: str
    state: str
    message: str | None
    fold: int
    day: int
    day_count: int
    rows: int
    cold_count: int | None
    seconds: float | None
    rows_per_second: float | None
    error_rate: float | None
    quality_score: float | None
    started_at: dt.datetime | None
    finished_at: dt.datetime | None

    @property
    def scope(self) -> Scope:
        """Whose day it is."""
        return Scope(self.tenant_id, self.split_name, self.fold)


@dataclass(frozen=True)
class Plan:
    """A plan: its days, how many of its rows are in the test split no more, and how
    many test rows came after it.
    """

    scope: Scope
    days: tuple[Day, ...]
    lost_rows: int = 0
    new_rows: int = 0
    is_new: bool = False

    @property
    def rows(self) -> int:
        """Rows of all days."""
        return sum(day.rows for day in self.days)

    @property
    def is_begun(self) -> bool:
        """Whether any day was run."""
        return any(day.state != "planned" for day in self.days)

    @property
    def done(self) -> tuple[Day, ...]:
        """The days that are done."""
        return tuple(day for day in self.days if day.state == "done")

    @property
    def failed(self) -> tuple[Day, ...]:
        """The days that failed."""
        return tuple(day for day in self.days if day.state == "failed")


@dataclass(frozen=True)
class RunReport:
    """What a run came to: the days that were run, as they are now; ``stopped`` says in
    sentences which plans did not get as far as was asked; the seconds of it all.
    """

    ran: tuple[Day, ...]
    stopped: tuple[str, ...]
    seconds: float


def day_count(days: int | None, fraction: float | None) -> int:
    """How many days a plan has, from either or both; 20 from neither. Raises InputError
    for what makes no whole: days x fraction is 1.
    """
    if days is not None and not 1 <= days <= MOST_DAYS:
        raise InputError(f"--days {days}: a plan has 1 to {MOST_DAYS} days.")
    if fraction is None:
        return DEFAULT_DAYS if days is None else days
    if not 1 / MOST_DAYS <= fraction <= 1:
        raise InputError(
            f"--fraction {fraction:g}: a day has a share of the test split of "
            f"1/{MOST_DAYS} to 1."
        )
    wanted = round(1 / fraction) if days is None else days
    if abs(wanted * fraction - 1) > 1e-6:
        raise InputError(
            f"--days {wanted} --fraction {fraction:g}: the days have "
            f"{wanted * fraction:g} of the test split together, and must have 1; give "
            f"one of the two, or --fraction {1 / wanted:.6g}."
        )
    return wanted


def plan(
    settings: Settings,
    days: int,
    *,
    tenants: Sequence[str] = (),
    split: str | None = None,
    stage: Stage | None = None,
) -> list[Plan]:
    """Deal the test rows of a split (the first where none is named) of these tenants
    (all where none is) to so many days.

    A plan of which no day was run is made anew. One that was begun stays as it is, and
    is no error where it is what was asked for. Raises InputError for one that is not,
    for tenants or splits that there are not, and where there is nothing to deal; and
    BuildError when dbt fails or the last build did not go through.
    """
    tell = stage or (lambda _what, _step, _steps: None)
    with warehouse_lock(settings, OF_A_LOAD):
        tell("looking at the test splits", 0, 0)
        with _built(settings) as connection:
            _require_sound_build(connection)
            counts = _test_counts(connection, tenants, split)
            present = {one.scope: one for one in _plans(connection)}
        wanted = _plans_to_make(counts, present, days, bool(tenants))
        if wanted:
            project = _project(settings, tell)
            for split_name, scopes in _by_split(wanted):
                tell(f"dealing out {split_name}", 0, 0)
                variables = _variables("plan", split_name, scopes) | {
                    "batch_days": days
                }
                _require(settings, project.run(_select(_PLAN_MODELS), variables))
        with _built(settings) as connection:
            made = {one.scope: one for one in _plans(connection)}
    return [
        Plan(scope, made[scope].days, is_new=scope in wanted)
        for scope in sorted(counts)
        if scope in made
    ]


def status(
    settings: Settings, *, tenants: Sequence[str] = (), split: str | None = None
) -> list[Plan]:
    """The plans there are, with how the test splits have changed since. Raises
    InputError where there are none, and while another process writes the warehouse.
    """
    with _built(settings) as connection:
        plans = _wanted_plans(connection, tenants, split)
        return [_with_changes(connection, one) for one in plans]


def plans(
    settings: Settings, *, tenants: Sequence[str] = (), split: str | None = None
) -> list[Plan]:
    """The plans there are, as they were made. Raises as ``status``."""
    with _built(settings) as connection:
        return _wanted_plans(connection, tenants, split)


def plan_missing(settings: Settings, *, stage: Stage | None = None) -> list[Plan]:
    """Plan the first split of every tenant that has test rows and no plan, over 20
    days. Raises as ``plan``.
    """
    with _built(settings) as connection:
        counts = _test_counts(connection, (), None)
        planned = {day.tenant_id for day in _days(connection)}
    tenants = [
        scope.tenant_id
        for scope, rows in counts.items()
        if rows and scope.tenant_id not in planned
    ]
    if not tenants and planned:
        return []
    return plan(settings, DEFAULT_DAYS, tenants=tenants, stage=stage)


def run(
    settings: Settings,
    *,
    day: int | None = None,
    until: int | None = None,
    tenants: Sequence[str] = (),
    split: str | None = None,
    keep_on: bool = False,
    stage: Stage | None = None,
    told: Callable[[Day], None] | None = None,
) -> RunReport:
    """Run days of the plans: one ``day``, or all ``until`` a day, or (with neither) the
    next one of each plan. Days that are done are passed over.

    A plan with a failed day is stopped: only that very day may be run again. With
    ``keep_on`` its failed days are run again first. ``told`` is told of each day as it
    ends. Raises InputError for plans or days that there are not, and BuildError when
    dbt can neither run a day nor note that it failed.
    """
    tell = stage or (lambda _what, _step, _steps: None)
    started = time.monotonic()
    ran: list[Day] = []
    with warehouse_lock(settings, OF_A_LOAD):
        with _built(settings) as connection:
            plans = _wanted_plans(connection, tenants, split)
        _require_days(plans, day if day is not None else until)
        stopped: dict[Scope, str] = {}
        due: dict[Scope, list[int]] = {}
        for one in plans:
            days, reason = due_days(one, day=day, until=until, keep_on=keep_on)
            due[one.scope] = days
            if reason is not None:
                stopped[one.scope] = reason
        steps = sum(map(len, due.values()))
        runner = _DayRunner(settings, keep_on, tell) if steps else None
        for number in sorted({one for days in due.values() for one in days}):
            scopes = [s for s in sorted(due) if number in due[s] and s not in stopped]
            for split_name, group in _by_split(scopes):
                assert runner is not None
                tell(f"day {number}, split {split_name}", len(ran), steps)
                for ended in runner.run(number, split_name, group):
                    ran.append(ended)
                    if ended.state != "done":
                        stopped[ended.scope] = _failure(ended)
                    if told is not None:
                        told(ended)
    return RunReport(
        tuple(ran),
        tuple(stopped[scope] for scope in sorted(stopped)),
        time.monotonic() - started,
    )


def due_days(
    plan: Plan, *, day: int | None, until: int | None, keep_on: bool
) -> tuple[list[int], str | None]:
    """The days of a plan that are to be run, in order, and why they are none where a
    failed day stands before them.
    """
    states = {one.day: one.state for one in plan.days}
    open_days = [one for one in states if states[one] != "done"]
    if until is not None:
        wanted = [one for one in open_days if one <= until]
    elif day is not None:
        wanted = [day] if day in open_days else []
        if keep_on and wanted:
            earlier = [one.day for one in plan.failed if one.day < day]
            wanted = [*earlier, *wanted]
    else:
        wanted = open_days[:1]
    before = [one for one in plan.failed if wanted and one.day <= wanted[-1]]
    if not before or keep_on or (day is not None and before[0].day == day):
        return wanted, None
    return [], _failure(before[0])


def reset(
    settings: Settings,
    *,
    tenants: Sequence[str] = (),
    split: str | None = None,
    forget: bool = False,
    stage: Stage | None = None,
) -> list[Scope]:
    """Make all days of the plans planned again, or ``forget`` the plans as well; which
    plans these were. Raises InputError where there are none.
    """
    tell = stage or (lambda _what, _step, _steps: None)
    with warehouse_lock(settings, OF_A_LOAD):
        with _built(settings) as connection:
            scopes = [one.scope for one in _wanted_plans(connection, tenants, split)]
        project = _project(settings, tell)
        for split_name, group in _by_split(scopes):
            tell(f"resetting {split_name}", 0, 0)
            action, models = (
                ("forget", ("batches",)) if forget else ("reset", ("batch_runs",))
            )
            variables = _variables(action, split_name, group)
            _require(settings, project.run(_select(models), variables))
    return scopes


def write_results(settings: Settings, out: Path) -> list[Path]:
    """Write the tracker and the size of the cumulative sets to ``out`` as CSV files;
    which files. Raises InputError where nothing is planned.
    """
    with _built(settings) as connection:
        plans = _wanted_plans(connection, (), None)
        cumulative = connection.execute(
            "select tenant_id, split_name, fold, day, sum(rows) over days as rows, "
            "sum(users) over days as users, sum(items) over days as items "
            "from (select tenant_id, split_name, fold, day, sum(rows) as rows, "
            "count(*) filter (first_user) as users, "
            "count(*) filter (first_item) as items from ("
            "select tenant_id, split_name, fold, day, 1 as rows, "
            "row_number() over (partition by tenant_id, split_name, fold, user_id "
            "order by day, interaction_id) = 1 as first_user, "
            "row_number() over (partition by tenant_id, split_name, fold, item_id "
            "order by day, interaction_id) = 1 as first_item "
            "from evaluation.cumulative_batches) group by all) "
            "window days as (partition by tenant_id, split_name, fold order by day) "
            "order by all"
        ).fetchall()
    out.mkdir(parents=True, exist_ok=True)
    names = [field.name for field in fields(Day)]
    progress = [[getattr(day, n) for n in names] for one in plans for day in one.days]
    heads = ["tenant_id", "split_name", "fold", "day", "rows", "users", "items"]
    return [
        _write(out / "batch_progress.csv", names, progress),
        _write(out / "cumulative_batches.csv", heads, cumulative),
    ]


def _write(path: Path, heads: Sequence[str], rows: Iterable[Sequence[object]]) -> Path:
    partial = path.with_name(f".{path.name}")
    with partial.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(heads)
        writer.writerows(rows)
    partial.replace(path)
    return path


class _DayRunner:
    """Runs days with dbt, parsed once."""

    def __init__(self, settings: Settings, keep_on: bool, tell: Stage) -> None:
        self.settings, self.keep_on = settings, keep_on
        self.project = _project(settings, tell)
        self.models = ["batch_runs", *self.project.tagged(DAILY_TAG)]

    def run(self, day: int, split_name: str, scopes: Sequence[Scope]) -> list[Day]:
        """Run a day of several tenants at once; how it ended for each. Where dbt fails,
        each is run alone, so that only those fail that it fails for.
        """
        result = self.project.run(
            _select(self.models),
            _variables("run", split_name, scopes)
            | {"batch_day": day, "batch_continue": self.keep_on},
        )
        if not result.succeeded and len(scopes) > 1:
            return [
                ended for one in scopes for ended in self.run(day, split_name, [one])
            ]
        if not result.succeeded:
            self._fail(day, split_name, scopes, result)
        with _built(self.settings) as connection:
            return [
                one
                for one in _days(connection)
                if one.day == day and one.scope in scopes
            ]

    def _fail(
        self, day: int, split_name: str, scopes: Sequence[Scope], result: DbtResult
    ) -> None:
        why = "; ".join(f"{one.node}: {one.message}" for one in result.failures)
        noted = self.project.run(
            _select(["batch_runs"]),
            _variables("fail", split_name, scopes)
            | {"batch_day": day, "batch_message": why[:2000]},
        )
        if not noted.succeeded:
            raise BuildError(
                f"Day {day} of {', '.join(map(str, scopes))} failed, and that could "
                f"not be noted either: {why}"
            )


@contextmanager
def _built(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    if not settings.warehouse.exists():
        raise InputError(_NOTHING_BUILT)
    with read_only(settings.warehouse) as connection:
        if not has_table(connection, "training", "split_assignments"):
            raise InputError(_NOTHING_BUILT)
        yield connection


def _require_sound_build(connection: duckdb.DuckDBPyConnection) -> None:
    reason = unsound(connection)
    if reason is not None:
        raise BuildError(
            f"{reason} Nothing was planned: its splits may not belong together."
        )


def _test_counts(
    connection: duckdb.DuckDBPyConnection, tenants: Sequence[str], split: str | None
) -> dict[Scope, int]:
    """The test rows of the split that is meant of each tenant."""
    known = _known(connection, "select distinct tenant_id from prepared.splits")
    _require_tenants(tenants, known)
    counts = {
        Scope(*scope): rows
        for *scope, rows in connection.execute(
            "with wanted as (select tenant_id, split_name, main_fold as fold "
            "from prepared.splits where split_name = ? or ? is null and is_first_split)"
            " select tenant_id, split_name, fold, count(interaction_id) from wanted "
            "left join (select * from training.split_assignments where split = 'test') "
            "using (tenant_id, split_name, fold) group by all order by all",
            [split, split],
        ).fetchall()
        if not tenants or scope[0] in tenants
    }
    having = {scope.tenant_id for scope in counts}
    missing = sorted(set(tenants) - having)
    if split is not None and (missing or not having):
        names = _known(
            connection,
            "select distinct split_name from prepared.splits"
            + (" where tenant_id = ?" if missing else ""),
            missing[:1],
        )
        whose = f"tenant {missing[0]}" if missing else "any tenant"
        raise InputError(
            f"--split {split}: there is no such split of {whose}; there are "
            f"{', '.join(names)}."
        )
    return counts


def _plans_to_make(
    counts: Mapping[Scope, int], present: Mapping[Scope, Plan], days: int, named: bool
) -> list[Scope]:
    """Which plans are made, or made anew."""
    wanted = []
    for scope, rows in counts.items():
        there = present.get(scope)
        if there is not None and there.is_begun:
            if len(there.days) != days or there.lost_rows or there.new_rows:
                raise InputError(_is_begun(there, days))
        elif rows:
            wanted.append(scope)
        elif named:
            raise InputError(
                f"{str(scope).capitalize()} has no test rows; there is nothing to deal."
            )
    if not wanted and not any(scope in present for scope in counts):
        raise InputError("No tenant has test rows; there is nothing to deal.")
    return wanted


def _is_begun(plan: Plan, days: int) -> str:
    begun = sum(day.state != "planned" for day in plan.days)
    change = (
        f"{plan.lost_rows:,} of its rows are in the test split no more and "
        f"{plan.new_rows:,} came after it"
        if len(plan.days) == days
        else f"it has {len(plan.days)} days, not {days}"
    )
    return (
        f"The plan of {plan.scope} stays, because {begun} of its days have been run: "
        f"{change}. `winnow batches reset` makes its days planned again."
    )


def _plans(connection: duckdb.DuckDBPyConnection) -> list[Plan]:
    """All plans, those that were begun with the changes since."""
    days = groupby(_days(connection), lambda day: day.scope)
    plans = [Plan(scope, tuple(group)) for scope, group in days]
    return [_with_changes(connection, one) if one.is_begun else one for one in plans]


def _days(connection: duckdb.DuckDBPyConnection) -> list[Day]:
    if not all(has_table(connection, "evaluation", name) for name in _PLAN_MODELS):
        return []
    names = ", ".join(field.name for field in fields(Day))
    rows = connection.execute(
        f"select {names} from evaluation.batch_progress "
        "order by tenant_id, split_name, fold, day"
    ).fetchall()
    return [Day(*row) for row in rows]


def _with_changes(connection: duckdb.DuckDBPyConnection, plan: Plan) -> Plan:
    """The plan with how its test split differs from it now."""
    scope = plan.scope
    [(tested, kept)] = connection.execute(
        "select count(*), count(dealt.interaction_id) from training.split_assignments "
        "as tested left join (select interaction_id from evaluation.batches "
        "where tenant_id = $tenant and split_name = $split and fold = $fold) as dealt "
        "using (interaction_id) where tenant_id = $tenant and split_name = $split "
        "and fold = $fold and split = 'test'",
        {"tenant": scope.tenant_id, "split": scope.split_name, "fold": scope.fold},
    ).fetchall()
    return Plan(scope, plan.days, plan.rows - kept, tested - kept)


def _wanted_plans(
    connection: duckdb.DuckDBPyConnection, tenants: Sequence[str], split: str | None
) -> list[Plan]:
    """The plans of these tenants and this split; all where none is named."""
    days = groupby(_days(connection), lambda day: day.scope)
    plans = [Plan(scope, tuple(group)) for scope, group in days]
    if not plans:
        raise InputError(_NO_PLAN)
    _require_tenants(tenants, sorted({one.scope.tenant_id for one in plans}))
    wanted = [
        one
        for one in plans
        if (not tenants or one.scope.tenant_id in tenants)
        and split in (None, one.scope.split_name)
    ]
    if not wanted:
        names = sorted({one.scope.split_name for one in plans})
        raise InputError(
            f"--split {split}: no such split is planned; there are {', '.join(names)}."
        )
    return wanted


def _require_tenants(tenants: Sequence[str], known: Sequence[str]) -> None:
    for tenant in tenants:
        if tenant not in known:
            raise InputError(
                f"--tenant {tenant}: there is no such tenant; there are "
                f"{', '.join(known)}."
            )


def _require_days(plans: Sequence[Plan], day: int | None) -> None:
    most = max(len(plan.days) for plan in plans)
    if day is not None and not 1 <= day <= most:
        raise InputError(f"Day {day}: the plan has the days 1 to {most}.")


def _known(
    connection: duckdb.DuckDBPyConnection, sql: str, values: Sequence[str] = ()
) -> list[str]:
    rows = connection.execute(f"{sql} order by all", list(values)).fetchall()
    return [name for (name,) in rows]


def _failure(day: Day) -> str:
    return (
        f"Day {day.day} of {day.scope} failed: {day.message}. The days after it wait; "
        "`--continue` runs it again and goes on."
    )


def _by_split(scopes: Iterable[Scope]) -> Iterator[tuple[str, list[Scope]]]:
    ordered = sorted(scopes, key=lambda scope: (scope.split_name, scope))
    for split_name, group in groupby(ordered, lambda scope: scope.split_name):
        yield split_name, list(group)


def _variables(
    action: str, split_name: str, scopes: Sequence[Scope]
) -> dict[str, object]:
    return {
        "batch_action": action,
        "batch_tenants": [scope.tenant_id for scope in scopes],
        "batch_split": split_name,
    }


def _select(models: Sequence[str]) -> list[str]:
    return ["run", "--select", *models]


def _project(settings: Settings, tell: Stage) -> ParsedProject:
    tell("starting dbt", 0, 0)
    return ParsedProject(settings)


def _require(settings: Settings, result: DbtResult) -> None:
    if not result.succeeded:
        lines = [f"  {one.node}: {one.message}" for one in result.failures]
        log = settings.state / "logs" / "dbt.log"
        raise BuildError("\n".join(["dbt failed:", *lines, f"dbt's log is {log}."]))
