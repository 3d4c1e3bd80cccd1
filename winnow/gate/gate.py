"""What the models of the gate say of each load, with rows to look at.

dbt counts, for each load and rule of the contract, how many values the rule applies to
and how many break it, and says which loads are held (``validated.load_verdicts``).
"""

from __future__ import annotations

import csv
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb

from winnow.contracts.tenants import tenant_settings
from winnow.core.errors import InputError
from winnow.core.settings import seeds_folder
from winnow.gate.data_docs import Checked, LoadKey, with_bound, write_data_docs
from winnow.gate.examples import Examples
from winnow.gate.suites import Documents, documents

Progress = Callable[[str], None]

_EXPLAINED = 20
"""Held loads of which rows are shown."""

_FILES_SHOWN = 3


@dataclass(frozen=True)
class Failure:
    """A rule that the values of a load do not keep often enough.

    ``severity`` is ``error`` when the load is held for it, ``warning`` when the rule is
    kept well enough but over half of what is allowed break it, or too few values do for
    a load to be held. ``message`` is one sentence, ``rows`` up to five rows of an error
    with file, line, and what is wrong, ``advice`` a sentence on what helps.
    """

    tenant_id: str
    source: str
    entity: str
    load_id: str
    rule: str
    severity: str
    checked: int
    failed: int
    mostly: float
    message: str
    rows: tuple[str, ...] = ()
    advice: str = ""


@dataclass(frozen=True)
class Load:
    """The records of one load and entity, and what the gate says of them.

    ``verdict`` is ``counts``, ``held`` or ``released`` (it would be held, and somebody
    let it count); ``reason`` says in a sentence why, and is None where it counts.
    ``is_superseded`` is true for a held load whose files were all loaded again. Records
    are ``landed``: ``unreadable``, ``rejected`` or ``accepted``. ``details`` are lines
    with what is wrong in which rows, and what helps, empty where the load counts.
    """

    tenant_id: str
    source: str
    entity: str
    load_id: str
    verdict: str
    reason: str | None
    is_superseded: bool
    landed: int
    unreadable: int
    rejected: int
    accepted: int
    files: tuple[str, ...]
    short: tuple[str, ...]
    details: tuple[str, ...] = ()

    @property
    def key(self) -> LoadKey:
        """The load's tenant, source, entity and id."""
        return self.tenant_id, self.source, self.entity, self.load_id

    @property
    def is_held(self) -> bool:
        """Whether its records wait for somebody: it is held, and nothing came for it
        since.
        """
        return self.verdict == "held" and not self.is_superseded

    @property
    def message(self) -> str:
        """Which load is held, why, rows to look at, and what to do; one line each."""
        more = len(self.files) - _FILES_SHOWN
        names = ", ".join(self.files[:_FILES_SHOWN])
        names += f" and {more:,} more" if more > 0 else ""
        records = "record" if self.landed == 1 else "records"
        return "\n".join(
            [
                f"tenant {self.tenant_id}, {self.source}.{self.entity}: load "
                f"{self.load_id} ({names}) is held, and none of its {self.landed:,} "
                f"{records} counts: {self.reason}",
                *(f"  {line}" for line in self.details),
                "  Load the corrected file again; or `winnow loads release "
                f"{self.load_id}` lets the load count as it is, and `winnow loads "
                f"unload {self.load_id}` takes it back.",
            ]
        )


@dataclass(frozen=True)
class GateReport:
    """The verdicts of the gate.

    ``loads`` are the newest load of each tenant and entity (corrections aside) and
    every other that is held; ``rules`` are the rules that were applied to them, and
    ``failures`` those that are not kept, or hardly. ``data_docs`` is the page, and
    ``seconds`` what all this took.
    """

    rules: tuple[Checked, ...]
    failures: tuple[Failure, ...]
    loads: tuple[Load, ...]
    data_docs: Path
    seconds: float

    @property
    def checked(self) -> int:
        """How many rules were judged."""
        return len(self.rules)

    @property
    def held(self) -> tuple[Load, ...]:
        """The loads that wait for somebody."""
        return tuple(load for load in self.loads if load.is_held)

    @property
    def passed(self) -> bool:
        """Whether no load is held."""
        return not self.held

    @property
    def warnings(self) -> tuple[Failure, ...]:
        """Rules that are close to their limit."""
        return tuple(one for one in self.failures if one.severity == "warning")


