"""Corrections of rejected records: which of them are loaded, which stand against
something that was accepted, and which change nothing.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from enum import Enum
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from winnow.contracts.entities import RAW_SCHEMA, ContractError, Entity, contract
from winnow.core.errors import InputError
from winnow.core.lock import OF_A_LOAD, warehouse_lock
from winnow.core.settings import Settings
from winnow.load import pipeline
from winnow.load.corrections import Conflict, Correction, EntityCorrections, Replay
from winnow.readers import sha256_of
from winnow.rejected.records import built_warehouse, records_sql
from winnow.warehouse.reading import has_table
from winnow.warehouse.sql import identifier, literal

Stage = Callable[[str], None]
"""Told what is being done."""

EVENT_ID = "interaction_id"
"""The column by which a sender names an event, in the contracts that have it."""

_FIRST_ATTEMPT = 1


class Outcome(Enum):
    """What became of one correction."""

    LOADED = "loaded"
    ALREADY = "already replayed"
    UNCHANGED = "unchanged"
    REPLACED = "replaced"
    WAITING = "waiting for a build"
    CONFLICT = "conflict"


@dataclass(frozen=True)
class Judged:
    """One correction and what became of it; ``message`` is a sentence."""

    correction: Correction
    outcome: Outcome
    message: str


@dataclass(frozen=True)
class ReplayReport:
    """What became of a file of corrections. ``load_ids`` are the loads that were made,
    and ``held`` the held loads of which records were corrected.
    """

    judged: tuple[Judged, ...]
    load_ids: tuple[str, ...]
    held: tuple[str, ...] = ()

    def count(self, outcome: Outcome) -> int:
        """How many corrections came to this."""
        return Counter(verdict.outcome for verdict in self.judged)[outcome]

    @property
    def complete(self) -> bool:
        """Whether every correction is in the raw tables now."""
        in_place = (Outcome.LOADED, Outcome.ALREADY)
        return all(verdict.outcome in in_place for verdict in self.judged)


@dataclass(frozen=True)
class _Rejected:
    """A rejected record as the last build saw it. ``load_id`` and ``file`` are those of
    the record as it was first rejected, and so is what became of its file.
    """

    rejected_id: str
    original_id: str
    load_id: str
    file: str
    tenant: str
    source: str
    entity: str
    reasons: Sequence[str]
    payload: dict[str, str | None] | None
    contract_version: str | None
    is_resolved: bool
    attempts: int
    is_replaced: bool
    replaced_by: str | None
    is_held: bool


@dataclass(frozen=True)
class _Line:
    """A line of the file: the id that it names, and its payload."""

    rejected_id: str
    payload: dict[str, str | None] | None
    row_number: int
    line_number: int


@dataclass(frozen=True)
class _Earlier:
    """A replay that the log has."""

    attempt: int
    payload_sha256: str
    contract_version: str


@dataclass(frozen=True)
class _Namesake:
    """The newest record of the same event id; ``is_judged`` when a build has accepted
    it.
    """

    payload: Mapping[str, str | None]
    is_judged: bool


@dataclass
class _Group:
    """The corrections of one tenant and entity."""

    tenant: str
    entity: Entity
    lines: list[tuple[Correction, _Rejected]] = field(default_factory=list)
    replays: list[Replay] = field(default_factory=list)
    conflicts: list[Conflict] = field(default_factory=list)

    def by_file(self, sha256: str) -> Iterator[EntityCorrections]:
        """What is to be loaded, apart for each file of a load that is corrected: so
        that corrections go when what they correct is taken back.
        """
        of = {
            correction.rejected_id: (record.load_id, record.file)
            for correction, record in self.lines
        }
        corrections = [line.correction for line in self.replays]
        corrections += [line.correction for line in self.conflicts]
        for corrects in dict.fromkeys(
            of[correction.rejected_id] for correction in corrections
        ):
            yield EntityCorrections(
                self.tenant,
                self.entity,
                sha256,
                [r for r in self.replays if of[r.correction.rejected_id] == corrects],
                [c for c in self.conflicts if of[c.correction.rejected_id] == corrects],
                corrects,
            )


def replay(
    settings: Settings,
    path: Path,
    stage: Stage | None = None,
    progress: pipeline.Progress | None = None,
) -> ReplayReport:
    """Load the corrected payloads of a file of envelopes, one JSON object per line with
    ``rejected_id`` and ``payload``; exactly once, and one load per tenant and entity.

    A correction that is loaded is judged by the next build, like every record. Raises
    InputError, naming file, line and rule, for a line that is no such object, names no
    rejected record, or changes the id of its event; nothing is loaded then.
    """
    tell = stage or (lambda _what: None)
    tell(f"reading {path.name}")
    sha256 = sha256_of(path)
    lines = list(_lines(path))
    with warehouse_lock(settings, OF_A_LOAD):
        pipeline.take_in(settings)
        tell("looking up the rejected records")
        with built_warehouse(settings) as connection:
            rejected = _rejected_records(connection, path, lines)
            groups = _groups(path, lines, rejected)
            judged = [
                verdict
                for group in groups
                for verdict in _judged_group(connection, group)
            ]
            _drop_known_conflicts(connection, groups)
        load_ids = []
        for group in groups:
            for corrections in group.by_file(sha256):
                tell(f"loading {group.entity.source} {group.entity.name}")
                load_ids.append(pipeline.replay(path, corrections, settings, progress))
        pipeline.take_in(settings, progress.store if progress else None)
    judged.sort(key=lambda verdict: verdict.correction.row_number)
    loaded = {
        verdict.correction.rejected_id
        for verdict in judged
        if verdict.outcome is Outcome.LOADED
    }
    held = {
        record.load_id
        for group in groups
        for correction, record in group.lines
        if record.is_held and correction.rejected_id in loaded
    }
    return ReplayReport(tuple(judged), tuple(load_ids), tuple(sorted(held)))


def _lines(path: Path) -> Iterator[_Line]:
    """The file's lines. Raises InputError for one that cannot be used."""
    row_number = 0
    seen: dict[str, int] = {}
    with path.open("rb") as file:
        for line_number, data in enumerate(file, start=1):
            if not data.strip():
                continue
            row_number += 1
            where = f"{path}, line {line_number}"
            line = _line(where, data, row_number, line_number)
            first = seen.setdefault(line.rejected_id, line_number)
            if first != line_number:
                raise InputError(
                    f"{where}: the record {line.rejected_id} is corrected on line "
                    f"{first} already; one correction per record."
                )
            yield line
    if not row_number:
        raise InputError(f"{path} has no line with a correction.")


