"""Rejected records: what was rejected and why, as counts and as envelopes, one per
record, with what became of the files that they came from.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import duckdb

from winnow.contracts.entities import ContractError, contract
from winnow.core.errors import InputError
from winnow.core.leftovers import unfinished
from winnow.core.settings import Settings
from winnow.rejected.violations import Violation, violation
from winnow.warehouse.reading import has_table, read_only

Progress = Callable[[int, int], None]
"""Told how many records are written, and how many there are."""

_FETCHED = 10_000
_SHORTEST_ID = 8
_COLUMNS = (
    "rejected_id, tenant_id, source, entity, reasons, raw_record, detail, "
    "contract_version, status, is_held, replaced_by, replay_of, replayed_in, file, "
    "file_sha256, load_id, row_number, line_number, attempt, attempts, received_at, "
    "loaded_at"
)
_RECORDS = "validated.rejected_records"

# validated.rejected_records cannot say this itself: the gate, from which the states of
# files follow, counts its rows.
_WITH_STATES = f"""(
    select
        * replace (
            if(status = 'open' and is_replaced, 'replaced', status) as status,
            is_held and not is_replaced as is_held
        )
    from (
        select
            rejected.*,
            states.replaced_by,
            states.replaced_by is not null or coalesce(
                verdicts.is_superseded and not verdicts.is_correction, false
            ) as is_replaced,
            coalesce(states.state = 'held', false) as is_held
        from {_RECORDS} as rejected
        left join validated.file_states as states
            using (tenant_id, source, entity, load_id, file)
        left join validated.load_verdicts as verdicts
            using (tenant_id, source, entity, load_id)
    )
)"""

_WITHOUT_STATES = f"""(
    select
        *,
        cast(null as varchar) as replaced_by,
        false as is_replaced,
        false as is_held
    from {_RECORDS}
)"""


@dataclass(frozen=True)
class Filters:
    """Which rejected records are meant; None means any. ``reason`` is a whole reason,
    such as ``rating.maximum``. Without ``everything`` only open records are: neither
    those with an accepted correction or a newer, rejected one, nor those whose file was
    replaced.
    """

    tenant: str | None = None
    source: str | None = None
    entity: str | None = None
    reason: str | None = None
    load_id: str | None = None
    everything: bool = False

    def condition(self) -> tuple[str, list[str]]:
        """SQL over ``records_sql``, and its parameters."""
        terms = {
            "tenant_id = ?": self.tenant,
            "source = ?": self.source,
            "entity = ?": self.entity,
            "list_contains(reasons, ?)": self.reason,
            "load_id = ?": self.load_id,
        }
        given = {term: value for term, value in terms.items() if value is not None}
        parts = [*given, *([] if self.everything else ["status = 'open'"])]
        return " and ".join(parts) or "true", list(given.values())


@dataclass(frozen=True)
class RejectionCount:
    """Rejected records of one tenant, entity and reason, and the first of them.
    ``held`` of them lie in held loads.
    """

    tenant_id: str
    source: str
    entity: str
    reason: str
    records: int
    held: int
    example_id: str
    example_file: str
    example_line: int | None


@dataclass(frozen=True)
class Envelope:
    """One rejected record, and all that is known about it.

    ``status`` is ``open``, ``superseded``, ``resolved``, or ``replaced``: its file was
    loaded again, by the load ``replaced_by`` (None where the record's own load is
    held), so that no correction is needed. ``is_held`` where its load waits for
    somebody.
    ``payload`` is the record by its raw columns, text or null, to be edited for a
    replay; None for a record that could not be read. ``raw_payload`` is the record as
    it landed; ``detail`` is what else there is to say of one that could not be read.
    ``topic``, ``partition`` and ``offset`` stand for ``file`` and its lines
    where a record came from a stream, and are None for files. Times are UTC;
    ``received_at`` is None where the loader did not note it yet.
    """

    rejected_id: str
    tenant_id: str
    source: str
    entity: str
    contract_version: str | None
    status: str
    is_held: bool
    replaced_by: str | None
    violations: tuple[Violation, ...]
    payload: dict[str, str | None] | None
    raw_payload: Any
    detail: str | None
    file: str | None
    file_sha256: str | None
    row_number: int | None
    line_number: int | None
    topic: str | None
    partition: int | None
    offset: int | None
    load_id: str
    received_at: datetime | None
    loaded_at: datetime
    attempt: int
    attempts: int
    replay_of: str | None
    replayed_in: str | None

    def json(self) -> str:
        """The envelope as one line of JSON; times as ISO 8601 with a Z."""
        known = vars(self) | {
            "violations": [vars(broken) for broken in self.violations]
        }
        return json.dumps(known, ensure_ascii=False, default=_iso)


def _iso(value: Any) -> str:
    if isinstance(value, datetime):
        return f"{value.isoformat()}Z"
    raise TypeError(f"{type(value).__name__} does not stand in an envelope")


@contextmanager
def opened_warehouse(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A reading connection to the warehouse, built or not. Raises InputError when there
    is none, or it is being written.
    """
    if not settings.warehouse.exists():
        raise InputError(
            f"There is no warehouse {settings.warehouse}: load some data, then "
            "`winnow build`."
        )
    try:
        with read_only(settings.warehouse) as connection:
            yield connection
    except duckdb.IOException as error:
        raise InputError(
            f"The warehouse {settings.warehouse} cannot be read: {error}"
        ) from error


