"""``winnow build``, what tells of it (status, docs, metrics), and sample data."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from winnow.cli.progress import rows_written, stages
from winnow.cli.terminal import MOST, AsJson, Grid, Terminal, print_json, stdout

if TYPE_CHECKING:
    from winnow.build.build import BuildReport
    from winnow.core.settings import Settings


def sample_data(
    out: Annotated[Path, typer.Argument(help="Folder to write to.")],
    users: Annotated[int, typer.Option(max=10**8, help="Number of users.")] = 10_000,
    items: Annotated[int, typer.Option(max=10**8, help="Number of items.")] = 5_000,
    interactions: Annotated[
        int, typer.Option(max=10**10, help="Number of clean interactions.")
    ] = 100_000,
    days: Annotated[int, typer.Option(help="Number of days that they span.")] = 90,
    seed: Annotated[
        int,
        typer.Option(
            max=MOST, help="Random seed; the same seed writes the same files."
        ),
    ] = 7,
    dirty_share: Annotated[
        float,
        typer.Option(help="Dirty rows of each kind, as a share of the clean rows."),
    ] = 0.01,
) -> None:
    """Write sample shop data with dirty rows, for canonical and recomart."""
    from winnow.demo.sample_data import SampleSize, write_sample_data

    size = SampleSize(users, items, interactions, days, seed, dirty_share)
    with rows_written(f"writing {out}") as report:
        manifest = write_sample_data(out, size, report)
    table = Grid(f"Sample data in {out}")
    table.texts("file", "source", "entity")
    table.numbers("records", "dirty", "duplicates")
    for name, file in manifest["files"].items():
        table.row(
            name,
            file["source"],
            file["entity"],
            f"{file['records']:,}",
            f"{sum(file['rejected'].values()):,}",
            f"{file['duplicates']:,}",
        )
    stdout().print(table)


def build(
    *,
    select: Annotated[
        list[str] | None,
        typer.Option(help="Build only these dbt nodes. May be repeated."),
    ] = None,
    tenant: Annotated[
        str | None,
        typer.Option(help="Take in new loads of this tenant only."),
    ] = None,
    full: Annotated[
        bool, typer.Option("--full", help="Build even if nothing has changed.")
    ] = False,
    docs: Annotated[
        bool, typer.Option("--docs", help="Write the docs site as well.")
    ] = False,
) -> None:
    """Build, test and publish every layer.

    If nothing has changed since the last build, says so and builds nothing. Exit
    status 1 if the build fails, or if a load is held.
    """
    from winnow.build import build as building
    from winnow.cli.report import print_held
    from winnow.core.settings import project_settings

    here = project_settings()
    with stages() as stage:
        report = building.build(here, select or (), stage, tenant, full)
        if docs:
            stage("writing the docs site", 0, 0)
            building.write_docs(here)
    terminal = stdout()
    if report.unchanged is not None:
        terminal.say(
            "Nothing has changed since the last build, which "
            f"{report.unchanged.outcome}. `winnow build --full` builds all of it anew."
        )
    else:
        _print_build(here, report, terminal)
        if report.publication is None and not select:
            terminal.say(
                "Nothing that is loaded counts, so that nothing was published."
            )
    if report.gate.held:
        print_held(report.gate.held, terminal)
        raise typer.Exit(1)


def _print_build(here: Settings, report: BuildReport, terminal: Terminal) -> None:
    """Print what a build has made."""
    from winnow.build.quality import latest_metrics
    from winnow.cli.report import print_metrics, print_reports, tenant_reports

    reports = tenant_reports(here.warehouse)
    if reports:
        print_reports(reports, terminal, report.seconds)
    print_metrics(latest_metrics(here.warehouse), terminal)
    for failure in report.gate.warnings:
        terminal.say(f"Close to the gate's limit: {failure.message}")
    for warning in report.warnings:
        terminal.say(*f"Warning: {warning.message}".splitlines())
    for sentence in (*report.predictions, *report.suspicions):
        terminal.say(f"Warning: {sentence}")
    _print_places(here, terminal)


def write_docs_site() -> None:
    """Write the docs site, and the Data Docs of the last build.

    The docs site is dbt's, as one page that needs no network. The Data Docs come with
    Great Expectations suites.
    """
    from winnow.build.build import DATA_DOCS, write_docs
    from winnow.core.settings import project_settings

    here = project_settings()
    with stages() as stage:
        stage("writing the docs site", 0, 0)
        write_docs(here)
    stdout().say(
        f"Docs site: {here.target / 'static_index.html'}",
        f"Data Docs: {here.target / DATA_DOCS / 'index.html'}",
    )


def status(*, as_json: AsJson = False) -> None:
    """Show the last build's summary, loads that wait, and output paths."""
    from winnow.build.quality import latest_metrics
    from winnow.build.status import lines, standing
    from winnow.cli.report import print_metrics, print_reports, tenant_reports
    from winnow.core.settings import project_settings

    here, terminal = project_settings(), stdout()
    standing_now = standing(here)
    # Tables that do not belong together tell of nothing that was built.
    is_sound = standing_now.busy is None and standing_now.unpublishable is None
    reports = tenant_reports(here.warehouse) if is_sound else []
    metrics_of = latest_metrics(here.warehouse) if reports else []
    if as_json:
        print_json(
            {
                "tenants": [asdict(report) for report in reports],
                "metrics": [asdict(metric) for metric in metrics_of],
                "places": _places(here),
                **asdict(standing_now),
                "is_publishable": is_sound and standing_now.build is not None,
            }
        )
        return
    if reports:
        print_reports(reports, terminal)
        print_metrics(metrics_of, terminal)
    terminal.say(*lines(standing_now))
    _print_places(here, terminal)


def metrics(
    out: Annotated[
        Path | None,
        typer.Option(help="Write to this file, such as one of the node exporter's."),
    ] = None,
) -> None:
    """Print the last build's metrics in Prometheus text format."""
    from winnow.build import metrics as gauges
    from winnow.core.settings import project_settings

    if out is None:
        print(gauges.text(project_settings()), end="")
    else:
        gauges.write(project_settings(), out)


def _places(here: Settings) -> dict[str, Path]:
    """Where what was built is, as far as it is there."""
    from winnow.publish.published import current_generation, generation_path

    generation = current_generation(here.published) or 0
    places = {
        "Warehouse": here.warehouse,
        "Published": generation_path(here.published, generation),
        "Data Docs": here.target / "data_docs" / "index.html",
        "Docs site": here.target / "static_index.html",
        "Landing lake": here.lake,
    }
    return {name: path for name, path in places.items() if path.exists()}


def _print_places(here: Settings, terminal: Terminal) -> None:
    terminal.say(*(f"{name:<13} {path}" for name, path in _places(here).items()))