def _line(where: str, data: bytes, row_number: int, line_number: int) -> _Line:
    try:
        value = json.loads(
            data.decode("utf-8-sig"), parse_int=str, parse_float=str, parse_constant=str
        )
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where} is not one JSON object: {error}.") from error
    if not isinstance(value, dict):
        raise InputError(f"{where} is JSON, but no object.")
    for name in ("rejected_id", "payload"):
        if name not in value:
            raise InputError(
                f"{where} has no {name}; an envelope has rejected_id and payload."
            )
    rejected_id, payload = value["rejected_id"], value["payload"]
    if not isinstance(rejected_id, str):
        raise InputError(f"{where}: the rejected_id must be text.")
    if payload is None:
        return _Line(rejected_id, None, row_number, line_number)
    if not isinstance(payload, dict):
        raise InputError(f"{where}: the payload must be an object, or null.")
    texts = {name: _text(where, name, member) for name, member in payload.items()}
    return _Line(rejected_id, texts, row_number, line_number)


def _text(where: str, name: str, value: Any) -> str | None:
    """A value as the text that lands; numbers come as their own text."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if not isinstance(value, str | None):
        raise InputError(
            f"{where}: the payload's {name} must be text, a number, true, false "
            "or null."
        )
    try:
        (value or "").encode()
    except UnicodeEncodeError:
        raise InputError(
            f"{where}: the payload's {name} has half a character."
        ) from None
    return value


def _rejected_records(
    connection: duckdb.DuckDBPyConnection, path: Path, lines: Sequence[_Line]
) -> dict[str, _Rejected]:
    """The records that the lines name, by the id that they name them by. Raises
    InputError for an id that there is not.
    """
    named_ids = pa.table(
        {"rejected_id": pa.array([line.rejected_id for line in lines])}
    )
    connection.register("wanted_ids", named_ids)
    names = [known.name for known in fields(_Rejected)]
    records = records_sql(connection)
    rows = connection.execute(
        "select named.rejected_id, coalesce(named.replay_of, named.rejected_id), "
        "coalesce(original.load_id, named.load_id), "
        "coalesce(original.file, named.file), named.tenant_id, named.source, "
        "named.entity, named.reasons, named.raw_record, named.contract_version, "
        "named.status = 'resolved', named.attempts, "
        "named.is_replaced or coalesce(original.is_replaced, false), "
        "coalesce(original.replaced_by, named.replaced_by), "
        "coalesce(original.is_held, named.is_held) "
        f"from {records} as named "
        "semi join wanted_ids using (rejected_id) "
        f"left join {records} as original "
        "on named.replay_of = original.rejected_id "
        "and named.tenant_id = original.tenant_id and original.replay_of is null"
    ).fetchall()
    records_by_id = {}
    for row in rows:
        values = dict(zip(names, row, strict=True))
        raw = json.loads(values["payload"])
        values["payload"] = raw if isinstance(raw, dict) else None
        records_by_id[values["rejected_id"]] = _Rejected(**values)
    for line in lines:
        if line.rejected_id not in records_by_id:
            raise InputError(
                f"{path}, line {line.line_number}: there is no rejected record "
                f"{line.rejected_id} in the last build; records of files that were "
                "replaced or taken back leave with a build."
            )
    return records_by_id


def _groups(
    path: Path, lines: Sequence[_Line], rejected: Mapping[str, _Rejected]
) -> list[_Group]:
    """The corrections by tenant and entity, in the order of their first lines."""
    groups: dict[tuple[str, str, str], _Group] = {}
    originals: dict[str, int] = {}
    for line in lines:
        record = rejected[line.rejected_id]
        where = f"{path}, line {line.line_number}"
        first = originals.setdefault(record.original_id, line.line_number)
        if first != line.line_number:
            raise InputError(
                f"{where}: the record {line.rejected_id} is the one that line {first} "
                "corrects; one correction per record."
            )
        try:
            entity = contract(record.source, record.entity)
        except ContractError as error:
            raise InputError(f"{where}: {error}.") from error
        payload = _checked_payload(where, line, record, entity)
        correction = Correction(
            record.original_id, payload, line.row_number, line.line_number
        )
        key = (record.tenant, record.source, record.entity)
        group = groups.setdefault(key, _Group(record.tenant, entity))
        group.lines.append((correction, record))
    return list(groups.values())


def _checked_payload(
    where: str, line: _Line, record: _Rejected, entity: Entity
) -> dict[str, str | None]:
    """The line's payload, with the id of the rejected event where it leaves it out."""
    if line.payload is None:
        if record.payload is not None:
            raise InputError(f"{where}: the payload is null, but the record has one.")
        return {}
    names = [*(column.name for column in entity.columns), "extra"]
    for name in line.payload:
        if name not in names:
            raise InputError(
                f"{where}: the payload has a key {name!r} that {entity.source} "
                f"{entity.name} does not know; it knows {', '.join(names)}."
            )
    id_column = _event_id_column(entity)
    if id_column is None or record.payload is None:
        return line.payload
    own = record.payload.get(id_column)
    new = line.payload.get(id_column)
    if not (own or "").strip() or any(
        reason.startswith(f"{id_column}.") for reason in record.reasons
    ):
        return line.payload
    if not (new or "").strip():
        return line.payload | {id_column: own}
    if (new or "").strip() != (own or "").strip():
        raise InputError(
            f"{where}: {id_column} is {new!r}, and the rejected record's is {own!r}; a "
            "correction keeps the id of its event."
        )
    return line.payload


