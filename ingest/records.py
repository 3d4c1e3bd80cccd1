"""One file's records under the names of its contract, every value still text."""

from __future__ import annotations

from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from ingest.columns import (
    ColumnMatch,
    as_json,
    contract_columns,
    date_order_of,
    known_names,
    match_with_folders,
    of_other_tenants,
)
from ingest.contracts import Entity
from ingest.errors import InputError
from ingest.readers import (
    FAULT_SCHEMA,
    POSITION_COLUMNS,
    Batch,
    find_layout,
    normalise_name,
    read_delimited,
    read_json,
    read_parquet,
)
from ingest.sources.base import FileFacts, ReadOptions, SourceFile, plain_name

_JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")
_LONGEST_RAW_RECORD = 65_536


class Records(NamedTuple):
    """Some of a file's records.

    ``columns`` has the contract's columns and ``row_number``, ``line_number`` and
    ``extra``; ``faults`` the records that have no columns (FAULT_SCHEMA);
    ``bytes_read`` is how far into the file, as it lies on disk, they reach.
    """

    columns: Mapping[str, pa.Array | pa.ChunkedArray]
    row_count: int
    faults: pa.Table
    bytes_read: int
    date_order: str


def read_records(
    file: SourceFile,
    entity: Entity,
    tenant: str,
    options: ReadOptions,
    limit: int | None = None,
    facts: FileFacts | None = None,
) -> Iterator[Records]:
    """Read a file's records, the first ``limit`` of them where there is a limit.

    Records that say that they belong to another tenant than ``tenant`` become faults.
    ``facts`` is told what is found out on the way; it is whole when all was read.
    Raises InputError when the file cannot be read or lacks a required column.
    """
    columns, batches = opened(file, [entity], options)

    def matched(columns: Sequence[str], partial: bool = False) -> ColumnMatch:
        mapping, path = options.mapping, str(file.path)
        folders = tuple(file.partition)
        return match_with_folders(entity, columns, folders, mapping, path, partial)

    match = matched(columns)
    facts = FileFacts() if facts is None else facts
    _tell(facts, match)
    if file.partition:
        facts.notes.append(
            f"{', '.join(file.partition)}: said by the names of its folders."
        )
    date_order = options.date_order
    with closing(batches):
        for batch in batches:
            records, faults = batch.records, batch.faults
            if records.num_rows and columns != (found := _own_columns(records)):
                # JSON records need not all have the same keys.
                columns = found
                match = matched(found, partial=True)
                _tell(facts, match)
            records = _with_partition(records, file.partition)
            if date_order is None and records.num_rows:
                date_order = date_order_of(entity, match, records)
            if limit is not None:
                records, faults = _first(records, limit), _first(faults, limit)
            if match.tenant and records.num_rows:
                records, faults = _own_tenant(records, faults, match, tenant)
            yield Records(
                _contract_columns(entity, match, records),
                records.num_rows,
                faults,
                batch.bytes_read,
                date_order or "ymd",
            )
            if limit is not None and _last_row(batch) >= limit:
                return


def _tell(facts: FileFacts, match: ColumnMatch) -> None:
    """Add what a match says to what is known of the file."""
    facts.columns.update(match.used)
    used = {*facts.columns.values()}
    left_over = dict.fromkeys((*facts.left_over, *match.extra))
    facts.left_over = tuple(name for name in left_over if name not in used)


def opened(
    file: SourceFile, entities: Sequence[Entity], options: ReadOptions
) -> tuple[tuple[str, ...], Generator[Batch]]:
    """The file's own columns, and its batches."""
    path, name = file.path, plain_name(file.path)
    layout = file.layout
    batches: Iterator[Batch]
    if name.endswith(".parquet"):
        batches = read_parquet(path)
    elif name.endswith(_JSON_SUFFIXES):
        batches = read_json(path, options.encoding)
    else:
        layout = layout or find_layout(
            path,
            known_names(entities, options.mapping),
            delimiter=options.delimiter,
            encoding=options.encoding,
            header=options.header,
        )
        batches = read_delimited(path, layout)
        if file.reshape is None:
            return layout.columns, _again([], batches)
    return _peeked(file, file.reshape(batches) if file.reshape else batches)


def _with_partition(records: pa.Table, partition: Mapping[str, str | None]) -> pa.Table:
    """The records with what the names of their folders say, as columns."""
    own = set(map(normalise_name, records.column_names))
    for name, value in partition.items():
        if normalise_name(name) not in own:
            same = pa.repeat(pa.scalar(value, pa.string()), records.num_rows)
            records = records.append_column(name, same)
    return records


def _peeked(
    file: SourceFile, batches: Iterator[Batch]
) -> tuple[tuple[str, ...], Generator[Batch]]:
    """The columns of the first records, and all batches, those looked at included."""
    looked_at = []
    for batch in batches:
        looked_at.append(batch)
        if batch.records.num_rows:
            return _own_columns(batch.records), _again(looked_at, batches)
    raise InputError(f"{file.path} has no record that can be read.")


def _again(looked_at: list[Batch], rest: Iterator[Batch]) -> Generator[Batch]:
    """Both, as a generator, so that they can be closed before their end."""
    yield from chain(looked_at, rest)


def _own_columns(records: pa.Table) -> tuple[str, ...]:
    return tuple(name for name in records.column_names if name not in POSITION_COLUMNS)


def _first(rows: pa.Table, limit: int) -> pa.Table:
    if not rows.num_rows or pc.max(rows["row_number"]).as_py() <= limit:
        return rows
    return rows.filter(pc.less_equal(rows["row_number"], limit))


def _last_row(batch: Batch) -> int:
    return max(
        (
            pc.max(rows["row_number"]).as_py()
            for rows in (batch.records, batch.faults)
            if rows.num_rows
        ),
        default=0,
    )


def _own_tenant(
    records: pa.Table, faults: pa.Table, match: ColumnMatch, tenant: str
) -> tuple[pa.Table, pa.Table]:
    foreign = of_other_tenants(records, match, tenant)
    if not pc.any(foreign).as_py():
        return records, faults
    refused = records.filter(foreign)
    text = as_json(refused, _own_columns(refused))
    wrong = pa.table(
        {
            "row_number": refused["row_number"],
            "line_number": refused["line_number"],
            "reason": pa.repeat(pa.scalar("wrong_tenant"), refused.num_rows),
            "raw_record": pc.utf8_slice_codeunits(text, 0, _LONGEST_RAW_RECORD),
        },
        schema=FAULT_SCHEMA,
    )
    return records.filter(pc.invert(foreign)), pa.concat_tables([faults, wrong])


def _contract_columns(
    entity: Entity, match: ColumnMatch, records: pa.Table
) -> dict[str, pa.Array | pa.ChunkedArray]:
    columns = contract_columns(entity, match, records)
    return columns | {
        "row_number": records["row_number"],
        "line_number": records["line_number"],
        "extra": as_json(records, match.extra),
    }
