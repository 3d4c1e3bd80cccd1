"""What the command line writes to a terminal, a pipe or a file.

Text is text: values, names and paths are never markup, and what a terminal would obey
or hide is shown as an escape. Everything that is printed goes through here.
"""

from __future__ import annotations

import json
import os
import re
import sys
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import IO, Annotated, Any

import typer
from rich.box import SIMPLE_HEAD
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.style import Style
from rich.table import Table
from rich.text import Text

from winnow.core.visible_text import shown

AsJson = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead.")
]
"""The option of commands whose result programs can read, too."""

MOST = 2**31 - 1
"""The largest count that an option takes."""

PIPED_WIDTH = 80
"""Columns of a table that goes to no terminal, where COLUMNS says nothing else."""

_GAP = 2
"""Columns between those of a table."""

_LEAST_WIDTH = 12
"""Columns below which a column of texts is not folded further."""

_UNENCODABLE = re.compile("[\ud800-\udfff]")


def text(value: object, style: str | Style = "") -> Text:
    """A text in a style, for a table's cell or a part of a line."""
    return Text(shown(value), style)


class Terminal(Console):
    """A console that takes every text as it is.

    It is as wide as ``COLUMNS`` says, else as the terminal is, else ``PIPED_WIDTH``.
    Nothing is cut off: tables fold, and sentences break between words (or not at all
    where they go to no terminal and ``COLUMNS`` says nothing, so that a line can be
    searched).
    """

    def __init__(self, file: IO[str]) -> None:
        """Write to ``file``, such as ``sys.stdout``."""
        given_width = _told_width()
        width = given_width or _terminal_width(file) or PIPED_WIDTH
        rest = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
        super().__init__(
            file=file,
            width=width,
            markup=False,
            highlight=False,
            emoji=False,
            _environ=rest,
        )
        self._wraps = given_width is not None or self.is_terminal

    def render_str(self, text: str, **options: Any) -> Text:
        """A string, wherever it is printed: as a line, a cell, a title or a heading."""
        options.update(markup=False, highlight=False, emoji=False, highlighter=None)
        return super().render_str(shown(text), **options)

    def say(self, *sentences: object, style: str = "") -> None:
        """Print a line for each sentence. Words, and so paths, stay whole."""
        for sentence in sentences:
            for line in self._lines(shown(sentence)):
                self.print(Text(line, style), soft_wrap=True)

    def _lines(self, sentence: str) -> list[str]:
        if not self._wraps or len(sentence) <= self.width:
            return [sentence]
        return textwrap.wrap(
            sentence,
            self.width,
            subsequent_indent=sentence[: len(sentence) - len(sentence.lstrip())],
            break_long_words=False,
            break_on_hyphens=False,
        )


def _told_width() -> int | None:
    columns = os.environ.get("COLUMNS", "")
    return int(columns) if columns.isdecimal() and int(columns) > 0 else None


def _terminal_width(file: IO[str]) -> int | None:
    try:
        return os.get_terminal_size(file.fileno()).columns or None
    except (AttributeError, ValueError, OSError):
        return None


def per_second(rows: int, seconds: float) -> str:
    """A rate of whole rows."""
    return f"{rows / max(seconds, 1e-9):,.0f}"


def stdout() -> Terminal:
    """Where results go."""
    return Terminal(sys.stdout)


def stderr() -> Terminal:
    """Where progress and errors go."""
    return Terminal(sys.stderr)


@dataclass(frozen=True)
class _Column:
    heading: str
    is_number: bool