def _event_id_column(entity: Entity) -> str | None:
    names = [c.name for c in entity.columns if c.canonical_name == EVENT_ID]
    return names[0] if names else None


def _judged_group(
    connection: duckdb.DuckDBPyConnection, group: _Group
) -> Iterator[Judged]:
    """Judge the corrections of a group, and sort out which are loaded and which are
    conflicts.
    """
    earlier = _earlier_replays(connection, group)
    namesakes = _namesakes(connection, group)
    orders = _date_orders(connection, group)
    id_column = _event_id_column(group.entity)
    version = group.entity.version
    taken: dict[str, Correction] = {}
    for correction, record in group.lines:
        replays = earlier.get(correction.rejected_id, [])
        outcome, reason, message = _verdict(correction, record, replays, version)
        event_id = (correction.payload.get(id_column or "") or "").strip()
        if outcome is Outcome.LOADED and event_id:
            outcome, reason, message = _event_verdict(
                correction, event_id, namesakes.get(event_id), taken.get(event_id)
            )
        if outcome is Outcome.CONFLICT:
            group.conflicts.append(Conflict(correction, reason))
        if outcome in (Outcome.LOADED, Outcome.ALREADY):
            taken.setdefault(event_id, correction)
        if outcome is Outcome.LOADED:
            order = orders[record.rejected_id]
            attempt = _FIRST_ATTEMPT + len(replays) + 1
            group.replays.append(Replay(correction, attempt, order))
        yield Judged(correction, outcome, message)


