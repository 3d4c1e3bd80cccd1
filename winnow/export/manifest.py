"""The manifest of an export: ``_manifest.json`` in its folder.

The name begins with ``_``, so that pandas, Arrow and Spark, given the folder, pass over
it and read the Parquet files only.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

MANIFEST = "_manifest.json"

CODE_COLUMNS = ("user_index", "item_index", "next_item_index", "item_indexes")
"""Columns of codes, which are numbered from 1 for each tenant by itself: the same code
of two tenants is two users or items.
"""

_EARLIER_NAME = "manifest.json"


def read_manifest(folder: Path) -> dict[str, Any] | None:
    """What the manifest says, also under the name that it had in earlier versions; None
    where the folder is no export.
    """
    for name in (MANIFEST, _EARLIER_NAME):
        try:
            manifest = json.loads((folder / name).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(manifest, dict) and "winnow" in manifest:
            return manifest
    return None
