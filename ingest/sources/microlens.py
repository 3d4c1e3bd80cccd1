"""MicroLens: pairs with times (CSV), pairs as one line per user (TSV), titles."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from ingest.readers import Batch, TextLayout
from ingest.sources.base import ReadOptions, SourceFile, plain_name

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
    return SourceFile(path, "pairs", layout, one_record_per_item)


def one_record_per_item(batches: Iterator[Batch]) -> Iterator[Batch]:
    """Turn lines of a user and many items into one record per item.

    ``position`` is the item's place in its line, 1 for the first; ``row_number`` counts
    the records so made, unreadable lines counted as one. A line without items gives
    one record whose item is empty, so that the contract can refuse it.
    """
    rows_before = 0
    for batch in batches:
        exploded, rows = _explode(batch, rows_before)
        rows_before += rows
        yield exploded


def _explode(batch: Batch, rows_before: int) -> tuple[Batch, int]:
    records: pa.Table = batch.records
    faults: pa.Table = batch.faults
    if records.num_rows:
        items = pc.utf8_split_whitespace(
            pc.utf8_trim_whitespace(records["item_ids"].combine_chunks())
        )
        counts = pc.list_value_length(items).to_numpy(zero_copy_only=False)
        counts = counts.astype(np.int64)
    else:
        items = pa.array([], pa.list_(pa.string()))
        counts = np.zeros(0, np.int64)

    # The ordinal of the first record of each line, unreadable lines in between counted.
    lines = np.concatenate(
        [records["line_number"].to_numpy(), faults["line_number"].to_numpy()]
    )
    made = np.concatenate([counts, np.ones(faults.num_rows, np.int64)])
    order = np.argsort(lines, kind="stable")
    first = np.empty(len(made), np.int64)
    first[order] = rows_before + 1 + np.cumsum(made[order]) - made[order]

    starts = np.cumsum(counts) - counts
    within = np.arange(counts.sum(), dtype=np.int64) - np.repeat(starts, counts)
    of_line = pa.array(np.repeat(np.arange(len(counts)), counts))
    exploded = pa.table(
        {
            "user_id": pc.take(records["user_id"], of_line),
            "item_id": pc.list_flatten(items),
            "position": pc.cast(pa.array(within + 1), pa.string()),
            "row_number": pa.array(np.repeat(first[: len(counts)], counts) + within),
            "line_number": pc.take(records["line_number"], of_line),
        }
    )
    numbered = faults.set_column(
        faults.column_names.index("row_number"),
        "row_number",
        pa.array(first[len(counts) :]),
    )
    return batch._replace(records=exploded, faults=numbered), int(made.sum())