def read_gate(
    connection: duckdb.DuckDBPyConnection,
    docs: Path,
    progress: Progress | None = None,
    seeds: Path | None = None,
    all_examples: bool = False,
    suites: bool = False,
    write: bool = True,
) -> GateReport:
    """The verdicts that the last build of ``validated.load_verdicts`` came to, and the
    Data Docs, written to the folder ``docs``; what is there is replaced. With
    ``suites``, suites of Great Expectations and their results are written beside them;
    nothing is where ``write`` is false.

    Values that break a rule are given for rules that fail, or, with ``all_examples``,
    for every rule that any value breaks. A warehouse without the models, or without a
    load, passes with nothing judged.
    """
    started = time.monotonic()
    tell = progress or (lambda _what: None)
    loads = _loads(connection)
    tell("expectations")
    settings = tenant_settings(seeds)
    checked = [
        with_bound(one, settings)
        for load, counts in _counted(connection, loads)
        for one in _judge(load, counts)
    ]
    tell("examples")
    examples = Examples(connection, settings)
    checked = [
        examples.of_rule(one)
        if one.severity != "passed" or (all_examples and one.failed)
        else one
        for one in checked
    ]
    loads = _explained(loads, checked, examples)
    reasons = {load.key: load.reason for load in loads if load.reason is not None}

    def documents_of(rules: Sequence[Checked]) -> Documents:
        unique = _unique(connection, rules[0])
        return documents([*rules, *unique], settings, seeds)

    page = docs / "index.html"
    if write:
        page = write_data_docs(docs, checked, reasons, documents_of if suites else None)
    return GateReport(
        tuple(checked),
        tuple(_failure(one) for one in checked if one.severity != "passed"),
        tuple(loads),
        page,
        time.monotonic() - started,
    )


def held_counts(connection: duckdb.DuckDBPyConnection) -> dict[str, int]:
    """How many loads of each tenant that was built are held and wait for somebody."""
    if not _is_built(connection):
        return {}
    rows = connection.execute(
        "select tenant_id, count(distinct load_id) filter ("
        "verdict = 'held' and not coalesce(is_superseded, false)) "
        "from validated.load_verdicts group by tenant_id order by tenant_id"
    ).fetchall()
    return dict(rows)


def check_thresholds(seeds: Path | None = None) -> None:
    """Raise InputError, naming the line, for a setting of the gate that makes no sense:
    a ``gate_mostly`` that is no share, a ``gate_minimum`` that is no count, or bounds
    and numbers that are none.
    """
    tenant_settings(seeds)
    path = (seeds or seeds_folder()) / "tenant_settings.csv"
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        has_mostly = False
        for row in reader:
            place = f"{path}, line {reader.line_num}"
            if given := (row.get("gate_mostly") or "").strip():
                has_mostly |= row["tenant_id"] == "*"
                _check_share(given, place)
            if given := (row.get("gate_minimum") or "").strip():
                _check_count(given, place)
    if not has_mostly:
        raise InputError(f"{path}: the row of tenant * must have a gate_mostly.")


def _check_share(text: str, place: str) -> None:
    try:
        share = float(text)
    except ValueError:
        share = -1
    if not 0 <= share <= 1:
        raise InputError(f"{place}: gate_mostly is {text!r}, and must be 0 to 1.")


def _check_count(text: str, place: str) -> None:
    if not (text.isascii() and text.isdigit() and int(text) >= 1):
        raise InputError(
            f"{place}: gate_minimum is {text!r}, and must be a whole number from 1 on."
        )


def _is_built(connection: duckdb.DuckDBPyConnection) -> bool:
    found = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = 'validated' "
        "and table_name in ('load_verdicts', 'rule_counts')"
    ).fetchone()
    return bool(found and found[0] == 2)