_Verdict = tuple[Outcome, str, str]


def _verdict(
    correction: Correction,
    record: _Rejected,
    replays: Sequence[_Earlier],
    version: str,
) -> _Verdict:
    """What the record's own history says of a correction, under the contract's
    present version.
    """
    rejected_text = replace(correction, payload=record.payload or {}).text
    is_unchanged = correction.text == rejected_text
    if is_unchanged and record.contract_version == version and not record.is_replaced:
        return Outcome.UNCHANGED, "", "it is as it was rejected, and so is the contract"
    is_pending = _FIRST_ATTEMPT + len(replays) > record.attempts
    for replayed in replays:
        still_holds = (
            record.is_resolved
            or replayed.contract_version == version
            or replayed.attempt > record.attempts
        )
        if still_holds and replayed.payload_sha256 == correction.sha256:
            return Outcome.ALREADY, "", "this correction has been replayed"
    if record.is_replaced:
        return Outcome.REPLACED, "", _why_replaced(record)
    if record.is_resolved:
        return (
            Outcome.CONFLICT,
            "accepted_replay",
            "another correction of the record was accepted",
        )
    if is_pending:
        return (
            Outcome.WAITING,
            "",
            "an earlier correction of the record has not been built yet",
        )
    return Outcome.LOADED, "", "loaded"


def _why_replaced(record: _Rejected) -> str:
    """Why no correction of the record is needed, in a sentence."""
    if record.replaced_by is not None:
        by = f"its file was replaced by load {record.replaced_by}"
        return f"{by}, so that no correction of it would count"
    return (
        f"its load {record.load_id} is held, and its file was loaded again since, so "
        "that no correction of it would count"
    )


def _event_verdict(
    correction: Correction,
    event_id: str,
    namesake: _Namesake | None,
    sibling: Correction | None,
) -> _Verdict:
    """What other records of the same event id say of a correction."""
    if sibling and _differ(sibling.payload, correction.payload):
        return (
            Outcome.CONFLICT,
            "repeated_event",
            f"line {sibling.line_number} has the id {event_id} with other values",
        )
    if namesake and _differ(namesake.payload, correction.payload):
        if namesake.is_judged:
            return (
                Outcome.CONFLICT,
                "accepted_record",
                f"a record with the id {event_id} and other values was accepted",
            )
        return (
            Outcome.WAITING,
            "",
            f"a record with the id {event_id} and other values has not been built yet",
        )
    return Outcome.LOADED, "", "loaded"


def _differ(payload: Mapping[str, str | None], other: Mapping[str, str | None]) -> bool:
    """Whether two payloads say different things; blanks around a text say nothing."""
    names = {*payload, *other}
    return any(
        (payload.get(name) or "").strip() != (other.get(name) or "").strip()
        for name in names
    )


def _earlier_replays(
    connection: duckdb.DuckDBPyConnection, group: _Group
) -> dict[str, list[_Earlier]]:
    """The log's replays of the group's records, by the record's id."""
    replays: dict[str, list[_Earlier]] = {}
    if not has_table(connection, RAW_SCHEMA, "winnow_replayed_records"):
        return replays
    _register(connection, "wanted_ids", [c.rejected_id for c, _ in group.lines])
    for rejected_id, *values in connection.execute(
        "select rejected_id, attempt, payload_sha256, contract_version "
        f"from {RAW_SCHEMA}.winnow_replayed_records "
        "semi join wanted_ids on rejected_id = wanted order by attempt"
    ).fetchall():
        replays.setdefault(rejected_id, []).append(_Earlier(*values))
    return replays


