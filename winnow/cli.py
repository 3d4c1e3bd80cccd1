"""The command line."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    Progress,
    ProgressColumn,
    SpinnerColumn,
    Task,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table
from rich.text import Text

from ingest.errors import BuildError, InputError
from winnow.batches_commands import app as batches_app
from winnow.dashboard_command import dashboard
from winnow.evaluate_commands import evaluate
from winnow.rejected_commands import app as rejected_app

if TYPE_CHECKING:
    from ingest.pipeline import LoadResult
    from ingest.settings import Settings
    from ingest.sources import ReadOptions
    from winnow.export import ExportReport
    from winnow.lake import LakeReport
    from winnow.publish import Publication

# Heavy modules (Arrow, DuckDB, dlt, dbt) are imported by the commands that need them,
# so that help is there at once.

app = typer.Typer(
    name="winnow",
    help="From raw user-item interaction logs to training data.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

app.add_typer(rejected_app, name="rejected")
app.command()(evaluate)
app.add_typer(batches_app, name="batches")
app.command()(dashboard)


@app.callback()
def _winnow() -> None:
    """From raw user-item interaction logs to training data."""


# The options that `load` and `validate` share.
_Source = Annotated[
    str, typer.Argument(help="movielens, microlens, recomart or canonical.")
]
_Path = Annotated[str, typer.Argument(help="A file, a folder or a quoted glob.")]
_Tenant = Annotated[
    str | None,
    typer.Option(help="Whose data it is; the source's name, or `default`."),
]
_Entity = Annotated[
    str | None, typer.Option(help="What the files hold, such as interactions.")
]
_Limit = Annotated[
    int | None, typer.Option(help="Take the first so many records of each file.")
]
_ColumnMap = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="COLUMN=THEIRS",
        help="Which column of the file fills a column of the contract: its name, or "
        "its position from 1. Several with commas, or given again; COLUMN= fills it "
        "with nothing.",
    ),
]
_Delimiter = Annotated[
    str | None, typer.Option(help=r"What parts the fields; \t for a tab.")
]
_Encoding = Annotated[str | None, typer.Option(help="Such as utf-8 or latin-1.")]
_Header = Annotated[
    bool | None,
    typer.Option("--header/--no-header", help="Whether line 1 names the columns."),
]
_Dates = Annotated[
    str | None,
    typer.Option(help="How dates such as 12/1/2010 are written: mdy, dmy or ymd."),
]
_Ignore = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="A column of the file, or of the contract, that is left out. May be "
        "given again.",
    ),
]
_SkipLines = Annotated[
    int | None, typer.Option(min=0, help="Leave out so many lines at the begin.")
]
_Quoting = Annotated[
    bool | None,
    typer.Option(
        "--quoting/--no-quoting", help='Whether " encloses fields, or is plain text.'
    ),
]
_DecimalComma = Annotated[
    bool | None,
    typer.Option("--decimal-comma", help="Numbers are written 1.234,5."),
]
_Recursive = Annotated[
    bool, typer.Option("--recursive", help="Take the files of subfolders, too.")
]


@app.command()
def load(
    source: _Source,
    path: _Path,
    *,
    tenant: _Tenant = None,
    entity: _Entity = None,
    limit: _Limit = None,
    column_map: _ColumnMap = None,
    delimiter: _Delimiter = None,
    encoding: _Encoding = None,
    header: _Header = None,
    skip_lines: _SkipLines = None,
    quoting: _Quoting = None,
    decimal_comma: _DecimalComma = None,
    ignore: _Ignore = None,
    dates: _Dates = None,
    recursive: _Recursive = False,
) -> None:
    """Load files into the raw tables and the landing lake, exactly once."""
    from ingest.pipeline import load as load_files

    options = _read_options(
        column_map,
        ignore,
        delimiter=delimiter,
        encoding=encoding,
        header=header,
        skip_lines=skip_lines,
        quoting=quoting,
        decimal_comma=decimal_comma,
        dates=dates,
    )
    with LoadProgress(Console(stderr=True)) as progress:
        result = load_files(
            source,
            path,
            tenant=tenant,
            entity=entity,
            limit=limit,
            options=options,
            recursive=recursive,
            progress=progress,
        )
    _print_load(result, Console())
    _warn_of_predictions(result, Console())


@app.command()
def validate(
    source: _Source,
    path: _Path,
    *,
    tenant: _Tenant = None,
    entity: _Entity = None,
    limit: _Limit = None,
    column_map: _ColumnMap = None,
    delimiter: _Delimiter = None,
    encoding: _Encoding = None,
    header: _Header = None,
    skip_lines: _SkipLines = None,
    quoting: _Quoting = None,
    decimal_comma: _DecimalComma = None,
    ignore: _Ignore = None,
    dates: _Dates = None,
    recursive: _Recursive = False,
    docs: Annotated[
        Path | None,
        typer.Option(help="The folder for the Data Docs; new, empty or theirs."),
    ] = None,
) -> None:
    """Say what the quality gate would say of files, rule by rule; load nothing.

    Exit status 0 when a build would go on, 1 when the gate would stop it, 2 when the
    files cannot be used at all.
    """
    from winnow.report import print_validation
    from winnow.validation import validate

    options = _read_options(
        column_map,
        ignore,
        delimiter=delimiter,
        encoding=encoding,
        header=header,
        skip_lines=skip_lines,
        quoting=quoting,
        decimal_comma=decimal_comma,
        dates=dates,
    )
    with LoadProgress(Console(stderr=True)) as progress:
        report = validate(
            source,
            path,
            tenant=tenant,
            entity=entity,
            limit=limit,
            options=options,
            recursive=recursive,
            docs=docs,
            progress=progress,
        )
    print_validation(report, Console())
    if not report.passed:
        raise typer.Exit(1)


@app.command()
def sample_data(
    out: Annotated[Path, typer.Argument(help="The folder to write to.")],
    users: Annotated[int, typer.Option(help="Users.")] = 10_000,
    items: Annotated[int, typer.Option(help="Items of the catalogue.")] = 5_000,
    interactions: Annotated[int, typer.Option(help="Clean interactions.")] = 100_000,
    days: Annotated[int, typer.Option(help="Days that the interactions span.")] = 90,
    seed: Annotated[int, typer.Option(help="Same seed, same bytes.")] = 7,
    dirty_share: Annotated[
        float, typer.Option(help="Dirty rows of each kind, as a share of the clean.")
    ] = 0.01,
) -> None:
    """Write made-up shop data, dirt included, for canonical and recomart."""
    from ingest.sample_data import (
        SampleSize,
        write_sample_data,
    )

    size = SampleSize(users, items, interactions, days, seed, dirty_share)
    with _progress(Console(stderr=True)) as bar:
        task = bar.add_task(f"writing {out}", total=None)

        def report(written: int, total: int) -> None:
            bar.update(task, completed=written, total=total, rows=written)

        manifest = write_sample_data(out, size, report)
    table = Table(title=f"Sample data in {out}", title_justify="left")
    for heading in ("file", "source", "entity"):
        table.add_column(heading, overflow="fold")
    for heading in ("records", "dirty", "duplicates"):
        table.add_column(heading, justify="right")
    for name, file in manifest["files"].items():
        table.add_row(
            name,
            file["source"],
            file["entity"],
            f"{file['records']:,}",
            f"{sum(file['rejected'].values()):,}",
            f"{file['duplicates']:,}",
        )
    Console().print(table)


@app.command()
def build(
    *,
    select: Annotated[
        list[str] | None,
        typer.Option(help="Build only these nodes (dbt's selection). May be repeated."),
    ] = None,
    docs: Annotated[
        bool, typer.Option("--docs", help="Write the docs site afterwards.")
    ] = False,
) -> None:
    """Gate the raw tables, build and test every layer, and say what came of it."""
    from ingest.settings import settings
    from winnow import build as building
    from winnow.quality import latest_metrics, print_metrics
    from winnow.report import (
        print_reports,
        tenant_reports,
    )

    here = settings()
    with _stages(Console(stderr=True)) as stage:
        report = building.build(here, select or (), stage)
        if docs:
            stage("writing the docs site", 0, 0)
            building.write_docs(here)
    console = Console()
    print_reports(tenant_reports(here.warehouse), console, report.seconds)
    print_metrics(latest_metrics(here.warehouse), console)
    for failure in report.gate.failures:
        console.print(f"Close to the gate's limit: {failure.message}", soft_wrap=True)
    for warning in report.warnings:
        console.print(f"Warning: {warning.message}", soft_wrap=True)
    for sentence in report.predictions:
        console.print(Text(f"Warning: {sentence}"), soft_wrap=True)
    _print_places(here, console)


@app.command(name="docs")
def write_docs_site() -> None:
    """Write the dbt docs site as one page that needs no network."""
    from ingest.settings import settings
    from winnow.build import write_docs

    here = settings()
    with _stages(Console(stderr=True)) as stage:
        stage("writing the docs site", 0, 0)
        write_docs(here)
    Console().print(f"Docs site: {here.target / 'static_index.html'}", soft_wrap=True)


@app.command()
def export(
    out: Annotated[Path, typer.Argument(help="The folder to write; new or empty.")],
    *,
    tenant: Annotated[
        list[str] | None, typer.Option(help="Only this tenant. May be repeated.")
    ] = None,
    format_: Annotated[
        str, typer.Option("--format", help="parquet, csv or recbole.")
    ] = "parquet",
    what: Annotated[
        str | None,
        typer.Option(
            help="examples, sequences, positives, negatives, split_assignments, "
            "interactions, users, items, interaction_features, user_features, "
            "item_features, user_recent_items or user_category_affinity.",
            show_default="examples; interactions for recbole",
        ),
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option(help="Only train, validation or test. May be repeated."),
    ] = None,
    split_name: Annotated[
        str | None,
        typer.Option(help="Only this split method, of a table that has several."),
    ] = None,
    fold: Annotated[int | None, typer.Option(help="Only this fold.")] = None,
    pad_left: Annotated[
        bool,
        typer.Option(
            "--pad-left", help="Sequences of one length, with 0 for what is missing."
        ),
    ] = False,
    pad_to: Annotated[
        int | None,
        typer.Option(help="The length; the tenants' sequence_length without it."),
    ] = None,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace an earlier export.")
    ] = False,
) -> None:
    """Write a table for a trainer: Parquet or CSV by tenant and split, or RecBole."""
    from ingest.settings import settings
    from winnow.export import ExportRequest, export

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
    with _stages(Console(stderr=True)) as stage:

        def progress(what: str, percent: float) -> None:
            done = max(0, int(percent))
            stage(f"writing {request.table}: {what}", done, 100 if done else 0)

        report = export(
            settings(), out, request, overwrite=overwrite, progress=progress
        )
    _print_export(report, Console())


@app.command()
def publish(
    *,
    lake: Annotated[
        str | None,
        typer.Option(
            help="A folder or s3://bucket/prefix.", show_default="the landing lake"
        ),
    ] = None,
    no_lake: Annotated[
        bool, typer.Option("--no-lake", help="Write no files to the lake.")
    ] = False,
    keep: Annotated[
        int | None,
        typer.Option(
            help="Generations to keep.", show_default="WINNOW_KEEP_GENERATIONS, or 3"
        ),
    ] = None,
) -> None:
    """Publish the warehouse for readers, and its layers as Parquet files."""
    from ingest.settings import settings
    from winnow.lake import export_lake
    from winnow.places import place_of
    from winnow.publish import publish

    if no_lake and lake is not None:
        raise InputError("--lake and --no-lake: give one of them.")
    here = settings()
    with _stages(Console(stderr=True)) as stage:
        # A place that cannot be used is found before anything is published.
        place = None if no_lake else place_of(here, lake)
        publication = publish(here, keep=keep, progress=stage)
        report = export_lake(here, place, stage) if place is not None else None
    _print_publication(publication, report, Console())


@app.command()
def status() -> None:
    """Say again what the last build made, and where it is."""
    from ingest.settings import settings
    from winnow.quality import latest_metrics, print_metrics
    from winnow.report import (
        print_reports,
        tenant_reports,
    )

    here, console = settings(), Console()
    reports = tenant_reports(here.warehouse)
    if not reports:
        console.print(
            "Nothing has been built yet: load some data, then `winnow build`."
        )
        return
    print_reports(reports, console)
    print_metrics(latest_metrics(here.warehouse), console)
    _print_places(here, console)


@app.command()
def metrics(
    out: Annotated[
        Path | None,
        typer.Option(help="A file to replace, such as one of the node exporter's."),
    ] = None,
) -> None:
    """Say the figures of the newest build in Prometheus' text format."""
    from ingest.settings import settings
    from winnow import metrics as gauges

    if out is None:
        print(gauges.text(settings()), end="")
    else:
        gauges.write(settings(), out)


