"""One file's records under the names of its contract, every value still text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import closing
from itertools import chain
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from winnow.contracts.entities import Entity
from winnow.core.errors import InputError
from winnow.load.columns import (
    ColumnMatch,
    MissingColumnsError,
    as_json,
    contract_columns,
    decimal_comma_note,
    known_names,
    match_with_folders,
    of_other_tenants,
    with_decimal_points,
    with_members,
)
from winnow.load.whole_file import Columns, WholeFile
from winnow.readers import (
    FAULT_SCHEMA,
    POSITION_COLUMNS,
    RAW_RECORD_LENGTH,
    Batch,
    TextLayout,
    cut_detail,
    find_layout,
    is_json,
    is_parquet,
    normalise_name,
    own_name,
    read_delimited,
    read_json,
    read_parquet,
)
from winnow.readers.source_files import FileFacts, ReadOptions, SourceFile, plain_name

_JSON_SUFFIXES = (".json", ".jsonl", ".ndjson")


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
    facts = FileFacts() if facts is None else facts
    columns, batches, layout = opened(file, [entity], options, facts.notes)
    if not columns:
        batches.close()
        facts.notes.append("It has no records.")
        return
    if layout and not layout.header and not options.mapping and not file.layout:
        raise headerless(file, entity, layout)

    def matched(columns: Sequence[str], partial: bool = False) -> ColumnMatch:
        return match_with_folders(
            entity,
            columns,
            tuple(file.partition),
            options.mapping,
            str(file.path),
            partial,
            options.ignore,
        )

    match = matched(columns)
    facts.notes += layout.notes if layout else ()
    _tell(facts, match)
    if file.partition:
        facts.notes.append(
            f"{', '.join(file.partition)}: said by the names of its folders."
        )
    broken: Counter[str] = Counter()
    is_looked_at = False

    def again() -> Iterator[Columns]:
        _, batches, _ = opened(file, [entity], options)
        with closing(batches):
            for batch in batches:
                if (records := batch.records).num_rows:
                    match = matched(_own_columns(records), partial=True)
                    records = _with_partition(records, file.partition)
                    yield contract_columns(entity, match, records) | {
                        name: records[name] for name in POSITION_COLUMNS
                    }

    whole = WholeFile(entity, str(file.path), again, options.date_order)
    with closing(batches):
        for batch in batches:
            records, faults = batch.records, batch.faults
            if records.num_rows and columns != (found := _own_columns(records)):
                # JSON records need not all have the same keys.
                columns = found
                match = matched(found, partial=True)
                _tell(facts, match)
            records = _with_partition(records, file.partition)
            if limit is not None:
                records, faults = _first(records, limit), _first(faults, limit)
            if match.tenant and records.num_rows:
                records, faults = _own_tenant(records, faults, match, tenant)
            broken.update(faults["reason"].to_pylist())
            columns_of = whole.understood(
                _contract_columns(entity, match, records, options)
            )
            if not is_looked_at and records.num_rows:
                is_looked_at = True
                if note := decimal_comma_note(entity, columns_of):
                    facts.notes.append(note)
                if layout and not layout.header and _holds_lists(columns_of):
                    facts.notes.append(
                        "item_id holds several values parted by blanks: --map "
                        "user_id=1,item_id=2+ makes a record of each."
                    )
            yield Records(
                columns_of,
                records.num_rows,
                faults,
                batch.bytes_read,
                whole.date_order or "ymd",
            )
            if limit is not None and _last_row(batch) >= limit:
                break
    whole.tell(facts)
    facts.notes += _advice(broken)


def _tell(facts: FileFacts, match: ColumnMatch) -> None:
    """Add what a match says to what is known of the file."""
    facts.columns.update({name: own_name(own) for name, own in match.used.items()})
    used = {*facts.columns.values()}
    extra = map(own_name, match.extra)
    left_over = dict.fromkeys((*facts.left_over, *extra))
    facts.left_over = tuple(name for name in left_over if name not in used)


def opened(
    file: SourceFile,
    entities: Sequence[Entity],
    options: ReadOptions,
    notes: list[str] | None = None,
) -> tuple[tuple[str, ...], Generator[Batch], TextLayout | None]:
    """The file's own columns, its batches, and the layout of delimited text.

    ``notes`` gets sentences on what was found out. A file of 0 bytes in a folder has no
    columns, as one with ``[]`` has none.
    """
    path, name = file.path, plain_name(file.path)
    if is_empty_part(file):
        return (), _again([], iter(())), None
    layout = file.layout
    batches: Iterator[Batch]
    if is_parquet(path):
        batches = read_parquet(path)
    elif name.endswith(_JSON_SUFFIXES) or (layout is None and is_json(path)):
        known = known_names(entities, options.mapping)
        batches = read_json(path, options.encoding, known=known, notes=notes)
    else:
        layout = layout or find_layout(
            path,
            known_names(entities, options.mapping),
            delimiter=options.delimiter,
            encoding=options.encoding,
            header=options.header,
            quoting=options.quoting,
            skip_lines=options.skip_lines,
            has_positions=any(map(str.isdecimal, options.mapping.values())),
        )
        batches = read_delimited(path, layout)
        if file.reshape is None:
            return layout.columns, _again([], batches), layout
    if any("." in theirs for theirs in options.mapping.values()):
        batches = _members(batches, options)
    peeked = _peeked(file, file.reshape(batches) if file.reshape else batches)
    return *peeked, layout


def is_empty_part(file: SourceFile) -> bool:
    """Whether a file of a folder has 0 bytes, as writers of parts leave them."""
    return file.in_folder and file.path.is_file() and not file.path.stat().st_size


def _members(batches: Iterator[Batch], options: ReadOptions) -> Iterator[Batch]:
    """Batches with the members of objects that a mapping names, as columns."""
    for batch in batches:
        records = with_members(batch.records, options.mapping.values())
        yield batch._replace(records=records)


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
    """The columns of the first records, and all batches, those looked at included.

    A file without any record has the columns of its schema where it has one, else none.
    """
    looked_at = []
    for batch in batches:
        looked_at.append(batch)
        if batch.records.num_rows:
            return _own_columns(batch.records), _again(looked_at, batches)
    if any(batch.faults.num_rows for batch in looked_at):
        raise InputError(f"{file.path} has no record that can be read.")
    columns = _own_columns(looked_at[-1].records) if looked_at else ()
    return columns, _again(looked_at, iter(()))


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
    lengths = pc.fill_null(pc.binary_length(text), 0)
    wrong = pa.table(
        {
            "row_number": refused["row_number"],
            "line_number": refused["line_number"],
            "reason": pa.repeat(pa.scalar("wrong_tenant"), refused.num_rows),
            "raw_record": pc.utf8_slice_codeunits(text, 0, RAW_RECORD_LENGTH),
            "detail": pa.array(map(cut_detail, lengths.to_pylist()), pa.string()),
        },
        schema=FAULT_SCHEMA,
    )
    return records.filter(pc.invert(foreign)), pa.concat_tables([faults, wrong])


def headerless(
    file: SourceFile, entity: Entity, layout: TextLayout
) -> MissingColumnsError:
    """Says of a file without header how its columns are named by position."""
    needed = [column.name for column in entity.required_columns]
    positions = " ".join(
        f"--map {name}={place}" for place, name in enumerate(needed, start=1)
    )
    return MissingColumnsError(
        f"{file.path}, line {layout.skip_lines + 1}: {layout.first_line!r} is no "
        f"header that names columns of {entity.source}; say which column is which by "
        f"its position, as in --no-header {positions}, or --header, or --delimiter "
        f"where {layout.delimiter!r} does not part the fields."
    )


def _holds_lists(columns: Mapping[str, pa.Array | pa.ChunkedArray]) -> bool:
    """Whether most items are several words, in lines of a user and many items."""
    if "item_id" not in columns:
        return False
    is_list = pc.match_substring_regex(columns["item_id"], r"^\s*\S+(\s+\S+)+\s*$")
    return bool((pc.mean(pc.cast(is_list, pa.int8())).as_py() or 0) > 0.5)


def _advice(broken: Mapping[str, int]) -> list[str]:
    """What may help against records that could not be read."""
    advice = []
    if count := broken["too_few_fields"] + broken["too_many_fields"]:
        advice.append(
            f"{count:,} with another number of fields than expected: is the "
            "--delimiter right?"
        )
    if count := broken["broken_quoting"]:
        advice.append(
            f"{count:,} with quotes that open or close no field: --no-quoting where a "
            "quote is plain text."
        )
    if count := broken["invalid_encoding"]:
        advice.append(
            f"{count:,} with bytes that are no text in the file's encoding: --encoding."
        )
    if count := broken["repeated_header"]:
        advice.append(f"{count:,} that say the header again.")
    return [f"Records that could not be read: {one}" for one in advice]


def _contract_columns(
    entity: Entity,
    match: ColumnMatch,
    records: pa.Table,
    options: ReadOptions,
) -> dict[str, pa.Array | pa.ChunkedArray]:
    columns = contract_columns(entity, match, records)
    if options.decimal_comma:
        columns = with_decimal_points(entity, columns)
    return columns | {
        "row_number": records["row_number"],
        "line_number": records["line_number"],
        "extra": as_json(records, match.extra),
    }