def _namesakes(
    connection: duckdb.DuckDBPyConnection, group: _Group
) -> dict[str, _Namesake]:
    """By event id, the newest record that was accepted or that no build has judged.
    Records of files that are held or replaced do not count.
    """
    entity, id_column = group.entity, _event_id_column(group.entity)
    ids = [(c.payload.get(id_column or "") or "").strip() for c, _ in group.lines]
    if id_column is None or not any(ids):
        return {}
    _register(connection, "wanted_ids", sorted({given for given in ids if given}))
    names = [*(column.name for column in entity.columns), "extra"]
    columns = ", ".join(f"landed.{identifier(name)}" for name in names)
    counting = ""
    parameters = [group.tenant]
    if has_table(connection, "validated", "file_states"):
        counting = (
            "and (load_id, landed.file) not in (select (load_id, file) "
            "from validated.file_states where tenant_id = ? and source = ? "
            "and entity = ? and state in ('held', 'replaced')) "
        )
        parameters += [group.tenant, entity.source, entity.name]
    namesakes = {}
    for event_id, is_judged, *texts in connection.execute(
        f"select wanted, judged.is_accepted is not null, {columns} "
        f"from {RAW_SCHEMA}.{identifier(entity.table)} as landed "
        f"join wanted_ids on trim(landed.{identifier(id_column)}) = wanted "
        f"left join validated.{identifier(f'val_{entity.source}__{entity.name}')} "
        "as judged using (tenant_id, load_id, file_sha256, row_number) "
        f"where tenant_id = ? and judged.is_accepted is distinct from false {counting}"
        "order by landed.loaded_at, load_id, landed.file, row_number",
        parameters,
    ).fetchall():
        # The last one wins, as it does in prepared.interactions.
        namesakes[event_id] = _Namesake(dict(zip(names, texts, strict=True)), is_judged)
    return namesakes


def _date_orders(
    connection: duckdb.DuckDBPyConnection, group: _Group
) -> dict[str, str]:
    """How the files of the group's records write dates, by the record's id. A record
    that could not be read has the order of the rest of its file.
    """
    _register(connection, "wanted_ids", [r.rejected_id for _, r in group.lines])
    table = f"{RAW_SCHEMA}.{identifier(group.entity.table)}"
    return dict(
        connection.execute(
            "with rejected as (select rejected_id, tenant_id, load_id, file_sha256, "
            "row_number from validated.rejected_records "
            "semi join wanted_ids on rejected_id = wanted), "
            "of_files as (select tenant_id, load_id, file_sha256, "
            "min(date_order) filter (date_order != 'ymd') as date_order "
            f"from {table} where load_id in (select load_id from rejected) "
            "group by all) select rejected_id, "
            "coalesce(own.date_order, of_files.date_order, 'ymd') from rejected "
            f"left join {table} as own "
            "using (tenant_id, load_id, file_sha256, row_number) "
            "left join of_files using (tenant_id, load_id, file_sha256)"
        ).fetchall()
    )


def _drop_known_conflicts(
    connection: duckdb.DuckDBPyConnection, groups: Sequence[_Group]
) -> None:
    """Leave out the conflicts that the log has: it keeps each once."""
    if not has_table(connection, RAW_SCHEMA, "winnow_replay_conflicts"):
        return
    for group in groups:
        ids = [conflict.correction.rejected_id for conflict in group.conflicts]
        if not ids:
            continue
        _register(connection, "wanted_ids", ids)
        known = set(
            connection.execute(
                "select rejected_id, payload_sha256, reason "
                f"from {RAW_SCHEMA}.winnow_replay_conflicts "
                "semi join wanted_ids on rejected_id = wanted "
                f"where tenant_id = {literal(group.tenant)}"
            ).fetchall()
        )
        group.conflicts = [
            conflict
            for conflict in group.conflicts
            if (
                conflict.correction.rejected_id,
                conflict.correction.sha256,
                conflict.reason,
            )
            not in known
        ]


def _register(
    connection: duckdb.DuckDBPyConnection, name: str, values: Sequence[str]
) -> None:
    connection.register(name, pa.table({"wanted": pa.array(values, pa.string())}))
