"""Corrected records that are loaded in place of refused ones, and what the loaders'
log says of them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from winnow.contracts.entities import Entity
from winnow.load.records import Records
from winnow.readers import FAULT_SCHEMA

_BATCH_RECORDS = 65_536
_NO_FAULTS = FAULT_SCHEMA.empty_table()


@dataclass(frozen=True)
class Correction:
    """One line of a file of corrections.

    ``rejected_id`` names the record as it was first refused. ``payload`` is the
    corrected record: raw column, ``extra`` among them, → text; null and absent mean
    the same. ``row_number`` counts the file's lines that are not blank, from 1, and
    ``line_number`` all of them.
    """

    rejected_id: str
    payload: Mapping[str, str | None]
    row_number: int
    line_number: int

    @property
    def text(self) -> str:
        """The payload as JSON: keys sorted, nulls left out."""
        given = {name: text for name, text in self.payload.items() if text is not None}
        return json.dumps(given, sort_keys=True, ensure_ascii=False)

    @property
    def sha256(self) -> str:
        """SHA-256 of ``text``."""
        return hashlib.sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True)
class Replay:
    """A correction that is to be loaded: which time its record is given (2 for the
    first correction), and in which order it writes the parts of a date.
    """

    correction: Correction
    attempt: int
    date_order: str


@dataclass(frozen=True)
class Conflict:
    """A correction that is not loaded: ``reason`` is what stands against it, such as
    accepted_record.
    """

    correction: Correction
    reason: str


@dataclass(frozen=True)
class EntityCorrections:
    """What a file of corrections holds for one tenant, entity and file of a load.
    ``file_sha256`` is that of the bytes that were read, ``corrects`` the load and the
    file whose records are corrected.
    """

    tenant: str
    entity: Entity
    file_sha256: str
    replays: Sequence[Replay] = field(default_factory=list)
    conflicts: Sequence[Conflict] = field(default_factory=list)
    corrects: tuple[str, str] | None = None

    @property
    def digest(self) -> str:
        """Tells this set of replays from any other of the same file."""
        parts = [(one.correction.rejected_id, one.attempt) for one in self.replays]
        return hashlib.sha256(json.dumps(sorted(parts)).encode()).hexdigest()[:12]

    def records(self) -> Iterator[Records]:
        """The corrected records as a reader yields them, in the file's order as far as
        they write dates alike.
        """
        orders = dict.fromkeys(one.date_order for one in self.replays)
        for order in orders:
            chosen = [one.correction for one in self.replays if one.date_order == order]
            for start in range(0, len(chosen), _BATCH_RECORDS):
                batch = chosen[start : start + _BATCH_RECORDS]
                yield Records(
                    _columns(self.entity, batch), len(batch), _NO_FAULTS, 0, order
                )

    def log(self) -> dict[str, list[dict[str, Any]]]:
        """Rows of the loaders' log by its table, without what they share."""
        version = self.entity.version
        replayed = [
            _logged(one.correction)
            | {"attempt": one.attempt, "contract_version": version}
            for one in self.replays
        ]
        conflicts = [
            _logged(one.correction)
            | {"reason": one.reason, "payload": one.correction.text}
            for one in self.conflicts
        ]
        return {"replayed_records": replayed, "replay_conflicts": conflicts}


def _logged(correction: Correction) -> dict[str, Any]:
    return {
        "rejected_id": correction.rejected_id,
        "payload_sha256": correction.sha256,
        "row_number": correction.row_number,
        "line_number": correction.line_number,
    }


def _columns(entity: Entity, batch: Sequence[Correction]) -> dict[str, pa.Array]:
    names = [*(column.name for column in entity.columns), "extra"]
    texts = {
        name: pa.array([one.payload.get(name) for one in batch], pa.string())
        for name in names
    }
    return texts | {
        "row_number": pa.array([one.row_number for one in batch], pa.int64()),
        "line_number": pa.array([one.line_number for one in batch], pa.int64()),
    }