def main() -> None:
    """Run the command line.

    Exit status: 0 all done, 1 a build that failed, 2 an input that cannot be used.
    """
    try:
        app()
    except InputError as error:
        print(f"winnow: {error}", file=sys.stderr)
        sys.exit(2)
    except BuildError as error:
        print(f"winnow: {error}", file=sys.stderr)
        sys.exit(1)


@contextmanager
def _stages(console: Console) -> Iterator[Callable[[str, int, int], None]]:
    """Shows what a build is doing and how far it is."""
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.fields[place]}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("starting", total=None, place="")

        def stage(what: str, step: int, steps: int) -> None:
            place = f"{step}/{steps}" if steps else ""
            bar.update(
                task,
                description=what,
                completed=step,
                total=steps or None,
                place=place,
            )

        yield stage


def _print_places(here: Settings, console: Console) -> None:
    from winnow.published import current_generation, generation_path

    places = {
        "Warehouse": here.warehouse,
        "Published": generation_path(
            here.published, current_generation(here.published) or 0
        ),
        "Data Docs": here.target / "data_docs" / "index.html",
        "Docs site": here.target / "static_index.html",
        "Landing lake": here.lake,
    }
    for name, place in places.items():
        if place.exists():
            console.print(f"{name:<13} {place}", soft_wrap=True)


