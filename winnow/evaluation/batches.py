"""Daily batches: a tenant's test split replayed as days of traffic.

The plan and the tracker are the tables ``batches`` and ``batch_runs`` of the schema
``evaluation``. dbt makes them empty and leaves them alone; only this module writes
them. The views beside them say on which place a test row stands in the order that is
dealt (``batch_order``) and how a day's rows are judged now (``batch_judgements``).
"""

from __future__ import annotations

import csv
import datetime as dt
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import asdict, dataclass, fields
from itertools import groupby
from pathlib import Path

import duckdb

from winnow.build.dbt import ParsedProject
from winnow.core.errors import BuildError, InputError, said_of
from winnow.core.lock import OF_A_LOAD, warehouse_lock
from winnow.core.settings import Settings, project_root
from winnow.core.signals import raise_if_stopped
from winnow.warehouse.builds import unsound
from winnow.warehouse.database import connect
from winnow.warehouse.reading import has_table

DEFAULT_DAYS = 20
MOST_DAYS = 3660
DAILY_TAG = "daily_batch"
"""Models with this dbt tag are built after each day."""

MODELS = (
    *("batches", "batch_runs", "batch_order", "batch_judgements"),
    *("batch_progress", "cumulative_batches"),
)
"""The models of the schema ``evaluation`` that have to be there."""

_NOTHING_BUILT = (
    "Nothing has been built yet that has daily batches: load some data, then "
    "`winnow build`."
)
_NO_PLAN = "No daily batches have been planned; `winnow batches plan` comes first."
_OF_PLAN = "tenant_id = $tenant_id and split_name = $split_name and fold = $fold"

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
    BuildError when the last build did not go through.
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
            tell("dealing out", 0, 0)
            _deal(settings, wanted, days)
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
    ends. Raises InputError for plans or days that there are not.
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
        daily = _daily_models(settings, tell) if steps else None
        for number in sorted({one for days in due.values() for one in days}):
            scopes = [s for s in sorted(due) if number in due[s] and s not in stopped]
            tell(f"day {number}", len(ran), steps)
            for ended in _run_day(settings, number, scopes, daily):
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
        tell("resetting", 0, 0)
        with _written(settings) as connection:
            for scope in scopes:
                _forget(connection, scope, plan=forget)
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


def _deal(settings: Settings, scopes: Iterable[Scope], days: int) -> None:
    """Deal the test rows anew, like cards; what was known of their days goes."""
    with _written(settings) as connection:
        for scope in scopes:
            _forget(connection, scope, plan=True)
            connection.execute(
                "insert into evaluation.batches by name select * exclude (place), "
                "(place - 1) % $days + 1 as day, cast($days as bigint) as day_count "
                f"from evaluation.batch_order where {_OF_PLAN}",
                asdict(scope) | {"days": days},
            )


def _forget(connection: duckdb.DuckDBPyConnection, scope: Scope, *, plan: bool) -> None:
    """Take away what is known of a plan's days, and with ``plan`` its rows, too."""
    for table in ("batch_runs", *(["batches"] if plan else [])):
        connection.execute(
            f"delete from evaluation.{table} where {_OF_PLAN}", asdict(scope)
        )


def _run_day(
    settings: Settings, day: int, scopes: Sequence[Scope], daily: ParsedProject | None
) -> list[Day]:
    """Run a day of these plans, then the models of each day; how it ended for each."""
    for scope in scopes:
        started_at = _now()
        _note(settings, scope, day, {"state": "running", "started_at": started_at})
        try:
            _judge(settings, scope, day, started_at)
        except duckdb.Error as error:
            raise_if_stopped()
            _note_failure(settings, scope, day, started_at, said_of(error))
    if daily is not None and scopes:
        result = daily.run(["run", "--select", f"tag:{DAILY_TAG}"], {})
        why = "; ".join(f"{one.node}: {one.message}" for one in result.failures)
        for ended in _ended(settings, day, scopes):
            if not result.succeeded and ended.state == "done":
                assert ended.started_at is not None
                _note_failure(settings, ended.scope, day, ended.started_at, why)
    return _ended(settings, day, scopes)


