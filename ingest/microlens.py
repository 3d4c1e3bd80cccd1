"""MicroLens: pairs with times (CSV), pairs as one line per user (TSV), titles."""

from __future__ import annotations

from pathlib import Path

from winnow.readers import TextLayout
from winnow.readers.item_lists import ItemLists
from winnow.readers.source_files import ReadOptions, SourceFile, plain_name

READS = "*_pairs.csv, *_pairs.tsv, *_titles.csv"

_PAIRS_COLUMNS = ("user_id", "item_ids")


def recognise(path: Path, options: ReadOptions) -> SourceFile | None:
    """A MicroLens file by the end of its name; anything else is None."""
    name = plain_name(path)
    if name.endswith("_pairs.csv"):
        return SourceFile(path, "pairs")
    if name.endswith("_titles.csv"):
        return SourceFile(path, "titles")
    if not name.endswith("_pairs.tsv"):
        return None
    layout = TextLayout(
        delimiter=options.delimiter or "\t",
        encoding=options.encoding or "utf-8",
        quoting=False,
        header=bool(options.header),
        columns=_PAIRS_COLUMNS,
    )
    return SourceFile(path, "pairs", layout, ItemLists())
