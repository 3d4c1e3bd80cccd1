"""RecoMart: users and transactions as CSV, products as JSON or CSV."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from winnow.readers.source_files import ReadOptions, SourceFile, by_columns

READS = (
    "CSV and JSON with the columns of users, products or transactions, such as "
    "users.csv, transactions.csv and products.json"
)

# In this order: user_transactions.csv speaks of transactions.
_ENTITY_BY_WORD = {
    "transaction": "transactions",
    "user": "users",
    "product": "products",
}


def recognise(path: Path, options: ReadOptions) -> SourceFile | None:
    """Any file of data; one whose name has none of RecoMart's words may be other."""
    file = by_columns(path, _ENTITY_BY_WORD)
    if file is None or file.likely:
        return file
    return replace(file, is_optional=True)
