"""``winnow rejected``: see rejected records, correct them, and load them again."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from winnow.cli.progress import stages
from winnow.cli.terminal import MOST, AsJson, Grid, Terminal, print_json, stdout
from winnow.core.visible_text import counted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from winnow.build.status import WaitingLoad
    from winnow.rejected.records import Envelope, Filters, RejectionCount
    from winnow.rejected.replay import ReplayReport

_MOST_LINES = 20

app = typer.Typer(
    help="List and export rejected records, and replay corrections.",
    no_args_is_help=True,
)

Tenant = Annotated[str | None, typer.Option(help="Only this tenant.")]
Source = Annotated[str | None, typer.Option(help="Only this source.")]
EntityName = Annotated[str | None, typer.Option(help="Only this entity.")]
Reason = Annotated[
    str | None, typer.Option(help="Only this reason, such as rating.maximum.")
]
LoadId = Annotated[str | None, typer.Option(help="Only this load.")]
Everything = Annotated[
    bool,
    typer.Option(
        "--all", help="Include corrected records, and those of replaced files."
    ),
]


@app.command(name="list")
def list_rejected(
    *,
    tenant: Tenant = None,
    source: Source = None,
    entity: EntityName = None,
    reason: Reason = None,
    load_id: LoadId = None,
    everything: Everything = False,
    limit: Annotated[
        int, typer.Option(min=1, max=MOST, help="Maximum number of lines.")
    ] = 50,
    as_json: AsJson = False,
) -> None:
    """Count rejected records of the last build, by tenant, entity and reason.

    Also names the loads that no build has judged yet.
    """
    from winnow.build.status import unjudged_loads
    from winnow.core.settings import project_settings
    from winnow.rejected.records import opened_warehouse, rejections

    filters = _filters(tenant, source, entity, reason, load_id, everything)
    with opened_warehouse(project_settings()) as connection:
        records, counts = rejections(connection, filters, limit + 1)
        waiting = [
            load
            for load in unjudged_loads(project_settings(), connection)
            if tenant in (None, load.tenant)
            and source in (None, load.source)
            and load_id in (None, load.load_id)
        ]
    if as_json:
        print_json(
            {
                "records": records,
                "counts": [asdict(count) for count in counts[:limit]],
                "waiting": [asdict(load) for load in waiting],
            }
        )
        return
    terminal = stdout()
    if records:
        _print_counts(records, counts, limit, terminal)
    else:
        terminal.say("No rejected records.")
    if waiting:
        terminal.say(_waiting_line(waiting))


def _print_counts(
    records: int, counts: Sequence[RejectionCount], limit: int, terminal: Terminal
) -> None:
    table = Grid("Rejected records")
    table.texts("tenant", "entity", "reason")
    held = ["held"] if any(count.held for count in counts[:limit]) else []
    table.numbers("records", *held)
    table.texts("for example", "its id")
    for count in counts[:limit]:
        line = "" if count.example_line is None else f", line {count.example_line}"
        table.row(
            count.tenant_id,
            f"{count.source} {count.entity}",
            count.reason,
            f"{count.records:,}",
            *(f"{count.held:,}" for _ in held),
            f"{count.example_file}{line}",
            count.example_id[:8],
        )
    terminal.print(table)
    more = "; --limit shows more lines" if len(counts) > limit else ""
    terminal.say(
        f"{counted(records, 'record')}{more}. See one with `winnow rejected show ID`, "
        "write them to a file with `winnow rejected export OUT.jsonl`."
    )
    if held:
        terminal.say(
            "Those under `held` lie in loads that the quality gate holds: `winnow "
            "status` says why, and a correction counts once its load does."
        )


def _waiting_line(waiting: Sequence[WaitingLoad]) -> str:
    records = sum(load.records for load in waiting)
    tenants = ", ".join(sorted({load.tenant for load in waiting}))
    verb = "waits" if len(waiting) == 1 else "wait"
    return (
        f"{counted(len(waiting), 'load')} ({counted(records, 'record')}; tenants: "
        f"{tenants}) {verb} for `winnow build`, which judges them."
    )


@app.command()
def show(
    rejected_id: Annotated[
        str, typer.Argument(help="Record id, or its first 8 characters.")
    ],
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print one line of JSON instead.")
    ] = False,
) -> None:
    """Show one rejected record, with its reasons and its history."""
    from winnow.core.settings import project_settings
    from winnow.rejected.records import built_warehouse, envelope

    with built_warehouse(project_settings()) as connection:
        record = envelope(connection, rejected_id)
    if as_json:
        print(record.json())
    else:
        _print_envelope(record, stdout())


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="File to write, as JSON lines.")],
    *,
    tenant: Tenant = None,
    source: Source = None,
    entity: EntityName = None,
    reason: Reason = None,
    load_id: LoadId = None,
    everything: Everything = False,
    limit: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="Maximum number of records.")
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an existing file.")
    ] = False,
) -> None:
    """Write rejected records to a file, one per line, to correct and replay."""
    from winnow.core.settings import project_settings
    from winnow.rejected.records import export

    filters = _filters(tenant, source, entity, reason, load_id, everything)
    with stages() as stage:
        written = export(
            project_settings(),
            out,
            filters,
            limit=limit,
            overwrite=overwrite,
            progress=lambda done, total: stage(f"writing {out.name}", done, total),
        )
    stdout().say(
        f"{counted(written, 'record')} in {out}. Correct what stands under `payload`, "
        f"then `winnow rejected replay {out}`."
    )


@app.command()
def replay(
    file: Annotated[
        Path,
        typer.Argument(
            help="Corrected records, as `winnow rejected export` wrote them."
        ),
    ],
) -> None:
    """Load corrected records, each exactly once; the next build judges them.

    Exit status 1 if a correction was not loaded: it changes nothing, it conflicts with
    an accepted record, it has to wait for a build, or its file was replaced.
    """
    from winnow.core.settings import project_settings
    from winnow.rejected.replay import replay

    with stages() as stage:
        report = replay(project_settings(), file, lambda what: stage(what, 0, 0))
    _print_report(report, file, stdout())
    if not report.complete:
        raise typer.Exit(1)


def _filters(
    tenant: str | None,
    source: str | None,
    entity: str | None,
    reason: str | None,
    load_id: str | None,
    everything: bool,
) -> Filters:
    from winnow.rejected.records import Filters

    return Filters(tenant, source, entity, reason, load_id, everything)


def _print_envelope(record: Envelope, terminal: Terminal) -> None:
    line = "" if record.line_number is None else f", line {record.line_number}"
    state = record.status
    if record.replayed_in:
        state += f"; newest correction in load {record.replayed_in}"
    if record.status == "replaced":
        by = f"by load {record.replaced_by}" if record.replaced_by else "since"
        state += f"; its file was loaded again {by}, and no correction is needed"
    lines = {
        "Record": record.rejected_id,
        "Correction of": record.replay_of,
        "State": state,
        "Attempts": str(record.attempts),
        "Tenant": record.tenant_id,
        "Entity": f"{record.source} {record.entity}, "
        f"contract {record.contract_version}",
        "From": f"{record.file}{line} (record {record.row_number})",
        "Received": _moment(record.received_at),
        "Loaded": f"{_moment(record.loaded_at)} by load {record.load_id}",
    }
    for name, text in lines.items():
        if text is not None:
            terminal.say(f"{name:<14} {text}")
    if record.is_held:
        terminal.say(
            f"The load is held by the quality gate, and none of its records counts: "
            f"`winnow loads show {record.load_id}` says why."
        )
    terminal.say("Rejected because")
    for violation in record.violations:
        terminal.say(f"  {violation.message}")
    if record.detail is not None:
        terminal.say(f"  {record.detail}")
    terminal.say("The record")
    if record.payload is None:
        terminal.say(f"  {record.raw_payload}")
        return
    width = max(map(len, record.payload), default=0)
    for name, value in record.payload.items():
        if value is not None:
            terminal.say(f"  {name:<{width}}  {value!r}")


def _print_report(report: ReplayReport, file: Path, terminal: Terminal) -> None:
    from winnow.rejected.replay import Outcome

    counts = [
        f"{report.count(outcome):,} {outcome.value}"
        for outcome in Outcome
        if report.count(outcome)
    ]
    terminal.say(
        f"{counted(len(report.judged), 'correction')} in {file}: {', '.join(counts)}.",
    )
    in_place = (Outcome.LOADED, Outcome.ALREADY)
    not_loaded = [judged for judged in report.judged if judged.outcome not in in_place]
    for judged in not_loaded[:_MOST_LINES]:
        terminal.say(
            f"  line {judged.correction.line_number}, {judged.outcome.value}: "
            f"{judged.message}",
        )
    if len(not_loaded) > _MOST_LINES:
        terminal.say(f"  and {len(not_loaded) - _MOST_LINES:,} more")
    if report.count(Outcome.LOADED):
        terminal.say("`winnow build` judges what was loaded.")
    for load_id in report.held:
        terminal.say(
            f"Load {load_id} is held: corrections of its records count once it does, "
            f"as after `winnow loads release {load_id}`."
        )
    if report.count(Outcome.CONFLICT):
        terminal.say("Conflicts are kept in staging.stg_winnow__replay_conflicts.")


def _moment(moment: object) -> str:
    return "not noted" if moment is None else f"{moment} UTC"