_LOADS = """
with

files as (

    select
        tenant_id,
        source,
        entity,
        load_id,
        list(file order by file) as files,
        bool_and(corrects_load_id is not null) as is_correction

    from raw.winnow_loaded_files

    group by all

)

select
    verdicts.tenant_id,
    verdicts.source,
    verdicts.entity,
    verdicts.load_id,
    verdicts.verdict,
    verdicts.reason,
    coalesce(verdicts.is_superseded, false) as is_superseded,
    verdicts.landed_count as landed,
    verdicts.unreadable_count as unreadable,
    verdicts.rejected_count as rejected,
    verdicts.accepted_count as accepted,
    coalesce(files.files, []) as files,
    coalesce(verdicts.short_measures, []) as short

from validated.load_verdicts as verdicts

left join files
    on verdicts.tenant_id = files.tenant_id
    and verdicts.source = files.source
    and verdicts.entity = files.entity
    and verdicts.load_id = files.load_id

qualify
    (verdicts.verdict = 'held' and not coalesce(verdicts.is_superseded, false))
    or row_number() over (
        partition by verdicts.tenant_id, verdicts.source, verdicts.entity
        order by
            coalesce(files.is_correction, false) asc,
            verdicts.loaded_at desc,
            verdicts.load_id desc
    ) = 1

order by
    verdicts.tenant_id, verdicts.source, verdicts.entity, verdicts.loaded_at,
    verdicts.load_id
"""


def _loads(connection: duckdb.DuckDBPyConnection) -> list[Load]:
    if not _is_built(connection):
        return []
    cursor = connection.execute(_LOADS)
    names = [column[0] for column in cursor.description or ()]
    return [
        Load(**dict(zip(names, map(_frozen, row), strict=True)))
        for row in cursor.fetchall()
    ]


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def _counted(
    connection: duckdb.DuckDBPyConnection, loads: Iterable[Load]
) -> Iterator[tuple[Load, dict[str, tuple[int, int, float]]]]:
    """Each load, and by rule how many values were checked, broke it, and the share that
    must keep it.
    """
    for load in loads:
        rows = connection.execute(
            "select rule, checked_count, failed_count, threshold "
            "from validated.rule_counts where tenant_id = ? and source = ? "
            "and entity = ? and load_id = ? and checked_count > 0 order by rule",
            load.key,
        ).fetchall()
        yield load, {rule: (int(c), int(f), float(t)) for rule, c, f, t in rows}


def _judge(load: Load, counts: Mapping[str, tuple[int, int, float]]) -> list[Checked]:
    """Compare the measured shares with what is needed; one outcome per rule."""
    return [
        Checked(
            load.tenant_id,
            load.source,
            load.entity,
            load.load_id,
            rule,
            checked,
            failed,
            mostly,
            # So few values that no load is held for them are only warned of.
            is_tolerated=failed > 0 and rule not in load.short,
        )
        for rule, (checked, failed, mostly) in counts.items()
    ]


def _unique(connection: duckdb.DuckDBPyConnection, one: Checked) -> list[Checked]:
    """How many records of a rule's load have a key of their own; none where no record
    has a key.
    """
    rows = connection.execute(
        "select checked_count, failed_count, threshold, is_short "
        "from validated.load_measures where tenant_id = ? and source = ? "
        "and entity = ? and load_id = ? and measure = 'uniqueness' "
        "and threshold is not null",
        one.key,
    ).fetchall()
    return [
        replace(
            one,
            rule="record_key.unique",
            checked=int(checked),
            failed=int(failed),
            mostly=float(threshold),
            is_tolerated=failed > 0 and not is_short,
            examples=(),
        )
        for checked, failed, threshold, is_short in rows
    ]


def _explained(
    loads: Sequence[Load], checked: Sequence[Checked], examples: Examples
) -> list[Load]:
    """The loads, those that are held or released with what is wrong in which rows."""
    by_load: dict[LoadKey, list[Checked]] = {}
    for one in checked:
        by_load.setdefault(one.key, []).append(one)
    explained, left = [], _EXPLAINED
    for load in loads:
        details: tuple[str, ...] = ()
        if load.short and load.verdict == "held" and left:
            left -= 1
            rules = by_load.get(load.key, [])
            details = examples.of_load(load.key, load.short, rules)
        explained.append(replace(load, details=details))
    return explained


def _failure(one: Checked) -> Failure:
    share = one.failed / one.checked
    examples = ", ".join(map(repr, one.examples))
    is_missing = one.rule.endswith((".required", ".readable"))
    dimension = "completeness" if is_missing else "validity"
    return Failure(
        one.tenant_id,
        one.source,
        one.entity,
        one.load_id,
        one.rule,
        one.severity,
        one.checked,
        one.failed,
        one.mostly,
        f"tenant {one.tenant_id}, {one.source}.{one.entity}: {one.failed:,} of "
        f"{one.checked:,} values ({share:.1%}) of load {one.load_id} break {one.rule} "
        f"({dimension}), and {1 - one.mostly:.1%} may"
        + (f"; for example {examples}." if examples else "."),
        one.rows,
        one.advice,
    )
