"""Lines of a user and many items as one record per item."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.readers import Batch


@dataclass(frozen=True)
class ItemLists:
    """Turns records of a user and a text of items, parted by blanks, into one record
    per item.

    ``user`` and ``items`` are the columns that are read, ``item`` and ``position``
    those that are written beside ``user``; without ``position`` it is left out.
    """

    user: str = "user_id"
    items: str = "item_ids"
    item: str = "item_id"
    position: str | None = "position"

    def __call__(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        """The records, in the file's order.

        ``position`` is the item's place in its line, 1 for the first; ``row_number``
        counts the records so made, unreadable lines counted as one. A line without
        items gives one record whose item is empty, so that the contract can reject it.
        """
        rows_before = 0
        for batch in batches:
            exploded, rows = self._explode(batch, rows_before)
            rows_before += rows
            yield exploded

    def _explode(self, batch: Batch, rows_before: int) -> tuple[Batch, int]:
        records: pa.Table = batch.records
        faults: pa.Table = batch.faults
        if records.num_rows:
            items = pc.utf8_split_whitespace(
                pc.utf8_trim_whitespace(records[self.items].combine_chunks())
            )
            counts = pc.list_value_length(items).to_numpy(zero_copy_only=False)
            counts = counts.astype(np.int64)
        else:
            items = pa.array([], pa.list_(pa.string()))
            counts = np.zeros(0, np.int64)

        # The ordinal of each line's first record, unreadable lines in between counted.
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
        positions = {}
        if self.position is not None:
            positions[self.position] = pc.cast(pa.array(within + 1), pa.string())
        rows = np.repeat(first[: len(counts)], counts) + within
        exploded = pa.table(
            {
                self.user: pc.take(records[self.user], of_line),
                self.item: pc.list_flatten(items),
                **positions,
                "row_number": pa.array(rows),
                "line_number": pc.take(records["line_number"], of_line),
            }
        )
        numbered = faults.set_column(
            faults.column_names.index("row_number"),
            "row_number",
            pa.array(first[len(counts) :]),
        )
        return batch._replace(records=exploded, faults=numbered), int(made.sum())
