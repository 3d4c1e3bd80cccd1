"""Rows of a load that show what is wrong with it, with file, line and what helps."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import duckdb

from winnow.contracts.entities import load_contracts
from winnow.contracts.macros import validated_model
from winnow.contracts.tenants import TenantSettings
from winnow.gate.advice import advice, advice_on_unreadable, fault
from winnow.gate.data_docs import Checked, LoadKey
from winnow.load.raw_tables import has_raw_table
from winnow.warehouse.sql import identifier

_ROWS = 5
_RULES_SHOWN = 2
_SHOWN_CHARACTERS = 80

_OF_LOAD = "tenant_id = ? and source = ? and entity = ? and load_id = ?"

CONTRADICTIONS = {
    "has_unknown_user": "user_id not in the users",
    "has_unknown_item": "item_id not in the items",
    "is_after_its_load": "interacted_at after the load",
    "is_rated_by_mistake": "rating on an event that cannot carry one",
    "is_unviewed_purchase": "purchase without an earlier view",
}
"""What is wrong with an event, by its flag in ``validated.interaction_checks``."""

UNKNOWN = {
    "has_unknown_user": "user_id that the tenant has nowhere else",
    "has_unknown_item": "item_id that the tenant has nowhere else",
}
"""What is wrong with a prediction: flags of ``validated.prediction_consistency``."""

_ADVICE = {
    "uniqueness": "The same records stand in the load more than once: load each file "
    "once, or map a column to interaction_id that tells events apart.",
    "identity": "Ids that begin anew in each file are no ids: leave them out with "
    "--ignore interaction_id.",
}


class Examples:
    """Asks a warehouse for rows of its loads."""

    def __init__(
        self, connection: duckdb.DuckDBPyConnection, settings: TenantSettings
    ) -> None:
        """``settings`` are what tenants set for the rules."""
        self._connection = connection
        self._settings = settings

    def of_rule(self, one: Checked, *, with_rows: bool = False) -> Checked:
        """The same, with values that break the rule, and with advice; for an error, or
        ``with_rows``, with up to five rows, too.
        """
        name, _, rule = one.rule.rpartition(".")
        if rule == "readable":
            return self._unreadable(one)
        entity = load_contracts()[one.source, one.entity]
        column = next(column for column in entity.columns if column.name == name)
        place, load = f"$.{identifier(name)}", [one.tenant_id, one.load_id, one.rule]
        broken = (
            f"from validated.{validated_model(entity)} where tenant_id = ? "
            "and load_id = ? and list_contains(rejection_reasons, ?)"
        )
        if (with_rows or one.severity == "error") and not one.rows:
            rows = self._ask(
                "select file, line_number, row_number, "
                f"{identifier(column.canonical_name)}::varchar, "
                f"json_extract_string(raw_record, ?) {broken} "
                f"order by file, row_number limit {_ROWS}",
                [place, *load],
            )
            faults = tuple(
                f"{_place(file, line, row)}: "
                + fault(
                    column,
                    rule,
                    None if rule == "required" else value.strip(),
                    typed,
                    one.tenant_id,
                    self._settings,
                )
                for file, line, row, typed, value in rows
            )
            one = replace(one, rows=faults)
        if rule == "required":  # There is no value to show.
            return replace(one, advice=advice(column, rule, ()))
        values = self._ask(
            "select distinct case when length(value) > 80 then left(value, 79) || '…' "
            "else value end from (select trim(json_extract_string(raw_record, ?)) "
            f"as value {broken} limit 1000) order by 1 limit {_ROWS}",
            [place, *load],
        )
        examples = tuple(value for (value,) in values)
        helps = advice(column, rule, examples)
        return replace(one.with_examples(examples), advice=helps)

    def of_load(
        self,
        load: LoadKey,
        short: Sequence[str],
        rules: Iterable[Checked],
    ) -> tuple[str, ...]:
        """Lines that show why a load is held: up to five rows of each measure that is
        ``short`` (a rule, or a dimension of quality), and what helps. ``load`` is its
        tenant, source, entity and id, ``rules`` its rules.
        """
        broken = {one.rule: one for one in rules if one.failed}
        shown = [one for one in short if one in broken]
        if not shown and {*short} & {"anything", "acceptance", *_KINDS}:
            kinds = tuple(_KINDS[one] for one in short if one in _KINDS)
            of_kind = [
                one
                for one in broken.values()
                if not kinds or any(is_of(one.rule) for is_of in kinds)
            ]
            of_kind.sort(key=lambda one: (-one.failed, one.rule))
            shown = [one.rule for one in of_kind]
        lines: list[str] = []
        for rule in shown[:_RULES_SHOWN]:
            one = broken[rule]
            if not one.rows:
                one = self.of_rule(one, with_rows=True)
            lines += [*one.rows, *([one.advice] if one.advice else [])]
        for dimension in short:
            lines += self._of_dimension(load, dimension)
        return tuple(lines)

    def _of_dimension(self, load: LoadKey, dimension: str) -> list[str]:
        rows: list[str] = []
        if dimension == "consistency" and load[2] == "predictions":
            rows = self._unknown(load)
        elif dimension == "consistency":
            rows = self._contradictory(load)
        elif dimension == "uniqueness":
            rows = self._repeated(load)
        elif dimension == "identity":
            rows = self._collided(load)
        return rows + ([_ADVICE[dimension]] if dimension in _ADVICE else [])

    def _contradictory(self, load: Sequence[str]) -> list[str]:
        view = f"from validated.interaction_checks where {_OF_LOAD}"
        flag = self._commonest(view, CONTRADICTIONS, load)
        rows = self._ask(
            "select file, row_number, user_id, item_id, event_type, "
            f"interacted_at::varchar {view} and {flag} "
            f"order by file, row_number limit {_ROWS}",
            load,
        )
        return [
            f"{_place(file, None, row)}: {CONTRADICTIONS[flag]}: user {_cut(user)}, "
            f"item {_cut(item)}, {event}" + (f", {at}" if at else "")
            for file, row, user, item, event, at in rows
        ]

    def _unknown(self, load: Sequence[str]) -> list[str]:
        view = f"from validated.prediction_consistency where {_OF_LOAD}"
        flag = self._commonest(view, UNKNOWN, load)
        rows = self._ask(
            f"select file, row_number, model, user_id, item_id {view} and {flag} "
            f"order by file, row_number limit {_ROWS}",
            load,
        )
        return [
            f"{_place(file, None, row)}: {UNKNOWN[flag]}: model {_cut(model)}, user "
            f"{_cut(user)}, item {_cut(item)}"
            for file, row, model, user, item in rows
        ]

    def _commonest(self, view: str, flags: dict[str, str], load: Sequence[str]) -> str:
        counts = ", ".join(f"count(*) filter ({flag})" for flag in flags)
        ((*found,),) = self._ask(f"select {counts} {view}", load)
        by_flag = dict(zip(flags, found, strict=True))
        return max(by_flag, key=lambda name: by_flag[name])

    def _repeated(self, load: Sequence[str]) -> list[str]:
        if not has_raw_table(self._connection, "validated", "repeated_records"):
            return []  # A build of selected nodes may leave it out.
        rows = self._ask(
            "select file, row_number, record_key from validated.repeated_records "
            f"where {_OF_LOAD} order by file, row_number limit {_ROWS}",
            load,
        )
        return [
            f"{_place(file, None, row)}: key {_cut(key)} again"
            for file, row, key in rows
        ]

    def _collided(self, load: Sequence[str]) -> list[str]:
        rows = self._ask(
            "with earlier as (select given_interaction_id, user_id, item_id, loaded_at "
            "from validated.accepted_interactions "
            f"where tenant_id = ? and not ({_OF_LOAD})) "
            "select records.file, records.row_number, records.given_interaction_id, "
            "any_value(earlier.user_id), any_value(earlier.item_id) "
            f"from (from validated.accepted_interactions where {_OF_LOAD}) as records "
            "inner join earlier "
            "on records.given_interaction_id = earlier.given_interaction_id "
            "and records.loaded_at > earlier.loaded_at and (records.user_id, "
            "records.item_id) is distinct from (earlier.user_id, earlier.item_id) "
            f"group by all order by records.file, records.row_number limit {_ROWS}",
            [load[0], *load, *load],
        )
        return [
            f"{_place(file, None, row)}: interaction_id {_cut(given)} was user "
            f"{_cut(user)}, item {_cut(item)}"
            for file, row, given, user, item in rows
        ]

    def _unreadable(self, one: Checked) -> Checked:
        of_load = f"from raw.winnow_unreadable_records where {_OF_LOAD} "
        load = [one.tenant_id, one.source, one.entity, one.load_id]
        rows = self._ask(
            "select file, line_number, row_number, concat_ws(', ', reason, detail), "
            f"raw_record {of_load} order by file, row_number limit {_ROWS}",
            load,
        )
        ((commonest,),) = self._ask(f"select mode(reason) {of_load}", load)
        return replace(
            one,
            rows=tuple(
                ": ".join(filter(None, (_place(file, line, row), reason, _cut(record))))
                for file, line, row, reason, record in rows
            ),
            advice=advice_on_unreadable(commonest or ""),
        )

    def _ask(self, sql: str, parameters: Sequence[str]) -> list[tuple[Any, ...]]:
        return self._connection.execute(sql, list(parameters)).fetchall()


def _is_of_completeness(rule: str) -> bool:
    return rule.endswith((".required", ".readable"))


def _is_of_validity(rule: str) -> bool:
    return not _is_of_completeness(rule)


_KINDS = {"completeness": _is_of_completeness, "validity": _is_of_validity}


def _place(file: str, line: int | None, row: int) -> str:
    return f"{file}, record {row}" if line is None else f"{file}, line {line}"


def _cut(text: str) -> str:
    is_long = len(text) > _SHOWN_CHARACTERS
    return f"{text[: _SHOWN_CHARACTERS - 1]}…" if is_long else text
