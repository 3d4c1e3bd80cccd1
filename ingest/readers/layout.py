"""How a delimited file is written: its encoding, delimiter and header, found or
given.
"""

from __future__ import annotations

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from ingest.errors import InputError
from ingest.readers.batches import POSITION_COLUMNS, normalise_name
from ingest.readers.text import decode_sample, find_encoding, read_sample

DELIMITERS = (",", "\t", ";", "|", "::")
_SAMPLE_LINES = 100


@dataclass(frozen=True)
class TextLayout:
    """How a delimited file is written.

    ``delimiter`` is one character or ``::``. ``columns`` are the file's own names, or
    the names given to the columns of a file without header (``"1"``, ``"2"``, ... when
    found). Without ``quoting`` a quote is a character like any other.
    """

    delimiter: str
    encoding: str
    quoting: bool
    header: bool
    columns: tuple[str, ...]


def find_layout(
    path: str | Path,
    known_names: frozenset[str],
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    quoting: bool = True,
) -> TextLayout:
    """Tell how a delimited file is written; what is given is taken as given.

    ``known_names`` are the names that a header could have, as ``normalise_name`` gives
    them. The delimiter is the one that splits the first line into most of them, else
    the one that splits the first lines alike. Raises InputError for a file that cannot
    be read, is empty, is no text, or repeats a name in its header.
    """
    path = Path(path)
    if delimiter is not None and len(delimiter) != 1 and delimiter != "::":
        raise InputError(f"A delimiter is one character or '::', not {delimiter!r}.")
    sample = read_sample(path)
    encoding = encoding or find_encoding(path, sample)
    lines = [line for line in decode_sample(path, sample, encoding).split("\n") if line]
    lines = lines[:_SAMPLE_LINES] if lines else [""]
    if delimiter is None:
        delimiter = _find_delimiter(lines, known_names, quoting)
    first = split_line(lines[0], delimiter, quoting)
    if header is None:
        header = _is_header(first, lines[1:], known_names, delimiter, quoting)
    if header:
        columns = _header_columns(path, first)
    else:
        widths = Counter(len(split_line(line, delimiter, quoting)) for line in lines)
        most = max(widths.items(), key=lambda item: (item[1], item[0]))[0]
        columns = tuple(str(position + 1) for position in range(most))
    return TextLayout(delimiter, encoding, quoting, header, columns)


def split_line(line: str, delimiter: str, quoting: bool) -> list[str]:
    """The fields of one line, read leniently."""
    if not quoting or len(delimiter) > 1 or '"' not in line:
        return line.split(delimiter)
    return next(csv.reader([line], delimiter=delimiter))


def _find_delimiter(lines: list[str], known: frozenset[str], quoting: bool) -> str:
    def merit(delimiter: str) -> tuple[int, float, int]:
        first = split_line(lines[0], delimiter, quoting)
        names = sum(normalise_name(name) in known for name in first)
        widths = Counter(len(split_line(line, delimiter, quoting)) for line in lines)
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        return names, count / len(lines) if width > 1 else 0.0, width

    return max(DELIMITERS, key=merit)


def _is_header(
    first: list[str],
    rest: list[str],
    known: frozenset[str],
    delimiter: str,
    quoting: bool,
) -> bool:
    """A first line is a header when it has a known name, or no number in a column where
    later lines have numbers.
    """
    if any(normalise_name(name) in known for name in first):
        return True
    if any(not name.strip() or _is_number(name) for name in first):
        return False
    return any(
        _is_number(value)
        for line in rest
        for value in split_line(line, delimiter, quoting)
    )


def _header_columns(path: Path, names: list[str]) -> tuple[str, ...]:
    columns = [name.strip() for name in names]
    repeated = [name for name, count in Counter(columns).items() if count > 1]
    if repeated:
        raise InputError(
            f"{path}, line 1: the header has the column "
            f"{', '.join(map(repr, repeated))} more than once; names must differ."
        )
    return tuple(name + "_" if name in POSITION_COLUMNS else name for name in columns)


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