class Grid:
    """A table that fits: texts fold, numbers stay whole, nothing is cut off.

    Where even that is too wide for the terminal, each row is a block of lines, a
    heading and a value on each.
    """

    def __init__(self, title: str | None = None) -> None:
        """An empty table, its title above it on the left."""
        self._title = None if title is None else shown(title)
        self._columns: list[_Column] = []
        self._rows: list[tuple[Sequence[RenderableType], str]] = []

    def texts(self, *headings: str) -> None:
        """Add columns of texts."""
        self._columns += [_Column(shown(heading), False) for heading in headings]

    def numbers(self, *headings: str) -> None:
        """Add columns of numbers, on the right and never broken over lines."""
        self._columns += [_Column(shown(heading), True) for heading in headings]

    def row(self, *cells: RenderableType, style: str = "") -> None:
        """Add a row: texts, numbers written as texts, or anything that rich draws.
        Cells that are missing at the end are empty.
        """
        filled = [*cells, *[""] * (len(self._columns) - len(cells))]
        drawn = [text(cell) if isinstance(cell, str) else cell for cell in filled]
        self._rows.append((drawn, style))

    @property
    def row_count(self) -> int:
        """How many rows there are."""
        return len(self._rows)

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        """Draw the table, or blocks of lines where there is no room for it."""
        widths = self._widths(console, options)
        if widths is not None:
            yield self._as_table(widths)
            return
        if self._title is not None:
            yield Text(self._title, "italic")
        for cells, style in self._rows:
            yield self._as_block(cells, style)
            yield Text()

    def _widths(self, console: Console, options: ConsoleOptions) -> list[int] | None:
        """The width of each column, in characters, or None when they do not fit."""
        natural, least = [], []
        for index, column in enumerate(self._columns):
            cells = [
                Measurement.get(console, options, cells[index]).maximum
                for cells, _ in self._rows
            ]
            word = max(map(cell_len, column.heading.split()), default=0)
            widest = max([word, *cells])
            natural.append(max(cell_len(column.heading), widest))
            least.append(
                widest if column.is_number else max(word, min(widest, _LEAST_WIDTH))
            )
        room = options.max_width - _GAP * (len(self._columns) - 1)
        if sum(least) > room:
            return None
        widths = list(natural)
        while sum(widths) > room:
            widest = max(
                (width for width, low in zip(widths, least, strict=True) if width > low)
            )
            at = next(
                index
                for index, width in enumerate(widths)
                if width == widest and width > least[index]
            )
            widths[at] -= 1
        return widths

    def _as_table(self, widths: Sequence[int]) -> Table:
        table = Table(
            title=self._title,
            title_justify="left",
            box=SIMPLE_HEAD,
            show_edge=False,
            padding=(0, 1, 0, 0),
            pad_edge=False,
        )
        for column, width in zip(self._columns, widths, strict=True):
            table.add_column(
                column.heading,
                justify="right" if column.is_number else "left",
                overflow="fold",
                width=width,
            )
        for cells, style in self._rows:
            table.add_row(*cells, style=style or None)
        return table

    def _as_block(self, cells: Sequence[RenderableType], style: str) -> Table:
        block = Table.grid(padding=(0, _GAP, 0, 0), pad_edge=False)
        block.add_column(overflow="fold")
        block.add_column(overflow="fold")
        for column, cell in zip(self._columns, cells, strict=True):
            if not (isinstance(cell, Text) and not cell.plain):
                block.add_row(column.heading, cell, style=style or None)
        return block


def json_text(document: object) -> str:
    r"""``document`` as JSON of ASCII characters alone, which every terminal and every
    reader takes. Bytes of a file's name that are no UTF-8 are written as ``\\xff``,
    since JSON has no way to hold them; paths, dates and the like as their text.
    """
    return json.dumps(_plain(document), indent=2, default=str, allow_nan=False)


def print_json(document: object) -> None:
    """Print a command's result for programs: one document, on standard output."""
    sys.stdout.write(json_text(document) + "\n")


def _plain(value: object) -> object:
    """``value`` in what JSON knows: numbers that are none are null."""
    if isinstance(value, Mapping):
        return {_encodable(str(key)): _plain(member) for key, member in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_plain(member) for member in value]
    if isinstance(value, float):
        return value if value - value == 0 else None
    if value is None or isinstance(value, (bool, int)):
        return value
    return _encodable(str(value))


def _encodable(text: str) -> str:
    return _UNENCODABLE.sub(lambda match: shown(match[0]), text)
