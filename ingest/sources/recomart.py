"""RecoMart: users and transactions as CSV, products as JSON or CSV."""

from __future__ import annotations

from pathlib import Path

from ingest.sources.base import ReadOptions, SourceFile, plain_name

READS = "*transaction*.csv, *user*.csv, products.json, products.jsonl, products.csv"


def recognise(path: Path, options: ReadOptions) -> SourceFile | None:
    """A RecoMart file by the words in its name; anything else is None."""
    name = plain_name(path)
    if name.endswith(".csv"):
        for word, entity in (("transaction", "transactions"), ("user", "users")):
            if word in name:
                return SourceFile(path, entity)
    if name in ("products.json", "products.jsonl", "products.ndjson", "products.csv"):
        return SourceFile(path, "products")
    return None
