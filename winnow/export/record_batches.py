"""Reads an export of ``winnow export --format parquet`` as Arrow record batches,
without holding more of it than a row group and, where rows are shuffled, a buffer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.dataset as ds

from winnow.core.errors import InputError
from winnow.export.manifest import CODE_COLUMNS, MANIFEST, read_manifest

BATCH_SIZE = 4096
"""Rows of a batch."""


@dataclass(frozen=True)
class RecordBatches:
    """The rows of an exported folder in batches of ``batch_size`` rows.

    ``columns`` are all where they are None; those that the folders stand for
    (``tenant_id``, ``split``, ...) can be named too and are text. ``tenants`` and
    ``splits`` leave the other folders unread. With ``shuffle_buffer`` (rows) the row
    groups come in an order that ``seed`` and the epoch decide, and each batch is drawn
    from a buffer of that size; without, rows come as they lie in the files.
    """

    folder: Path
    columns: Sequence[str] | None = None
    tenants: Sequence[str] = ()
    splits: Sequence[str] = ()
    batch_size: int = BATCH_SIZE
    shuffle_buffer: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        """Reject (InputError) sizes that make no sense, columns, tenants and splits
        that are not there, folders that are no Parquet export, and codes of several
        tenants without ``tenant_id``.
        """
        if self.batch_size < 1 or self.shuffle_buffer < 0:
            raise InputError("batch_size is 1 or more, shuffle_buffer 0 or more.")
        names = self.dataset().schema.names
        for column in self.columns or ():
            if column not in names:
                raise InputError(
                    f"{self.folder} has no column {column}; it has {', '.join(names)}."
                )
        there = {key: self.values(key) for key in ("tenant_id", "split")}
        for key, chosen in (("tenant_id", self.tenants), ("split", self.splits)):
            for value in chosen:
                if value not in there[key]:
                    raise InputError(
                        f"{self.folder} has no {key} {value!r}; it has "
                        f"{', '.join(there[key]) or 'none'}."
                    )
        self._check_codes(
            list(self.columns or names),
            list(dict.fromkeys(self.tenants)) or there["tenant_id"],
        )

    def _check_codes(self, columns: Sequence[str], tenants: Sequence[str]) -> None:
        codes = [column for column in columns if column in CODE_COLUMNS]
        if len(tenants) > 1 and codes and "tenant_id" not in columns:
            raise InputError(
                f"{self.folder} holds codes ({', '.join(codes)}) of {len(tenants)} "
                f"tenants, numbered from 1 for each by itself: name one, such as "
                f"tenants=[{tenants[0]!r}], or add the column tenant_id."
            )

    def values(self, key: str) -> list[str]:
        """The values of a column that the folders stand for, sorted; none where it is
        no such column.
        """
        return sorted(
            {
                partition[key]
                for partition in self._described()["partitions"]
                if key in partition
            }
        )

    def _described(self) -> dict[str, Any]:
        described = read_manifest(self.folder)
        if described is None:
            raise InputError(f"{self.folder} is not an export: it has no {MANIFEST}.")
        if described["format"] != "parquet":
            raise InputError(f"{self.folder} is an export to {described['format']}.")
        return described

    def dataset(self) -> ds.FileSystemDataset:
        """The files as an Arrow dataset; the folders' columns are text in it, so that a
        tenant ``007`` stays one.
        """
        described = self._described()
        keys = [key for key in described["partitions"][0] if key != "rows"]
        return ds.dataset(
            [self.folder / file["path"] for file in described["files"]],
            format="parquet",
            partitioning=ds.partitioning(
                pa.schema([(key, pa.string()) for key in keys]), flavor="hive"
            ),
            partition_base_dir=str(self.folder),
        )

    def schema(self) -> pa.Schema:
        """The columns of the batches and their types."""
        schema = self.dataset().schema
        return pa.schema([schema.field(name) for name in self.columns or schema.names])

    def batches(
        self, *, epoch: int = 0, shard: int = 0, shards: int = 1
    ) -> Iterator[pa.RecordBatch]:
        """The batches of one of ``shards`` parts of the rows, which together have each
        row once. The parts are made of whole row groups, dealt out in turn.
        """
        random = np.random.default_rng([self.seed, epoch])
        groups = self._row_groups()
        if self.shuffle_buffer:
            groups = [groups[number] for number in random.permutation(len(groups))]
        mine = self._scanned(groups[shard::shards])
        if not self.shuffle_buffer:
            return mine
        return self._shuffled(mine, np.random.default_rng([self.seed, epoch, shard]))

    def _row_groups(self) -> list[ds.ParquetFileFragment]:
        """The row groups of the wanted folders, in order of their files' names."""
        condition: ds.Expression | None = None
        for column, values in (("tenant_id", self.tenants), ("split", self.splits)):
            if values:
                chosen = ds.field(column).isin(list(values))
                condition = chosen if condition is None else condition & chosen
        fragments = sorted(
            self.dataset().get_fragments(filter=condition), key=lambda f: str(f.path)
        )
        return [group for file in fragments for group in file.split_by_row_group()]

    def _scanned(
        self, groups: list[ds.ParquetFileFragment]
    ) -> Iterator[pa.RecordBatch]:
        schema = self.dataset().schema
        for group in groups:
            scanner = ds.Scanner.from_fragment(
                group,
                schema=schema,
                columns=list(self.columns or schema.names),
                batch_size=self.batch_size,
                batch_readahead=1,
                fragment_readahead=0,
                use_threads=False,
            )
            for batch in scanner.to_batches():
                if batch.num_rows:
                    yield batch

    def _shuffled(
        self, batches: Iterator[pa.RecordBatch], random: np.random.Generator
    ) -> Iterator[pa.RecordBatch]:
        """Fill the buffer, shuffle it, give away half, and so on."""
        kept: list[pa.RecordBatch] = []
        size = 0
        for batch in batches:
            kept.append(batch)
            size += batch.num_rows
            if size >= self.shuffle_buffer:
                rows = _permuted(kept, random)
                given = max(1, size // 2)
                yield from rows.slice(0, given).to_batches(self.batch_size)
                kept = rows.slice(given).to_batches()
                size -= given
        if kept:
            yield from _permuted(kept, random).to_batches(self.batch_size)


def _permuted(batches: list[pa.RecordBatch], random: np.random.Generator) -> pa.Table:
    table = pa.Table.from_batches(batches)
    shuffled: pa.Table = table.take(random.permutation(table.num_rows))
    return shuffled.combine_chunks()
