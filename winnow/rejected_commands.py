"""``winnow rejected``: see refused records, correct them, and load them again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

if TYPE_CHECKING:
    from winnow.rejected import Envelope, Filters
    from winnow.replay import ReplayReport

_MOST_LINES = 20
_WIDTH = 112

app = typer.Typer(
    help="Refused records: see them, correct them, load them again.",
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
        "--all", help="Those with an accepted or a newer, refused correction too."
    ),
]


@app.command(name="list")
def list_refused(
    *,
    tenant: Tenant = None,
    source: Source = None,
    entity: EntityName = None,
    reason: Reason = None,
    load_id: LoadId = None,
    everything: Everything = False,
    limit: Annotated[int, typer.Option(min=1, help="Lines at most.")] = 50,
) -> None:
    """Count the refused records of the last build by tenant, entity and reason."""
    from ingest.settings import settings
    from winnow.rejected import built_warehouse, record_count, refusal_counts

    filters = _filters(tenant, source, entity, reason, load_id, everything)
    with built_warehouse(settings()) as connection:
        records = record_count(connection, filters)
        counts = refusal_counts(connection, filters, limit + 1)
    console = Console()
    if not records:
        console.print("No refused records.")
        return
    table = Table(title="Refused records", title_justify="left")
    for heading in ("tenant", "entity", "reason"):
        table.add_column(heading, overflow="fold")
    table.add_column("records", justify="right")
    for heading in ("for example", "its id"):
        table.add_column(heading, overflow="fold")
    for one in counts[:limit]:
        line = "" if one.example_line is None else f", line {one.example_line}"
        table.add_row(
            one.tenant_id,
            f"{one.source} {one.entity}",
            one.reason,
            f"{one.records:,}",
            f"{one.example_file}{line}",
            one.example_id[:8],
        )
    console.width = max(console.width, _WIDTH)
    console.print(table)
    more = "; --limit shows more lines" if len(counts) > limit else ""
    console.print(
        f"{_counted(records, 'record')}{more}. See one with `winnow rejected show ID`, "
        "write them to a file with `winnow rejected export OUT.jsonl`.",
        soft_wrap=True,
    )


@app.command()
def show(
    rejected_id: Annotated[
        str, typer.Argument(help="The record's id, or its first 8 characters.")
    ],
    *,
    as_json: Annotated[
        bool, typer.Option("--json", help="As one line of JSON.")
    ] = False,
) -> None:
    """Show one refused record and all that is known about it."""
    from ingest.settings import settings
    from winnow.rejected import built_warehouse, envelope

    with built_warehouse(settings()) as connection:
        found = envelope(connection, rejected_id)
    if as_json:
        print(found.json())
    else:
        _print_envelope(found, Console())


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="The file to write, JSON lines.")],
    *,
    tenant: Tenant = None,
    source: Source = None,
    entity: EntityName = None,
    reason: Reason = None,
    load_id: LoadId = None,
    everything: Everything = False,
    limit: Annotated[int | None, typer.Option(min=1, help="Records at most.")] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace the file.")
    ] = False,
) -> None:
    """Write refused records to a file, one per line, to be corrected and replayed."""
    from ingest.settings import settings
    from winnow.cli import _stages
    from winnow.rejected import export

    filters = _filters(tenant, source, entity, reason, load_id, everything)
    with _stages(Console(stderr=True)) as stage:
        written = export(
            settings(),
            out,
            filters,
            limit=limit,
            overwrite=overwrite,
            progress=lambda done, total: stage(f"writing {out.name}", done, total),
        )
    Console().print(
        f"{_counted(written, 'record')} in {out}. Correct what stands under `payload`, "
        f"then `winnow rejected replay {out}`.",
        soft_wrap=True,
    )


@app.command()
def replay(
    file: Annotated[
        Path, typer.Argument(help="Corrected records, as `export` wrote them.")
    ],
) -> None:
    """Load corrected records again, exactly once; the next build judges them.

    Exit status 1 when a correction was not loaded because it changes nothing, is in
    conflict with an accepted record, or has to wait for a build.
    """
    from ingest.settings import settings
    from winnow.cli import _stages
    from winnow.replay import replay

    with _stages(Console(stderr=True)) as stage:
        report = replay(settings(), file, lambda what: stage(what, 0, 0))
    _print_report(report, file, Console())
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
    from winnow.rejected import Filters

    return Filters(tenant, source, entity, reason, load_id, everything)


def _print_envelope(found: Envelope, console: Console) -> None:
    line = "" if found.line_number is None else f", line {found.line_number}"
    state = found.status
    if found.replayed_in:
        state += f"; newest correction in load {found.replayed_in}"
    lines = {
        "Record": found.rejected_id,
        "Correction of": found.replay_of,
        "State": state,
        "Attempts": str(found.attempts),
        "Tenant": found.tenant_id,
        "Entity": f"{found.source} {found.entity}, contract {found.contract_version}",
        "From": f"{found.file}{line} (record {found.row_number})",
        "Received": _moment(found.received_at),
        "Loaded": f"{_moment(found.loaded_at)} by load {found.load_id}",
    }
    for name, text in lines.items():
        if text is not None:
            _print_line(console, f"{name:<14} {text}")
    console.print("Refused because")
    for one in found.violations:
        _print_line(console, f"  {one.message}")
    if found.detail is not None:
        _print_line(console, f"  {found.detail}")
    console.print("The record")
    if found.payload is None:
        _print_line(console, f"  {found.raw_payload}")
        return
    width = max(map(len, found.payload), default=0)
    for name, value in found.payload.items():
        if value is not None:
            _print_line(console, f"  {name:<{width}}  {value!r}")


def _print_report(report: ReplayReport, file: Path, console: Console) -> None:
    from winnow.replay import Outcome

    counts = [
        f"{report.count(outcome):,} {outcome.value}"
        for outcome in Outcome
        if report.count(outcome)
    ]
    _print_line(
        console,
        f"{_counted(len(report.judged), 'correction')} in {file}: {', '.join(counts)}.",
    )
    in_place = (Outcome.LOADED, Outcome.ALREADY)
    told = [one for one in report.judged if one.outcome not in in_place]
    for one in told[:_MOST_LINES]:
        _print_line(
            console,
            f"  line {one.correction.line_number}, {one.outcome.value}: {one.message}",
        )
    if len(told) > _MOST_LINES:
        console.print(f"  and {len(told) - _MOST_LINES:,} more")
    if report.count(Outcome.LOADED):
        console.print("`winnow build` judges what was loaded.")
    if report.count(Outcome.CONFLICT):
        console.print("Conflicts are kept in staging.stg_winnow__replay_conflicts.")


def _print_line(console: Console, text: str) -> None:
    """One line as it is: values of records are no markup."""
    console.print(text, markup=False, highlight=False, soft_wrap=True)


def _moment(moment: object) -> str:
    return "not noted" if moment is None else f"{moment} UTC"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}{'' if count == 1 else 's'}"
