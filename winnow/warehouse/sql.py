"""Names and texts written into SQL that cannot take parameters, such as COPY."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def identifier(name: str) -> str:
    """The name of a column or table, quoted."""
    return '"' + name.replace('"', '""') + '"'


def column_definitions(columns: Mapping[str, str]) -> str:
    """What stands in the brackets of ``create table``: each column's name and type."""
    return ", ".join(f"{identifier(name)} {kind}" for name, kind in columns.items())


def literal(text: str) -> str:
    """A text, quoted."""
    return "'" + text.replace("'", "''") + "'"


def literals(texts: Iterable[str]) -> str:
    """Texts, quoted, with commas between them."""
    return ", ".join(map(literal, texts))
