"""``winnow export`` and ``winnow publish``: for trainers and for readers."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from winnow.cli.progress import stages
from winnow.cli.terminal import (
    MOST,
    AsJson,
    Grid,
    Terminal,
    per_second,
    print_json,
    stdout,
)
from winnow.core.errors import BuildError, InputError
from winnow.core.failures import explained

if TYPE_CHECKING:
    from winnow.export.files import ExportReport
    from winnow.publish.generations import Publication
    from winnow.publish.lake import LakeReport


def export(
    out: Annotated[Path, typer.Argument(help="Folder to write; new or empty.")],
    *,
    tenant: Annotated[
        list[str] | None, typer.Option(help="Only this tenant. May be repeated.")
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="File format: parquet, csv or recbole.")
    ] = "parquet",
    what: Annotated[
        str | None,
        typer.Option(
            help="Table to write: examples, sequences, positives, negatives, "
            "split_assignments, interactions, users, items, interaction_features, "
            "user_features, item_features, user_recent_items or "
            "user_category_affinity.",
            show_default="examples; interactions for recbole",
        ),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(
            help="Only this split: train, validation or test. May be repeated."
        ),
    ] = None,
    split_name: Annotated[
        str | None,
        typer.Option(help="Only this split method, for tables with several."),
    ] = None,
    fold: Annotated[
        int | None, typer.Option(min=0, max=MOST, help="Only this fold.")
    ] = None,
    pad_left: Annotated[
        bool,
        typer.Option(
            "--pad-left", help="Pad sequences to one length, with 0 on the left."
        ),
    ] = False,
    pad_to: Annotated[
        int | None,
        typer.Option(
            help="Length to pad to.", show_default="the tenants' sequence_length"
        ),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier export.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Write a table for training: Parquet or CSV by tenant and split, or RecBole."""
    from winnow.core.settings import project_settings
    from winnow.export.files import ExportRequest, export

    request = ExportRequest(
        what=what,
        format=format_,
        tenants=tenant or (),
        splits=split or (),
        split_name=split_name,
        fold=fold,
        pad_left=pad_left,
        pad_to=pad_to,
    )
    with stages() as stage:

        def progress(what: str, percent: float) -> None:
            done = max(0, int(percent))
            stage(f"writing {request.table}: {what}", done, 100 if done else 0)

        report = export(
            project_settings(), out, request, overwrite=overwrite, progress=progress
        )
    if as_json:
        print_json(_export_document(report))
    else:
        _print_export(report, stdout())


def publish(
    *,
    lake: Annotated[
        str | None,
        typer.Option(
            help="Write Parquet files to this folder or s3://bucket/prefix.",
            show_default="the landing lake",
        ),
    ] = None,
    no_lake: Annotated[
        bool, typer.Option("--no-lake", help="Write no Parquet files.")
    ] = False,
    keep: Annotated[
        int | None,
        typer.Option(
            max=MOST,
            help="Number of generations to keep.",
            show_default="WINNOW_KEEP_GENERATIONS, or 3",
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Publish the warehouse for readers, and its layers as Parquet files."""
    from winnow.core.settings import project_settings
    from winnow.publish.generations import publish
    from winnow.publish.lake import export_lake
    from winnow.publish.storage import place_of

    if no_lake and lake is not None:
        raise InputError("--lake and --no-lake: give one of them.")
    here = project_settings()
    with stages() as stage:
        # A place that cannot be used is found before anything is published.
        place = None if no_lake else place_of(here, lake)
        publication = publish(here, keep=keep, progress=stage)
        try:
            report = export_lake(here, place, stage) if place is not None else None
        except Exception as error:
            is_said = isinstance(error, InputError | BuildError)
            said = str(error) if is_said else explained(error)
            if said is None:
                raise
            raise InputError(
                f"Generation {publication.generation} is published, but the lake has "
                f"not followed; `winnow publish` tries again: {said}"
            ) from error
    if as_json:
        lake_report = None if report is None else asdict(report)
        print_json(asdict(publication) | {"lake": lake_report})
    else:
        _print_publication(publication, report, stdout())


def _export_document(report: ExportReport) -> dict[str, Any]:
    """The report with the counts as a list: JSON has no keys of several values."""
    counts = [
        dict(zip(report.keys, values, strict=True)) | {"rows": rows}
        for values, rows in sorted(report.rows.items())
    ]
    return asdict(report) | {"rows": counts}


def _print_export(report: ExportReport, terminal: Terminal) -> None:
    table = Grid(f"Exported to {report.out}")
    table.texts(*report.keys)
    table.numbers("rows")
    for values, rows in sorted(report.rows.items()):
        table.row(*values, f"{rows:,}")
    terminal.print(table)
    rows = sum(report.rows.values())
    size = sum(file.size for file in report.files)
    terminal.say(
        f"{rows:,} rows in {len(report.files)} files, {size / 1e6:,.1f} MB, in "
        f"{report.seconds:.1f} s ({per_second(rows, report.seconds)} rows/s)."
    )
    if report.note is not None:
        terminal.say(report.note)


def _print_publication(
    publication: Publication, report: LakeReport | None, terminal: Terminal
) -> None:
    table = Grid(f"Published {publication.path}")
    table.texts("")
    table.numbers("generation", "tables", "files", "rows", "MB", "seconds")
    table.row(
        "warehouse",
        str(publication.generation),
        str(len(publication.tables)),
        "1",
        f"{sum(publication.tables.values()):,}",
        f"{publication.size / 1e6:,.1f}",
        f"{publication.seconds:.1f}",
    )
    if report is not None:
        table.row(
            "lake",
            str(report.generation),
            str(report.tables),
            f"{report.files:,}",
            f"{report.rows:,}",
            f"{report.size / 1e6:,.1f}",
            f"{report.seconds:.1f}",
        )
    terminal.print(table)
    if report is not None:
        terminal.say(f"Lake: {report.place}")
