"""The orders of a shop, as its till writes them: an example of a source of one's own.

The till has its own names for columns, and writes no kind of event: it sells.
"""

from __future__ import annotations

from pathlib import Path

from winnow.readers.source_files import ReadOptions, SourceFile, plain_name, renamed

READS = "orders*.csv"

CONTRACT = "canonical"

_COLUMNS = {
    "customer": "user_id",
    "sku": "item_id",
    "sold": "interacted_at",
    "amount": "price",
}


def recognise(path: Path, options: ReadOptions) -> SourceFile | None:
    """Orders by the file's name; anything else is None."""
    name = plain_name(path)
    if not (name.startswith("orders") and name.endswith(".csv")):
        return None
    reshape = renamed(_COLUMNS, event_type="purchase")
    return SourceFile(path, "interactions", reshape=reshape)