class LoadProgress:
    """Shows how a load goes on: bytes read as a bar, records and records per second."""

    def __init__(self, console: Console) -> None:
        """Show it on ``console``; nothing is shown where that is no terminal."""
        self._bar = _progress(console)
        self._task = self._bar.add_task("looking at the files", total=None)

    def __enter__(self) -> LoadProgress:
        """Begin to show."""
        self._bar.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the bar away."""
        self._bar.stop()

    def start(self, file: Path, total_bytes: int) -> None:
        """A file is begun."""
        self._bar.reset(
            self._task, description=f"reading {file.name}", total=total_bytes, rows=0
        )

    def advance(self, total_read: int, landed: int, unreadable: int) -> None:
        """So much of the file has been read."""
        note = f", {unreadable:,} unreadable" if unreadable else ""
        self._bar.update(self._task, completed=total_read, rows=landed, note=note)

    def store(self, landed: int) -> None:
        """All files are read."""
        self._bar.reset(
            self._task,
            description=f"storing {landed:,} rows in the warehouse",
            total=None,
            rows=0,
        )

    def judge(self, what: str) -> None:
        """Rows are stored; a part of the quality gate is at work."""
        self._bar.reset(
            self._task, description=f"quality gate: {what}", total=None, rows=0
        )


class _Rows(ProgressColumn):
    def render(self, task: Task) -> Text:
        rows = int(task.fields.get("rows", 0))
        if not rows:
            return Text("")
        rate = rows / max(task.elapsed or 0.0, 1e-9)
        note = task.fields.get("note", "")
        return Text(f"{rows:,} rows, {rate:,.0f} rows/s{note}")


def _progress(console: Console) -> Progress:
    return Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        _Rows(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )


def _read_options(
    column_map: list[str] | None,
    ignore: list[str] | None,
    *,
    delimiter: str | None,
    encoding: str | None,
    header: bool | None,
    skip_lines: int | None,
    quoting: bool | None,
    decimal_comma: bool | None,
    dates: str | None,
) -> ReadOptions:
    from ingest.sources import ReadOptions

    pairs = [pair for one in column_map or () for pair in _pairs(one)]
    unfilled = [name for name, theirs in pairs if not theirs]
    return ReadOptions(
        mapping={name: theirs for name, theirs in pairs if theirs},
        ignore=(*(ignore or ()), *unfilled),
        delimiter="\t" if delimiter == r"\t" else delimiter,
        encoding=encoding,
        header=header,
        skip_lines=skip_lines,
        quoting=quoting,
        decimal_comma=decimal_comma,
        date_order=dates,
    )


def _pairs(text: str) -> list[tuple[str, str]]:
    """Column of the contract and of the file, for each pair of a --map."""
    pairs = []
    for pair in re.split(r",(?=\s*\w+=)", text):
        name, equals, theirs = pair.partition("=")
        if not (name.strip() and equals):
            raise InputError(
                f"--map {text}: a mapping is COLUMN=THEIRS, as in user_id=CustomerID; "
                "COLUMN= leaves the column empty."
            )
        pairs.append((name.strip(), theirs.strip()))
    return pairs


def _warn_of_predictions(result: LoadResult, console: Console) -> None:
    """Say which of the models that were loaded are of users or items that the last
    build does not have.
    """
    from ingest.settings import settings
    from winnow.prediction_warnings import load_warnings

    entities = {file.entity for file in result.files if file.skipped is None}
    if result.load_id is not None and "predictions" in entities:
        warehouse = settings().warehouse
        for sentence in load_warnings(warehouse, result.tenant, result.load_id):
            console.print(Text(f"Warning: {sentence}"), soft_wrap=True)


def _print_load(result: LoadResult, console: Console) -> None:
    from winnow.load_report import column_lines, file_lines, short_names

    table = Table(title=f"Loaded for tenant {result.tenant}", title_justify="left")
    table.add_column("file", overflow="fold")
    table.add_column("entity")
    for heading in ("landed", "unreadable", "seconds", "rows/s"):
        table.add_column(heading, justify="right")
    names = short_names(result.files)
    loaded = [file for file in result.files if file.skipped is None]
    for file in loaded:
        table.add_row(
            Text(names[file.file]),
            file.entity,
            f"{file.landed:,}",
            f"{file.unreadable:,}",
            f"{file.seconds:.1f}",
            _rate(file.landed, file.seconds),
        )
    if loaded:
        console.print(table)
    for line in (
        *column_lines(loaded, console.width),
        *file_lines(result.files, result.left_out),
    ):
        console.print(Text(line), soft_wrap=True)
    if loaded:
        count = f"{len(loaded):,} file{'s' if len(loaded) > 1 else ''}"
        console.print(
            f"Load {result.load_id}: {result.landed:,} rows and {result.unreadable:,} "
            f"unreadable records from {count} in {result.seconds:.1f} s "
            f"({_rate(result.landed, result.seconds)} rows/s).",
            soft_wrap=True,
        )
    else:
        console.print("Nothing new to load.")


def _print_export(report: ExportReport, console: Console) -> None:
    table = Table(title=f"Exported to {report.out}", title_justify="left")
    for heading in report.keys:
        table.add_column(heading, overflow="fold")
    table.add_column("rows", justify="right")
    for values, rows in sorted(report.rows.items()):
        table.add_row(*values, f"{rows:,}")
    console.print(table)
    rows = sum(report.rows.values())
    size = sum(file.size for file in report.files)
    console.print(
        f"{rows:,} rows in {len(report.files)} files, {size / 1e6:,.1f} MB, in "
        f"{report.seconds:.1f} s ({_rate(rows, report.seconds)} rows/s).",
        soft_wrap=True,
    )
    if report.note is not None:
        console.print(report.note, soft_wrap=True, markup=False)


def _print_publication(
    publication: Publication, report: LakeReport | None, console: Console
) -> None:
    table = Table(title=f"Published {publication.path}", title_justify="left")
    table.add_column("")
    for heading in ("generation", "tables", "files", "rows", "MB", "seconds"):
        table.add_column(heading, justify="right")
    table.add_row(
        "warehouse",
        str(publication.generation),
        str(len(publication.tables)),
        "1",
        f"{sum(publication.tables.values()):,}",
        f"{publication.size / 1e6:,.1f}",
        f"{publication.seconds:.1f}",
    )
    if report is not None:
        table.add_row(
            "lake",
            str(report.generation),
            str(report.tables),
            f"{report.files:,}",
            f"{report.rows:,}",
            f"{report.size / 1e6:,.1f}",
            f"{report.seconds:.1f}",
        )
    console.print(table)
    if report is not None:
        console.print(f"Lake: {report.place}", soft_wrap=True)


def _rate(rows: int, seconds: float) -> str:
    return f"{rows / max(seconds, 1e-9):,.0f}"


if __name__ == "__main__":
    main()