@contextmanager
def built_warehouse(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """A reading connection to a warehouse that has ``validated.rejected_records``.

    Raises InputError when there is no warehouse, it is being written, or its last build
    is older than the ids of rejected records.
    """
    with opened_warehouse(settings) as connection:
        if not _is_built(connection):
            raise InputError(
                f"{settings.warehouse} has no rejected records to show: "
                "`winnow build` makes them."
            )
        yield connection


def _is_built(connection: duckdb.DuckDBPyConnection) -> bool:
    row = connection.execute(
        "select count(*) from duckdb_columns() where schema_name = 'validated' "
        "and table_name = 'rejected_records' and column_name = 'status'"
    ).fetchone()
    return bool(row and row[0])


def records_sql(connection: duckdb.DuckDBPyConnection) -> str:
    """The rows of ``validated.rejected_records`` as a table in SQL, with the states of
    their files: ``status`` may be ``replaced``, and ``replaced_by``, ``is_replaced``
    and ``is_held`` are new. A warehouse without those states has none of them.
    """
    states = ("file_states", "load_verdicts")
    has_states = all(has_table(connection, "validated", name) for name in states)
    return _WITH_STATES if has_states else _WITHOUT_STATES


def rejections(
    connection: duckdb.DuckDBPyConnection, filters: Filters, limit: int | None = None
) -> tuple[int, list[RejectionCount]]:
    """How many rejected records of the last build the filters mean, and their counts;
    none where nothing was built yet.
    """
    if not _is_built(connection):
        return 0, []
    counts = rejection_counts(connection, filters, limit)
    return record_count(connection, filters), counts


def rejection_counts(
    connection: duckdb.DuckDBPyConnection, filters: Filters, limit: int | None = None
) -> list[RejectionCount]:
    """Counts by tenant, entity and reason, the most first, the first ``limit`` of them.
    A record with several reasons counts for each.
    """
    condition, values = filters.condition()
    if filters.reason is not None:
        condition += " and reason = ?"
        values = [*values, filters.reason]
    first = "arg_min({}, (file, row_number))"
    rows = connection.execute(
        "select tenant_id, source, entity, reason, count(*), "
        "count(*) filter (is_held), "
        f"{first.format('rejected_id')}, {first.format('file')}, "
        f"{first.format('coalesce(line_number, row_number)')} "
        f"from {records_sql(connection)}, unnest(reasons) as unnested (reason) "
        f"where {condition} group by all "
        "order by count(*) desc, tenant_id, source, entity, reason"
        + ("" if limit is None else f" limit {int(limit)}"),
        values,
    ).fetchall()
    return [RejectionCount(*row) for row in rows]


def record_count(connection: duckdb.DuckDBPyConnection, filters: Filters) -> int:
    """How many rejected records the filters mean."""
    condition, values = filters.condition()
    row = connection.execute(
        f"select count(*) from {records_sql(connection)} where {condition}", values
    ).fetchone()
    return int(row[0]) if row else 0


def envelopes(
    connection: duckdb.DuckDBPyConnection, filters: Filters, limit: int | None = None
) -> Iterator[Envelope]:
    """The envelopes that the filters mean, by tenant, entity, file and row."""
    condition, values = filters.condition()
    cursor = connection.execute(
        f"select {_COLUMNS} from {records_sql(connection)} where {condition} "
        "order by tenant_id, source, entity, file, loaded_at, row_number, rejected_id"
        + ("" if limit is None else f" limit {int(limit)}"),
        values,
    )
    while rows := cursor.fetchmany(_FETCHED):
        yield from map(_envelope, rows)


def envelope(connection: duckdb.DuckDBPyConnection, rejected_id: str) -> Envelope:
    """The envelope of a record; the first 8 or more characters of its id will do.
    Raises InputError when there is none, or more than one.
    """
    if len(rejected_id) < _SHORTEST_ID:
        raise InputError(
            f"{rejected_id!r} is too short: give at least {_SHORTEST_ID} characters of "
            "the record's id."
        )
    rows = connection.execute(
        f"select {_COLUMNS} from {records_sql(connection)} "
        "where starts_with(rejected_id, ?) order by rejected_id limit 2",
        [rejected_id.lower()],
    ).fetchall()
    if len(rows) != 1:
        which = "more than one" if rows else "no"
        raise InputError(
            f"There is {which} rejected record {rejected_id}; `winnow rejected list` "
            "shows what there is, and the next build what has been loaded since. "
            "Records of files that were replaced or taken back leave with a build."
        )
    return _envelope(rows[0])


def _envelope(row: tuple[Any, ...]) -> Envelope:
    names = _COLUMNS.split(", ")
    known = dict(zip(names, row, strict=True))
    reasons, raw = known.pop("reasons"), json.loads(known.pop("raw_record"))
    payload = raw if isinstance(raw, dict) else None
    return Envelope(
        **known,
        violations=violations(known["source"], known["entity"], reasons, payload),
        payload=payload,
        raw_payload=raw,
        topic=None,
        partition=None,
        offset=None,
    )


def violations(
    source: str,
    entity: str,
    reasons: list[str],
    payload: dict[str, str | None] | None,
) -> tuple[Violation, ...]:
    """The violations behind a record's reasons, in their order."""
    try:
        declared = contract(source, entity)
    except ContractError:
        return tuple(
            Violation(reason, None, None, f"the record breaks {reason}")
            for reason in reasons
        )
    return tuple(violation(declared, reason, payload) for reason in reasons)


def export(
    settings: Settings,
    out: Path,
    filters: Filters,
    *,
    limit: int | None = None,
    overwrite: bool = False,
    progress: Progress | None = None,
) -> int:
    """Write one envelope per line to ``out``; how many. The file is there as a whole or
    not at all.

    Raises InputError when ``out`` is there already (and not ``overwrite``), or its
    folder is not.
    """
    if out.exists() and not overwrite:
        raise InputError(f"{out} is there already; --overwrite replaces it.")
    if not out.parent.is_dir():
        raise InputError(f"{out} cannot be written: there is no folder {out.parent}.")
    written = 0
    with built_warehouse(settings) as connection:
        total = record_count(connection, filters)
        total = total if limit is None else min(total, limit)
        try:
            with unfinished(settings, out) as partial:
                with partial.open("w", encoding="utf-8") as file:
                    for record in envelopes(connection, filters, limit):
                        file.write(record.json() + "\n")
                        written += 1
                        if progress is not None and written % _FETCHED == 0:
                            progress(written, total)
                    file.flush()
                    os.fsync(file.fileno())
                partial.replace(out)
        except OSError as error:
            raise InputError(
                f"{out} cannot be written: {error.strerror or error}."
            ) from error
    return written
