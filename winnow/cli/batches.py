"""``winnow batches``: a test split replayed as days of traffic."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress_bar import ProgressBar
from rich.text import Text

from winnow.cli.progress import stages
from winnow.cli.terminal import MOST, AsJson, Grid, Terminal, print_json, stdout, text
from winnow.core.errors import BuildError, InputError
from winnow.core.visible_text import counted

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from winnow.evaluation.batches import Day, Plan, RunReport

_BAR_WIDTH = 10
_COLOURS = {"planned": "dim", "running": "yellow", "done": "green", "failed": "red"}

app = typer.Typer(
    help="Replay a test split as days of traffic.",
    no_args_is_help=True,
)

Tenants = Annotated[
    list[str] | None,
    typer.Option("--tenant", help="Only this tenant. May be repeated."),
]
SplitName = Annotated[
    str | None,
    typer.Option("--split", help="Only this split.", show_default="all planned ones"),
]
KeepOn = Annotated[
    bool, typer.Option("--continue", help="Run failed days again, then go on.")
]


@app.command()
def plan(
    *,
    days: Annotated[
        int | None,
        typer.Option(help="Number of days.", show_default="20, or 1 / fraction"),
    ] = None,
    fraction: Annotated[
        float | None,
        typer.Option(
            help="Share of the test split for each day.", show_default="1 / days"
        ),
    ] = None,
    tenants: Tenants = None,
    split: Annotated[
        str | None,
        typer.Option(help="Split to plan.", show_default="each tenant's first"),
    ] = None,
) -> None:
    """Assign each test row of a split to one day, by a hash."""
    from winnow.core.settings import project_settings
    from winnow.evaluation import batches

    day_count = batches.day_count(days, fraction)
    with stages() as stage:
        plans = batches.plan(
            project_settings(),
            day_count,
            tenants=tenants or (),
            split=split,
            stage=stage,
        )
    table = Grid("Daily batches")
    table.texts("tenant", "split", "")
    table.numbers("fold", "days", "test rows", "rows a day")
    for day_plan in plans:
        sizes = sorted({day.rows for day in day_plan.days})
        table.row(
            day_plan.scope.tenant_id,
            day_plan.scope.split_name,
            "planned" if day_plan.is_new else "as it was",
            str(day_plan.scope.fold),
            f"{len(day_plan.days):,}",
            f"{day_plan.rows:,}",
            " or ".join(f"{size:,}" for size in sizes),
        )
    stdout().print(table)


@app.command()
def status(
    *, tenants: Tenants = None, split: SplitName = None, as_json: AsJson = False
) -> None:
    """Show every planned day: its state, speed and quality."""
    from winnow.core.settings import project_settings
    from winnow.evaluation import batches

    plans = batches.status(project_settings(), tenants=tenants or (), split=split)
    if as_json:
        print_json([asdict(day_plan) for day_plan in plans])
        return
    terminal = stdout()
    for day_plan in plans:
        _print_plan(day_plan, terminal)


@app.command()
def run(
    *,
    day: Annotated[
        int | None,
        typer.Option(
            min=1,
            max=MOST,
            help="Day to run; 1 is the first.",
            show_default="the next one",
        ),
    ] = None,
    tenants: Tenants = None,
    split: SplitName = None,
    keep_on: KeepOn = False,
) -> None:
    """Run one day. A day that is done is not run again.

    Exit status 1 if the day fails, or if an earlier one has failed.
    """
    _run(day=day, until=None, tenants=tenants, split=split, keep_on=keep_on)


@app.command()
def simulate(
    *,
    days: Annotated[
        int | None,
        typer.Option(min=1, max=MOST, help="Last day to run.", show_default="all"),
    ] = None,
    tenants: Tenants = None,
    split: SplitName = None,
    keep_on: KeepOn = False,
) -> None:
    """Run many days, one after the other. Days that are done are not run again.

    Exit status 1 if a day fails; the days after it wait.
    """
    _run(
        day=None,
        until=_all_days(tenants, split) if days is None else days,
        tenants=tenants,
        split=split,
        keep_on=keep_on,
    )


@app.command()
def reset(
    *,
    tenants: Tenants = None,
    split: SplitName = None,
    forget: Annotated[
        bool, typer.Option("--forget", help="Delete the plan as well.")
    ] = False,
) -> None:
    """Set every day back to planned; keep the plan."""
    from winnow.core.settings import project_settings
    from winnow.evaluation import batches

    with stages() as stage:
        scopes = batches.reset(
            project_settings(),
            tenants=tenants or (),
            split=split,
            forget=forget,
            stage=stage,
        )
    for scope in scopes:
        what = "the plan is forgotten" if forget else "all days are planned again"
        stdout().say(f"{_capital(str(scope))}: {what}.")


@app.command()
def daily(
    *,
    day: Annotated[
        str, typer.Option(help="Day to run; empty for the next one of each plan.")
    ] = "",
    simulate: Annotated[
        str, typer.Option(help="Run all days up to this one instead.")
    ] = "",
    out: Annotated[Path, typer.Option(help="Folder for the results.")] = Path(
        "batch-results"
    ),
    keep_on: KeepOn = False,
) -> None:
    """Run the nightly job: plan, run a day, write the results, and publish.

    Exit status 1 if a day fails; the results are written even then.
    """
    from winnow.core.settings import project_settings
    from winnow.evaluation import batches
    from winnow.publish.generations import publish

    wanted_day = _whole_number("--day", day)
    until = _whole_number("--simulate", simulate)
    if wanted_day is not None and until is not None:
        raise InputError("--day and --simulate: give one of them.")
    here, terminal = project_settings(), stdout()
    with stages() as stage:
        batches.plan_missing(here, stage=stage)
        report = batches.run(
            here, day=wanted_day, until=until, keep_on=keep_on, stage=stage
        )
        files = batches.write_results(here, out)
        publication = publish(here, progress=stage) if report.ran else None
    _print_run(report, terminal)
    terminal.say(*(f"Results   {file}" for file in files))
    if publication is not None:
        terminal.say(f"Published {publication.path}")
    _stop_where_stopped(report)


def _run(
    *,
    day: int | None,
    until: int | None,
    tenants: list[str] | None,
    split: str | None,
    keep_on: bool,
) -> None:
    from winnow.core.settings import project_settings
    from winnow.evaluation import batches

    with stages() as stage:
        report = batches.run(
            project_settings(),
            day=day,
            until=until,
            tenants=tenants or (),
            split=split,
            keep_on=keep_on,
            stage=stage,
        )
    _print_run(report, stdout())
    _stop_where_stopped(report)


def _all_days(tenants: list[str] | None, split: str | None) -> int:
    from winnow.core.settings import project_settings
    from winnow.evaluation import batches

    plans = batches.plans(project_settings(), tenants=tenants or (), split=split)
    return max(len(day_plan.days) for day_plan in plans)


def _stop_where_stopped(report: RunReport) -> None:
    if report.stopped:
        raise BuildError("\n".join(report.stopped))


def _whole_number(option: str, text: str) -> int | None:
    if not text.strip():
        return None
    try:
        return int(text)
    except ValueError:
        raise InputError(f"{option} {text}: this is no whole number.") from None


def _print_run(report: RunReport, terminal: Terminal) -> None:
    if not report.ran:
        if not report.stopped:
            terminal.say("Nothing to run: the days that were asked for are done.")
        return
    table = _day_table("Days that were run", "tenant, split")
    for day in report.ran:
        table.row(f"{day.tenant_id}, {day.split_name}", *_cells(day))
    terminal.print(table)
    count = len(report.ran)
    terminal.say(
        f"{counted(count, 'day')} in {report.seconds:.1f} s, "
        f"{report.seconds / count:.2f} s each."
    )


def _print_plan(plan: Plan, terminal: Terminal) -> None:
    done = sum(day.rows for day in plan.done)
    table = _day_table(
        f"{_capital(str(plan.scope))}, fold {plan.scope.fold}: {len(plan.done)} of "
        f"{len(plan.days)} days done, {done:,} of {plan.rows:,} rows",
        "in so far",
    )
    for day, share in zip(plan.days, _shares(plan.days), strict=True):
        colour = _COLOURS[day.state]
        bar = ProgressBar(
            total=1,
            completed=share if day.state == "done" else 0,
            width=_BAR_WIDTH,
            complete_style=colour,
            finished_style=colour,
        )
        table.row(bar, *_cells(day))
    terminal.print(table)
    for day in plan.days:
        if day.message is not None:
            terminal.say(f"Day {day.day}, {day.state}: {day.message}.")
    if plan.lost_rows or plan.new_rows:
        terminal.say(
            f"The test split has changed since the plan: {plan.lost_rows:,} rows are "
            f"gone, {plan.new_rows:,} are new and on no day. `winnow batches reset` "
            "and `plan` deal it out anew."
        )


def _shares(days: Sequence[Day]) -> Iterable[float]:
    """Of each day, the share of all rows that is in when it is done."""
    total, done = max(sum(day.rows for day in days), 1), 0
    for day in days:
        done += day.rows if day.state == "done" else 0
        yield done / total


def _day_table(title: str, first: str) -> Grid:
    table = Grid(title)
    table.texts(first)
    table.numbers("day")
    table.texts("state")
    table.numbers("rows", "cold", "seconds", "rows/s", "errors", "quality")
    return table


def _cells(day: Day) -> list[str | Text]:
    return [
        str(day.day),
        text(day.state, _COLOURS[day.state]),
        f"{day.rows:,}",
        _number(day.cold_count, ",d"),
        _number(day.seconds, ".2f"),
        _number(day.rows_per_second, ",.0f"),
        _number(day.error_rate, ".4f"),
        _number(day.quality_score, ".4f"),
    ]


def _number(value: float | None, how: str) -> str:
    return "-" if value is None else format(value, how)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
