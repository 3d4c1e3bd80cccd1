"""How a delimited file is written: its encoding, delimiter and header, found or
given.
"""

from __future__ import annotations

import csv
import re
from ast import literal_eval
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from winnow.core.errors import InputError
from winnow.readers.batches import column_name, normalise_name
from winnow.readers.text import decode_sample, find_encoding, read_sample

BLANKS = " "
"""The delimiter that stands for any run of blanks and tabs."""

_COMMA, _COMMA_AND_BLANK, _BAR = ",", ", ", "|"
DELIMITERS = (_COMMA, "\t", ";", _BAR, "::", "\x01")
"""Those that are looked for first; then what is made of them, then blanks."""

_SAMPLE_LINES = 100
_HEADER_LINES = 20
"""Lines of the begin among which a header is looked for."""

_ESCAPE = re.compile(r"\\(?:t|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4})")
_SEPARATOR_LINE = re.compile(r'"?sep=([^\w"])"?\s*', re.IGNORECASE)
_MISSING = frozenset({"", "null", "none", "nan", "na", "n/a", "\\n", "-"})
_SHOWN_CHARACTERS = 80


@dataclass(frozen=True)
class TextLayout:
    """How a delimited file is written.

    ``delimiter`` is one character or several; BLANKS is any run of blanks and tabs.
    ``columns`` are the file's own names, or the names given to the columns of a file
    without header (``"1"``, ``"2"``, ... when found); a header's empty name becomes the
    column's position, and its empty values null (``unnamed``). Without ``quoting`` a
    quote is a character like any other. ``skip_lines`` lines lie before the header, or
    before the first record. ``first_line`` is the first behind them, cut for a message.
    ``notes`` say what was found rather than given, as sentences.
    """

    delimiter: str
    encoding: str
    quoting: bool
    header: bool
    columns: tuple[str, ...]
    skip_lines: int = 0
    unnamed: frozenset[str] = frozenset()
    first_line: str = ""
    notes: tuple[str, ...] = ()


def find_layout(
    path: str | Path,
    known_names: frozenset[str],
    *,
    delimiter: str | None = None,
    encoding: str | None = None,
    header: bool | None = None,
    quoting: bool | None = None,
    skip_lines: int | None = None,
    has_positions: bool = False,
) -> TextLayout:
    """Tell how a delimited file is written; what is given is taken as given.

    ``known_names`` are the names that a header could have, as ``normalise_name`` gives
    them; ``has_positions`` says that columns are named by their positions, which a file
    without header needs. The delimiter is the one that splits the first line into most
    known names, else the one that splits the first lines alike. A first line
    ``sep=;``, and lines before a header that begin with ``#``, are skipped.

    Raises InputError for a file that cannot be read, is empty, is no text, repeats a
    name in its header, or has something else before its header.
    """
    path = Path(path)
    sample = read_sample(path)
    guessed = encoding is None
    encoding = encoding or find_encoding(path, sample)
    notes = []
    if guessed and encoding not in ("utf-8", "utf-8-sig", "utf-16"):
        notes.append(f"It is not UTF-8 and was read as {encoding}; else --encoding.")
    lines = decode_sample(path, sample, encoding).split("\n")
    quoted = quoting is not False
    skipped = skip_lines or 0
    delimiter = None if delimiter is None else _given(delimiter)
    first_line = lines[skipped] if skipped < len(lines) else ""
    if separator := _SEPARATOR_LINE.fullmatch(first_line):
        delimiter = delimiter or separator[1]
        notes.append(f"Line {skipped + 1} says that the delimiter is {delimiter!r}.")
        skipped += 1
    if header is None and skip_lines is None:
        header_line = _junk_lines(path, lines, skipped, known_names, delimiter, quoted)
        if header_line > skipped:
            count = header_line - skipped
            notes.append(
                f"{count} line{'s' if count > 1 else ''} before the header, "
                f"beginning with #, {'were' if count > 1 else 'was'} skipped."
            )
        skipped = header_line
    if skipped < 0 or not any(line.strip() for line in lines[skipped:]):
        raise InputError(
            f"{path}: --skip-lines {skipped} leaves nothing of its {len(lines):,} "
            "lines; it is 0 or more, and fewer than there are."
        )
    kept = [line for line in lines[skipped:] if line.strip()][:_SAMPLE_LINES]
    if delimiter is None:
        delimiter = _find_delimiter(kept, known_names, quoted)
    first = split_line(kept[0], delimiter, quoted)
    if header is None:
        rest = [split_line(line, delimiter, quoted) for line in kept[1:]]
        header = _is_header(first, rest, known_names, has_positions)
        if header and has_positions and _known_count(first, known_names) < 2:
            notes.append(
                f"Line {skipped + 1} was taken for the header: {cut_line(kept[0])!r}; "
                "--no-header if it is a record."
            )
    widths = Counter(len(split_line(line, delimiter, quoted)) for line in kept)
    # The line behind a header says more of the width than the header does.
    width = max(widths.items(), key=lambda item: (item[1], item[0]))[0]
    columns = tuple(str(position + 1) for position in range(width))
    unnamed: frozenset[str] = frozenset()
    if header:
        columns, unnamed = _header_columns(path, skipped, first, kept[1:], delimiter)
    elif _ends_empty(kept, delimiter, width):
        unnamed = frozenset(columns[-1:])
    return TextLayout(
        delimiter,
        encoding,
        quoted,
        header,
        columns,
        skipped,
        unnamed,
        cut_line(kept[0]),
        tuple(notes),
    )