def _ended(settings: Settings, day: int, scopes: Sequence[Scope]) -> list[Day]:
    with _built(settings) as connection:
        days = _days(connection)
    return [one for one in days if one.day == day and one.scope in scopes]


def _judge(settings: Settings, scope: Scope, day: int, started_at: dt.datetime) -> None:
    """Judge the rows of a day by what the warehouse has now, and note what came of it,
    in one transaction.
    """
    with _written(settings) as connection:
        judged = connection.execute(
            "select state, message, row_count, kept_count, cold_count, error_rate, "
            f"quality_score from evaluation.batch_judgements where {_OF_PLAN} "
            "and day = $day",
            asdict(scope) | {"day": day},
        )
        names = [column[0] for column in judged.description]
        [row] = judged.fetchall()
        figures = dict(zip(names, row, strict=True))
        _write_day(connection, scope, day, figures | _times(started_at, row[2]))


def _note_failure(
    settings: Settings, scope: Scope, day: int, started_at: dt.datetime, why: str
) -> None:
    counts = {"kept_count": 0, "cold_count": 0}
    outcome = {"state": "failed", "message": why[:2000]} | counts
    _note(settings, scope, day, outcome | _times(started_at, 0))


def _note(
    settings: Settings, scope: Scope, day: int, figures: Mapping[str, object]
) -> None:
    with _written(settings) as connection:
        _write_day(connection, scope, day, {"row_count": 0} | dict(figures))


def _write_day(
    connection: duckdb.DuckDBPyConnection,
    scope: Scope,
    day: int,
    figures: Mapping[str, object],
) -> None:
    """Put the row of a day in the place of the one that it had."""
    values = asdict(scope) | {"day": day}
    connection.execute(
        f"delete from evaluation.batch_runs where {_OF_PLAN} and day = $day", values
    )
    values |= figures
    connection.execute(
        f"insert into evaluation.batch_runs ({', '.join(values)}) "
        f"values ({', '.join(f'${name}' for name in values)})",
        values,
    )


def _times(started_at: dt.datetime, rows: int) -> dict[str, object]:
    """When a day ended, which is now, and how fast it was."""
    finished_at = _now()
    seconds = (finished_at - started_at).total_seconds()
    return {
        "started_at": started_at,
        "finished_at": finished_at,
        "seconds": seconds,
        "rows_per_second": rows / seconds if rows and seconds > 0 else None,
    }


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC).replace(tzinfo=None)


def _daily_models(settings: Settings, tell: Stage) -> ParsedProject | None:
    """The project, where it has models of each day. dbt takes seconds to read it, so
    that it is only asked where a file of the project has the tag's name.
    """
    root = project_root(settings)
    files = (root / "dbt_project.yml", *(root / "models").rglob("*.*"))
    if not any(DAILY_TAG.encode() in one.read_bytes() for one in files):
        return None
    tell("starting dbt", 0, 0)
    project = ParsedProject(settings)
    return project if project.tagged(DAILY_TAG) else None


@contextmanager
def _built(
    settings: Settings, *, write: bool = False
) -> Iterator[duckdb.DuckDBPyConnection]:
    if not settings.warehouse.exists():
        raise InputError(_NOTHING_BUILT)
    with closing(
        connect(settings.warehouse, read_only=not write, config=settings.duckdb_options)
    ) as connection:
        if not all(has_table(connection, "evaluation", name) for name in MODELS):
            raise InputError(_NOTHING_BUILT)
        yield connection


@contextmanager
def _written(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A transaction, which holds once all of it has gone through."""
    with _built(settings, write=True) as connection:
        connection.begin()
        yield connection
        connection.commit()


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
