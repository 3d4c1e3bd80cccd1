"""What a source says about a file, and what a user says about how to read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import pyarrow as pa

from winnow.readers import Batch, TextLayout

Reshape = Callable[[Iterator[Batch]], Iterator[Batch]]
"""Turns a file's records into records that have the columns of a contract."""


@dataclass(frozen=True)
class ReadOptions:
    """How a file is to be read, as far as the user has said so; None means find out.

    ``mapping`` is contract column → column of the file (its name, or its 1-based
    position where there is no header). ``ignore`` are columns of the file that fill
    none of the contract. ``skip_lines`` are left out at the file's begin. Without
    ``quoting`` a quote is a character like any other. With ``decimal_comma`` numbers
    are written 1.234,5. ``date_order`` (ymd, mdy, dmy) is
    how the parts of a date stand. ``replay`` names what is loaded of a file of
    corrections (``EntityCorrections.digest``).
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    delimiter: str | None = None
    encoding: str | None = None
    header: bool | None = None
    skip_lines: int | None = None
    quoting: bool | None = None
    decimal_comma: bool | None = None
    date_order: str | None = None
    replay: str | None = None

    def given(self) -> str:
        """JSON of what was given, keys sorted; ``{}`` when nothing was."""
        options = asdict(self).items()
        given = {name: value for name, value in options if value not in (None, {}, ())}
        return json.dumps(given, sort_keys=True, ensure_ascii=False)


@dataclass(frozen=True)
class SourceFile:
    """One file of a source: what it holds and how it is read.

    ``entity`` is empty where the file's columns are to tell; ``likely`` is the one that
    its name speaks of, for columns that fit several alike. ``layout`` is set where the
    source knows it; without it, the layout of a text file is found from its beginning.
    ``reshape`` is applied to what the reader yields. ``in_folder`` is whether it was
    found in a folder or by a pattern, rather than named; one ``is_optional`` that is
    left out there when its columns fit nothing. ``partition`` is what the names of its
    folders say (``day=2024-01-01``): more columns, each with one value.
    """

    path: Path
    entity: str
    layout: TextLayout | None = None
    reshape: Reshape | None = None
    likely: str = ""
    is_optional: bool = False
    in_folder: bool = False
    partition: Mapping[str, str | None] = field(default_factory=dict)


@dataclass
class FileFacts:
    """What was found out about a file while it was read.

    ``columns`` is contract column → the file's own column, ``left_over`` the file's
    other columns (they go to ``extra``). ``notes`` are sentences for the user: what was
    found rather than said, and what was changed, with counts.
    """

    columns: dict[str, str] = field(default_factory=dict)
    left_over: tuple[str, ...] = ()
    notes: list[str] = field(default_factory=list)


Recognise = Callable[[Path, ReadOptions], SourceFile | None]
"""Tells by a file's name what it is; None for one that the source does not know."""

DATA_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")
"""Ends of names that promise data."""

TEXT_SUFFIXES = (".txt", ".dat", ".data", ".log", ".asc", ".psv", ".tab", "")
"""Ends of names that may be data, and may be a README; the last is no end at all."""


def plain_name(path: Path) -> str:
    """The file's name in lower case, without ``.gz``."""
    return path.name.lower().removesuffix(".gz")


def by_columns(path: Path, words: Mapping[str, str]) -> SourceFile | None:
    """A file whose columns tell what it holds; None for a name that promises no data.

    ``words`` are words of a name → the entity of which they speak; the first counts.
    """
    name = plain_name(path)
    is_data = name.endswith(DATA_SUFFIXES)
    if not is_data and Path(name).suffix not in TEXT_SUFFIXES:
        return None
    likely = next((entity for word, entity in words.items() if word in name), "")
    return SourceFile(path, "", likely=likely, is_optional=not is_data)


def renamed(columns: Mapping[str, str], **same: str) -> Reshape:
    """A reshape by which the file's ``columns`` get the contract's names (the file's
    name → the contract's), beside columns that have the ``same`` text in every record.
    """

    def of_contract(batches: Iterator[Batch]) -> Iterator[Batch]:
        for batch in batches:
            records = batch.records
            names = [columns.get(name, name) for name in records.column_names]
            records = records.rename_columns(names)
            for name, text in same.items():
                column = pa.repeat(pa.scalar(text, pa.string()), records.num_rows)
                records = records.append_column(name, column)
            yield batch._replace(records=records)

    return of_contract
