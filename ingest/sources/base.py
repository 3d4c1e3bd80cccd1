"""What a source says about a file, and what a user says about how to read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

from ingest.readers import Batch, TextLayout

Reshape = Callable[[Iterator[Batch]], Iterator[Batch]]
"""Turns a file's records into records that have the columns of a contract."""


@dataclass(frozen=True)
class ReadOptions:
    """How a file is to be read, as far as the user has said so; None means find out.

    ``mapping`` is contract column → column of the file (its name, or its 1-based
    position where there is no header). ``ignore`` are columns of the file that fill
    none of the contract. ``skip_lines`` are left out at the file's begin. Without
    ``quoting`` a quote is a character like any other. ``date_order`` (ymd, mdy, dmy) is
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

    ``layout`` is set where the source knows it; without it, the layout of a text file
    is found from its beginning. ``reshape`` is applied to what the reader yields.
    """

    path: Path
    entity: str
    layout: TextLayout | None = None
    reshape: Reshape | None = None


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


def plain_name(path: Path) -> str:
    """The file's name in lower case, without ``.gz``."""
    return path.name.lower().removesuffix(".gz")
