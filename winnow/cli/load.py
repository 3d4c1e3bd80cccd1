"""``winnow load`` and ``winnow validate``: files in, and what is said of them."""

from __future__ import annotations

import re
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from winnow.cli.progress import LoadProgress
from winnow.cli.terminal import AsJson, Grid, Terminal, per_second, print_json, stdout
from winnow.core.errors import InputError
from winnow.core.visible_text import counted

if TYPE_CHECKING:
    from winnow.load.pipeline import LoadResult
    from winnow.load.sources import ReadOptions

# The options that `load` and `validate` share.
_Source = Annotated[
    str,
    typer.Argument(
        help="Kind of files: canonical, movielens, microlens, recomart, or your own."
    ),
]
_Path = Annotated[str, typer.Argument(help="File, folder or quoted pattern.")]
_Tenant = Annotated[
    str | None,
    typer.Option(
        help="Tenant that owns the data.",
        show_default="the source; default for canonical",
    ),
]
_Entity = Annotated[
    str | None,
    typer.Option(
        help="Entity in the files, such as interactions.",
        show_default="recognised",
    ),
]
_Limit = Annotated[
    int | None, typer.Option(help="Read at most this many records of each file.")
]
_ColumnMap = Annotated[
    list[str] | None,
    typer.Option(
        "--map",
        metavar="COLUMN=THEIRS",
        help="Fill a contract column from a column of the file, given by name or by "
        "position from 1. Separate several with commas, or repeat the option; "
        "COLUMN= leaves it empty.",
    ),
]
_Delimiter = Annotated[str | None, typer.Option(help=r"Field separator; \t for tab.")]
_Encoding = Annotated[
    str | None, typer.Option(help="Character encoding, such as utf-8 or latin-1.")
]
_Header = Annotated[
    bool | None,
    typer.Option(
        "--header/--no-header", help="Read the first line as column names, or as data."
    ),
]
_Dates = Annotated[
    str | None,
    typer.Option(
        help="Order of the parts in dates such as 12/1/2010: mdy, dmy or ymd."
    ),
]
_Ignore = Annotated[
    list[str] | None,
    typer.Option(
        metavar="COLUMN",
        help="Leave out a column of the file or of the contract. May be repeated.",
    ),
]
_SkipLines = Annotated[
    int | None, typer.Option(min=0, help="Skip this many lines at the start.")
]
_Quoting = Annotated[
    bool | None,
    typer.Option(
        "--quoting/--no-quoting",
        help='Read " as a quote around fields, or as plain text.',
    ),
]
_DecimalComma = Annotated[
    bool | None,
    typer.Option("--decimal-comma", help="Read numbers written as 1.234,5."),
]
_Mode = Annotated[
    str | None,
    typer.Option(
        help="What happens to earlier loads: append keeps them, replace removes the "
        "same file or feed, snapshot keeps them as history.",
        show_default="append; snapshot for catalogues",
    ),
]
_Feed = Annotated[
    str | None,
    typer.Option(help="Name of the feed that the files belong to."),
]
_Recursive = Annotated[bool, typer.Option("--recursive", help="Include subfolders.")]


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
    mode: _Mode = None,
    feed: _Feed = None,
    as_json: AsJson = False,
) -> None:
    """Load files into the landing lake and the warehouse, each exactly once.

    Prints the entity of each file, the columns used, and anything noticed.
    """
    from winnow.load.pipeline import load as load_files

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
    with LoadProgress() as progress:
        result = load_files(
            source,
            path,
            tenant=tenant,
            entity=entity,
            limit=limit,
            options=options,
            recursive=recursive,
            mode=mode,
            feed=feed,
            progress=progress,
        )
    warnings = _warnings(result)
    if as_json:
        print_json(asdict(result) | {"warnings": warnings})
        return
    terminal = stdout()
    _print_load(result, terminal)
    terminal.say(*(f"Warning: {sentence}" for sentence in warnings))


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
    as_json: AsJson = False,
    docs: Annotated[
        Path | None,
        typer.Option(
            help="Write Data Docs and Great Expectations suites to this folder."
        ),
    ] = None,
) -> None:
    """Check files against the contract, rule by rule, without loading them.

    Exit status 0 if a build would accept the files, 1 if it would hold them or stop,
    2 if the files cannot be used at all.
    """
    from winnow.build.validation import validate
    from winnow.cli.report import print_validation

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
    with LoadProgress() as progress:
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
    if as_json:
        print_json(asdict(report) | {"passed": report.passed})
    else:
        print_validation(report, stdout())
    if not report.passed:
        raise typer.Exit(1)


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
    from winnow.load.sources import ReadOptions

    pairs = [pair for text in column_map or () for pair in _pairs(text)]
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


def _warnings(result: LoadResult) -> list[str]:
    """What looks wrong in what was loaded, as sentences: models of users or items that
    the last build does not have, and ratings of another scale than 1 to 5.
    """
    from winnow.build.prediction_warnings import load_warnings
    from winnow.build.suspicions import load_suspicions
    from winnow.core.settings import project_settings

    if result.load_id is None or result.waits:
        return []
    warehouse, of_load = project_settings().warehouse, (result.tenant, result.load_id)
    entities = {file.entity for file in result.files if file.skipped is None}
    warnings: list[str] = []
    if "predictions" in entities:
        warnings += load_warnings(warehouse, *of_load)
    if "interactions" in entities:
        warnings += load_suspicions(warehouse, *of_load)
    return warnings


def _print_load(result: LoadResult, terminal: Terminal) -> None:
    from winnow.cli.load_report import column_lines, file_lines, short_names

    table = Grid(f"Loaded for tenant {result.tenant}")
    table.texts("file", "entity")
    table.numbers("landed", "unreadable", "seconds", "rows/s")
    names = short_names(result.files)
    loaded = [file for file in result.files if file.skipped is None]
    for file in loaded:
        table.row(
            names[file.file],
            file.entity,
            f"{file.landed:,}",
            f"{file.unreadable:,}",
            f"{file.seconds:.1f}",
            per_second(file.landed, file.seconds),
        )
    if loaded:
        terminal.print(table)
    terminal.say(*column_lines(loaded, terminal.width))
    terminal.say(*file_lines(result.files, result.left_out))
    if loaded:
        terminal.say(
            f"Load {result.load_id}: {counted(result.landed, 'row')} and "
            f"{counted(result.unreadable, 'unreadable record')} from "
            f"{counted(len(loaded), 'file')} in {result.seconds:.1f} s "
            f"({per_second(result.landed, result.seconds)} rows/s)."
        )
    else:
        terminal.say("Nothing new to load.")
    if result.waits:
        terminal.say(result.waits)
