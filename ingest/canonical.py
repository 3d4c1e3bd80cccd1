"""Winnow's own format: CSV, TSV, JSON array or lines, Parquet; any names by --map."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc

from winnow.core.errors import InputError
from winnow.readers import Batch, TextLayout
from winnow.readers.item_lists import ItemLists
from winnow.readers.source_files import (
    DATA_SUFFIXES,
    ReadOptions,
    SourceFile,
    by_columns,
)

READS = (
    f"{', '.join(f'*{suffix}' for suffix in DATA_SUFFIXES)}, and *.txt, *.dat and the "
    "like whose columns fit"
)

TENANT = "default"

_USER, _ITEMS = "1", "2+"
_LINE, _NONE = "line", "\x1f"
"""The column of whole lines, and a delimiter that no line of text has."""

_USER_AND_ITEMS = r"^\s*(?P<user>\S*)\s*(?P<items>.*?)\s*$"

# In this order: user_item_interactions.csv speaks of interactions.
_ENTITY_BY_WORD = {
    "interaction": "interactions",
    "prediction": "predictions",
    "item": "items",
    "user": "users",
}


def recognise(path: Path, options: ReadOptions) -> SourceFile | None:
    """Any file of data, whatever it is called: its columns tell the entity. With
    ``item_id=2+`` each line holds a user and, parted by blanks, any number of items.
    """
    file = by_columns(path, _ENTITY_BY_WORD)
    if file is None or options.mapping.get("item_id") != _ITEMS:
        return file
    if dict(options.mapping) != {"user_id": _USER, "item_id": _ITEMS}:
        raise InputError(
            f"--map item_id={_ITEMS}: a line of a user and its items has no other "
            f"columns, so it goes with user_id={_USER} alone."
        )
    layout = TextLayout(
        delimiter=_NONE,
        encoding=options.encoding or "utf-8",
        quoting=False,
        header=bool(options.header),
        columns=(_LINE,),
        skip_lines=options.skip_lines or 0,
    )
    return replace(file, entity="interactions", layout=layout, reshape=_of_lines)


def _of_lines(batches: Iterator[Batch]) -> Iterator[Batch]:
    def divided() -> Iterator[Batch]:
        for batch in batches:
            parts = pc.extract_regex(batch.records[_LINE], _USER_AND_ITEMS)
            parts = parts.combine_chunks()
            records = batch.records.drop_columns([_LINE])
            for place, name in enumerate((_USER, _ITEMS)):
                records = records.append_column(name, pc.struct_field(parts, place))
            yield batch._replace(records=records)

    return ItemLists(_USER, _ITEMS, _ITEMS, None)(divided())
