"""Rows and single records, judged as a build judges them.

The SQL is that of the staging and validated models, rendered from the same files and
run in memory: a verdict cannot differ from the one that a build comes to.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from winnow.contracts.entities import DATE_ORDERS, Entity
from winnow.contracts.macros import model_sql, staging_model, validated_model
from winnow.contracts.tenants import ANY_TENANT, SETTINGS, seed_sql
from winnow.contracts.whole_numbers import POINT, whole_of
from winnow.core.settings import seeds_folder
from winnow.warehouse.sql import column_definitions, identifier

_JSON = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


@dataclass(frozen=True)
class Verdict:
    """What the contract says of a record: ``reasons`` to reject it, as they stand in
    ``rejected_records.reasons``, and its ``values`` by canonical name and type: None
    where one is missing, cannot be read or is of no year from 1 to 9999, instants as
    datetime in UTC without zone.
    """

    values: Mapping[str, Any]
    reasons: tuple[str, ...]

    @property
    def is_accepted(self) -> bool:
        """Whether it keeps every rule."""
        return not self.reasons


class Judge:
    """Judges rows of any entity by the seeds as they are now, for one thread at a time.
    The first row of an entity takes some tenths of a second, others few milliseconds.
    """

    def __init__(
        self, seeds: Path | None = None, timed: Collection[str] = (), threads: int = 1
    ) -> None:
        """``timed`` are the tenants whose interactions must have times
        (``timed_tenants``), ``threads`` DuckDB's own: more of them pay for many rows.
        """
        self._seeds = seeds or seeds_folder()
        self._timed = timed
        self._known: set[Entity] = set()
        # Nothing is spilled: DuckDB would write into the folder in which one works.
        self._connection = duckdb.connect(
            ":memory:", config={"threads": threads, "temp_directory": ""}
        )
        self._connection.execute("set TimeZone = 'UTC'")
        # A query is planned once, not by the rows that happen to be there then; and a
        # list of words as a join costs ten times as much of a single record.
        self._connection.execute(
            "set disabled_optimizers = 'statistics_propagation,in_clause'"
        )

    def rows(self, entity: Entity, rows: pa.Table) -> pa.Table:
        """The rows of ``validated.val_*`` for raw rows of an entity, by row number,
        which is their place where they have none. Columns are those of the raw table,
        as text; those that are not there are null.
        """
        self._learn(entity)
        table = identifier(entity.table)
        self._connection.execute(f"truncate {table}")
        if "row_number" not in rows.column_names:
            numbers = pa.array(range(len(rows)), pa.int64())
            rows = rows.append_column("row_number", numbers)
        self._connection.register("given", rows)
        self._connection.execute(f"insert into {table} by name from given")
        self._connection.unregister("given")
        return self._connection.execute(
            f"execute {validated_model(entity)}"
        ).to_arrow_table()

    def records(
        self,
        entity: Entity,
        records: Iterable[Any],
        *,
        tenant: str = ANY_TENANT,
        date_order: str = "ymd",
    ) -> list[Verdict]:
        """The verdicts of some records as JSON has them: objects by the contract's
        columns, other keys ignored, whose values mean what they would in a file.

        ``date_order`` (ymd, mdy, dmy) is how dates such as 12/1/2010 are read. What is
        no object, or holds text that is not Unicode, has no columns to speak of:
        ``record.not_an_object`` or ``record.invalid_encoding``, as in a file. Raises
        ValueError for any other order of dates.
        """
        if date_order not in DATE_ORDERS:
            raise ValueError(
                f"{date_order!r} is no order of dates; there are "
                f"{', '.join(DATE_ORDERS)}."
            )
        about = {"tenant_id": tenant, "date_order": date_order}
        texts = [_texts(entity, record) for record in records]
        landed = [{**one, **about} for one in texts if not isinstance(one, str)]
        names = [*(column.name for column in entity.columns), *about]
        schema = pa.schema([(name, pa.string()) for name in names])
        judged = self.rows(entity, pa.Table.from_pylist(landed, schema))
        values = zip(
            *(map(_value, judged[column.canonical_name]) for column in entity.columns),
            strict=True,
        )
        columns = [column.canonical_name for column in entity.columns]
        verdicts = (
            Verdict(dict(zip(columns, row, strict=True)), tuple(reasons))
            for row, reasons in zip(
                values, judged["rejection_reasons"].to_pylist(), strict=True
            )
        )
        return [
            Verdict({}, (one,)) if isinstance(one, str) else next(verdicts)
            for one in texts
        ]

    def _learn(self, entity: Entity) -> None:
        """Prepare the query of an entity, and what it reads."""
        if entity in self._known:
            return
        ask = self._connection.execute
        columns = column_definitions(entity.raw_columns)
        ask(f"create table {identifier(entity.table)} ({columns})")
        seeds = {column.accepted_values_from for column in entity.columns} - {None}
        for seed in sorted({SETTINGS, *filter(None, seeds)}):
            sql = seed_sql(self._seeds / f"{seed}.csv")
            ask(f"create table if not exists {identifier(seed)} as {sql}")
        for column in entity.columns:
            if column.required_from is not None:
                ask(
                    f"create table if not exists {identifier(column.required_from)} as "
                    "select unnest($1::varchar[]) as tenant_id, true as needs_times",
                    [list(self._timed)],
                )
        staging, validated = staging_model(entity), validated_model(entity)
        ask(f"create view {identifier(staging)} as {model_sql(staging)}")
        ask(
            f"prepare {validated} as select * from ({model_sql(validated)}) "
            "order by row_number"
        )
        self._known.add(entity)


def _texts(entity: Entity, record: Any) -> dict[str, str | None] | str:
    """The values of a record as the texts that a file with it would land as; or else
    why it has none.
    """
    if not isinstance(record, Mapping):
        return "record.not_an_object"
    texts = {}
    for column in entity.columns:
        given = record.get(column.name)
        text = given
        if given is not None and not isinstance(given, str):
            text = _JSON.encode(given)
            if column.is_id and isinstance(given, float):
                # To JSON, 3.0 and 3 are one number; files of them land as 3, too.
                text = whole_of(text) or re.sub(POINT, r"\1", text)
        try:
            (text or "").encode()
        except UnicodeEncodeError:  # Half characters: JSON can name them.
            return "record.invalid_encoding"
        texts[column.name] = text
    return texts


def _value(scalar: pa.Scalar) -> Any:
    try:
        return scalar.as_py()
    except (OverflowError, ValueError):  # A time beyond Python's years.
        return None
