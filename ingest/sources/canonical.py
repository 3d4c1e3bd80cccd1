"""Winnow's own format: CSV, TSV, JSON array or lines, Parquet; any names by --map."""

from __future__ import annotations

from pathlib import Path

from ingest.sources.base import ReadOptions, SourceFile, plain_name

_SUFFIXES = (".csv", ".tsv", ".json", ".jsonl", ".ndjson", ".parquet")

READS = ", ".join(f"*{suffix}" for suffix in _SUFFIXES)

# In this order: user_item_interactions.csv holds interactions.
_ENTITY_BY_WORD = (
    ("interaction", "interactions"),
    ("prediction", "predictions"),
    ("item", "items"),
    ("user", "users"),
)


def recognise(path: Path, options: ReadOptions) -> SourceFile | None:
    """The entity by the words in the file's name, interactions where there are none."""
    name = plain_name(path)
    if not name.endswith(_SUFFIXES):
        return None
    for word, entity in _ENTITY_BY_WORD:
        if word in name:
            return SourceFile(path, entity)
    return SourceFile(path, "interactions")