def split_line(line: str, delimiter: str, quoting: bool) -> list[str]:
    """The fields of one line, read leniently."""
    if delimiter == BLANKS:
        line = re.sub(r"[ \t]+", BLANKS, line.strip(" \t\r"))
    if not quoting or '"' not in line:
        return line.split(delimiter)
    if len(delimiter) > 1:
        line, delimiter = line.replace(delimiter, "\x1f"), "\x1f"
    return next(csv.reader([line], delimiter=delimiter))


def _given(delimiter: str) -> str:
    """A delimiter as it was meant: ``\\t`` is a tab, ``\\x01`` a control character."""
    meant = _ESCAPE.sub(lambda match: literal_eval(f"'{match[0]}'"), delimiter)
    if not meant or any(character in meant for character in '"\r\n'):
        raise InputError(
            f"A delimiter is one or more characters, no quote and no line end, not "
            f"{delimiter!r}."
        )
    return meant


def _find_delimiter(lines: list[str], known: frozenset[str], quoting: bool) -> str:
    def merit(delimiter: str) -> tuple[int, float, int]:
        first = split_line(lines[0], delimiter, quoting)
        names = sum(normalise_name(name) in known for name in first)
        widths = Counter(len(split_line(line, delimiter, quoting)) for line in lines)
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        return names, count / len(lines) if width > 1 else 0.0, width

    def is_even(delimiter: str) -> bool:
        return merit(delimiter)[1] >= 0.9

    best = max(DELIMITERS, key=merit)
    if best == _BAR and all(_BAR not in line.replace(2 * _BAR, "") for line in lines):
        best = 2 * _BAR
    if best == _COMMA and any(', "' in line for line in lines):
        # Quotes behind a blank open no field, unless the blank is of the delimiter.
        best = max(_COMMA_AND_BLANK, _COMMA, key=merit)
    if not is_even(best) and merit(best)[0] < 2:
        blanks = merit(BLANKS)
        if blanks > merit(best) and is_even(BLANKS):
            return BLANKS
    return best


