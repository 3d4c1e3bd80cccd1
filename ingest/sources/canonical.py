"""Winnow's own format: CSV, TSV, JSON array or lines, Parquet; any names by --map."""

from __future__ import annotations

from pathlib import Path

from ingest.sources.base import DATA_SUFFIXES, ReadOptions, SourceFile, by_columns

READS = (
    f"{', '.join(f'*{suffix}' for suffix in DATA_SUFFIXES)}, and *.txt, *.dat and the "
    "like whose columns fit"
)

# In this order: user_item_interactions.csv speaks of interactions.
_ENTITY_BY_WORD = {
    "interaction": "interactions",
    "prediction": "predictions",
    "item": "items",
    "user": "users",
}


def recognise(path: Path, options: ReadOptions) -> SourceFile | None:
    """Any file of data, whatever it is called: its columns tell the entity."""
    return by_columns(path, _ENTITY_BY_WORD)
