"""A PyTorch dataset over an export of ``winnow export --format parquet``.

.. code-block:: python

    stream = InteractionStream(
        "out", tenants=["shop"], splits=["train"], shuffle_buffer=100_000
    )
    loader = DataLoader(stream, batch_size=None, num_workers=2)
    for epoch in range(10):
        stream.set_epoch(epoch)
        for batch in loader:
            batch["user_index"], batch["item_index"], batch["label"]

Only this module needs torch, which winnow does not install.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import InputError
from winnow.export.record_batches import BATCH_SIZE, RecordBatches

try:
    import torch
    from torch.utils.data import IterableDataset, get_worker_info
except ImportError as error:  # pragma: no cover - the test runs in a process of its own
    raise ImportError(
        "winnow.export.torch_dataset needs PyTorch, which winnow does not install: "
        "`pip install torch`. winnow.export.record_batches reads the same files "
        "without it."
    ) from error


class InteractionStream(IterableDataset):
    """Batches of an exported folder as dictionaries of tensors, read as they are asked
    for; give it to a ``DataLoader`` with ``batch_size=None``.

    ``columns`` are all that can be tensors where they are None: numbers, booleans,
    times (microseconds since 1970, int64) and lists of integers (padded with 0 on the
    left to the batch's longest). Text comes, where it is named, as a list of str. Null
    is NaN in floats; in all else it is ``fill_null``, or an error where that is None.
    The other arguments are those of RecordBatches.

    Codes (``user_index``, ``item_index``, ...) are numbered from 1 for each tenant by
    itself, so an export of several tenants wants one in ``tenants``, or the column
    ``tenant_id`` among ``columns``; anything else is an InputError.

    A ``DataLoader``'s workers share the rows out by row groups, so that each row comes
    once; ``shard`` of ``shards`` does the same between processes (rank of world size).
    """

    def __init__(
        self,
        folder: str | Path,
        columns: Sequence[str] | None = None,
        *,
        tenants: Sequence[str] = (),
        splits: Sequence[str] = (),
        batch_size: int = BATCH_SIZE,
        shuffle_buffer: int = 0,
        seed: int = 0,
        fill_null: int | None = None,
        shard: int = 0,
        shards: int = 1,
    ) -> None:
        """Look at the folder; no row is read yet."""
        super().__init__()
        if not 0 <= shard < shards:
            raise InputError(f"shard {shard} of {shards}: it is 0 to shards - 1.")
        everything = RecordBatches(Path(folder), tenants=tenants).schema()
        if columns is None:
            columns = [field.name for field in everything if _is_number(field.type)]
        self._batches = RecordBatches(
            Path(folder),
            columns,
            tenants,
            splits,
            batch_size,
            shuffle_buffer,
            seed,
        )
        self._fill_null = fill_null
        self._shard, self._shards = shard, shards
        # In shared memory, so that workers which live on see it change.
        self._epoch = torch.zeros((), dtype=torch.int64).share_memory_()

    def set_epoch(self, epoch: int) -> None:
        """Decide the order of the next pass; call it before each."""
        self._epoch.fill_(epoch)

    def __iter__(self) -> Iterator[dict[str, Any]]:
        """The batches of this process, or of this worker of a ``DataLoader``."""
        info = get_worker_info()
        worker, workers = (0, 1) if info is None else (info.id, info.num_workers)
        for batch in self._batches.batches(
            epoch=int(self._epoch),
            shard=self._shard * workers + worker,
            shards=self._shards * workers,
        ):
            yield {
                name: _tensor(name, column, self._fill_null)
                for name, column in zip(batch.schema.names, batch.columns, strict=True)
            }


def _is_number(kind: pa.DataType) -> bool:
    if pa.types.is_list(kind):
        return bool(pa.types.is_integer(kind.value_type))
    return bool(
        pa.types.is_integer(kind)
        or pa.types.is_floating(kind)
        or pa.types.is_boolean(kind)
        or pa.types.is_timestamp(kind)
    )


def _tensor(name: str, column: pa.Array, fill_null: int | None) -> Any:
    """A column of a batch as a tensor; text as a list of str."""
    kind = column.type
    if not _is_number(kind):
        return column.to_pylist()
    if pa.types.is_floating(kind):
        return torch.from_numpy(_owned(column.fill_null(float("nan"))))
    if column.null_count and fill_null is None:
        raise InputError(f"{name} has nulls: give fill_null, or other columns.")
    if pa.types.is_list(kind):
        return _padded(column)
    if pa.types.is_timestamp(kind):
        column = column.cast(pa.timestamp("us")).cast(pa.int64())
    if pa.types.is_boolean(kind):
        return torch.from_numpy(_owned(column.fill_null(bool(fill_null))))
    return torch.from_numpy(_owned(column.fill_null(fill_null or 0)))


def _owned(column: pa.Array) -> np.ndarray[Any, Any]:
    """The values as an array that torch may write to."""
    return np.array(column.to_numpy(zero_copy_only=False))


def _padded(column: pa.Array) -> Any:
    """Lists of integers as one matrix, 0 on the left of the shorter ones; a null list
    is an empty one.
    """
    lengths = pc.list_value_length(column).fill_null(0).to_numpy(zero_copy_only=False)
    width = int(lengths.max(initial=0))
    matrix = np.zeros((len(column), width), dtype=np.int64)
    places = np.arange(width)
    matrix[places >= (width - lengths)[:, None]] = column.flatten().to_numpy(
        zero_copy_only=False
    )
    return torch.from_numpy(matrix)