def _junk_lines(
    path: Path,
    lines: list[str],
    begin: int,
    known: frozenset[str],
    delimiter: str | None,
    quoting: bool,
) -> int:
    """How many lines to skip so that the header comes first. Only comments are skipped
    unasked: what lies before a header could be records else.
    """

    def names(line: str) -> int:
        tried = [delimiter] if delimiter else [*DELIMITERS, 2 * _BAR, BLANKS]
        cells = (split_line(line, candidate, quoting) for candidate in tried)
        return max(_known_count(fields, known) for fields in cells)

    looked_at = range(begin, min(len(lines), begin + _HEADER_LINES))
    first = next((number for number in looked_at if lines[number].strip()), begin)
    counts = {number: names(lines[number]) for number in looked_at}
    header = next((number for number in looked_at if counts[number] >= 2), first)
    is_headed = header == first or counts.get(first, 0) > 0
    above = [lines[number] for number in range(begin, header) if lines[number].strip()]
    if is_headed or not above:
        return begin
    if all(line.lstrip().startswith("#") for line in above):
        return header
    raise InputError(
        f"{path}, line {first + 1}: {cut_line(lines[first])!r} is no header, and line "
        f"{header + 1} looks like one: skip what is before it with --skip-lines "
        f"{header}, or say --no-header."
    )


def cut_line(line: str) -> str:
    """A line as a message shows it."""
    if len(line) <= _SHOWN_CHARACTERS:
        return line
    return line[: _SHOWN_CHARACTERS - 1] + "…"


def _known_count(fields: list[str], known: frozenset[str]) -> int:
    """How many of the fields a header could have; 0 when one is a number."""
    if any(_is_number(field) for field in fields):
        return 0
    return sum(normalise_name(field) in known for field in fields)


def _is_header(
    first: list[str],
    rest: list[list[str]],
    known: frozenset[str],
    has_positions: bool,
) -> bool:
    """A first line is a header when it has known names and no numbers, or words over
    columns of numbers. One known name among other words may be a value: where columns
    are named by position, that is not enough.
    """
    if any(_is_number(name) for name in first):
        return False
    names = _known_count(first, known)
    if names >= 2 or (names and (len(first) == 1 or not has_positions)):
        return True
    given = "\0".join(first).rstrip("\0 ").split("\0")  # A header may end empty.
    if any(name.strip().casefold() in _MISSING for name in given):
        return False
    return any(
        bool(values) and all(map(_is_number, values))
        for values in (
            [row[number] for row in rest if number < len(row) and row[number].strip()]
            for number, name in enumerate(first)
            if name.strip()
        )
    )


def _header_columns(
    path: Path, skipped: int, names: list[str], rest: list[str], delimiter: str
) -> tuple[tuple[str, ...], frozenset[str]]:
    """The columns' names, and those of them that the header leaves empty."""
    columns = [name.strip() for name in names]
    while rest and not columns[-1] and _are_shorter(rest, delimiter, len(columns)):
        columns.pop()
    if _ends_empty(rest, delimiter, len(columns) + 1):
        columns.append("")
    unnamed = frozenset(
        str(number + 1) for number, name in enumerate(columns) if not name
    )
    columns = [name or str(number + 1) for number, name in enumerate(columns)]
    repeated = [name for name, count in Counter(columns).items() if count > 1]
    if repeated:
        raise InputError(
            f"{path}, line {skipped + 1}: the header has the column "
            f"{', '.join(map(repr, repeated))} more than once. Is the --delimiter "
            f"{delimiter!r} right? Else --skip-lines {skipped + 1} --no-header, with "
            "positions in --map."
        )
    return tuple(map(column_name, columns)), unnamed


def _are_shorter(lines: list[str], delimiter: str, width: int) -> bool:
    return all(len(split_line(line, delimiter, True)) < width for line in lines)


def _ends_empty(lines: list[str], delimiter: str, width: int) -> bool:
    """Whether all lines end with the delimiter and have so many fields."""
    return (
        delimiter != BLANKS
        and bool(lines)
        and all(
            line.rstrip("\r").endswith(delimiter.rstrip(" "))
            and len(split_line(line, delimiter, True)) == width
            for line in lines
        )
    )


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return text.strip().casefold() not in ("nan", "inf", "infinity")
