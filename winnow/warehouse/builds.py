"""What builds have noted in the warehouse: ``quality.builds`` has a row for each, with
its verdict, and ``quality.build_tables`` says which of them made which table.

dbt's own hooks write both (``macros/quality/note_build_*.sql``), so that a plain ``dbt
build`` tells the same as ``winnow build``. Nothing else is trusted.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

import duckdb

from winnow.core.settings import Settings
from winnow.warehouse.reading import has_table, read_only

SEPARATE = "evaluation"
"""The layer that may be made anew without the others, which do not read it."""

SHARES = (
    *("acceptance", "completeness", "validity", "uniqueness", "consistency"),
    "overall",
)
"""The dimensions of ``quality.metrics`` that are shares, in the order of the tables."""

DATA_TABLES = ("interactions", "users", "items")
"""The tables of ``prepared`` of which a row is one that counts."""

_COLUMNS = (
    "build_id, command, verdict, message, ledger_number, is_whole, started_at, ended_at"
)


@dataclass(frozen=True)
class Build:
    """A run of dbt that makes tables.

    ``verdict`` is ``running`` (also of one that was killed), ``passed`` or ``failed``;
    ``message`` says what failed. ``is_whole`` where it makes and tests everything.
    ``ledger_number`` is the last entry of the ledger that the raw tables followed when
    it began, None where they followed none. Times are UTC, without a zone;
    ``ended_at`` is None where it has not ended.
    """

    build_id: str
    command: str
    verdict: str
    message: str | None
    ledger_number: int | None
    is_whole: bool
    started_at: dt.datetime
    ended_at: dt.datetime | None

    @property
    def passed(self) -> bool:
        """Whether all of it went through."""
        return self.verdict == "passed"

    @property
    def seconds(self) -> float | None:
        """How long it took; None where it has not ended."""
        if self.ended_at is None:
            return None
        return (self.ended_at - self.started_at).total_seconds()

    @property
    def outcome(self) -> str:
        """What came of it, as the end of a sentence that begins with the build."""
        if self.passed:
            return f"passed at {_minute(self.ended_at or self.started_at)}"
        if self.ended_at is None:
            return f"began at {_minute(self.started_at)} and did not end"
        lines = (self.message or "").strip().splitlines() or ["without a word"]
        return f"failed at {_minute(self.ended_at)}: {lines[0].rstrip('.')}"


def last_build(settings: Settings) -> Build | None:
    """The newest build of everything; None where none has begun. Raises InputError
    while another process writes the warehouse.
    """
    if not settings.warehouse.exists():
        return None
    with read_only(settings.warehouse) as connection:
        return newest_build(connection)


def newest_build(
    connection: duckdb.DuckDBPyConnection, *, whole: bool = True
) -> Build | None:
    """The newest build of everything, or of anything where it need not be ``whole``;
    None where none has begun.
    """
    if not has_table(connection, "quality", "builds"):
        return None
    row = connection.execute(
        f"select {_COLUMNS} from quality.builds where is_whole or not ? "
        "order by started_at desc, build_id desc limit 1",
        [whole],
    ).fetchone()
    return None if row is None else Build(*row)


def has_data(connection: duckdb.DuckDBPyConnection) -> bool:
    """Whether anything counts: a row of prepared.interactions, users or items. Loads
    that are all held, replaced or taken back leave none.
    """
    return any(
        connection.execute(f"from prepared.{table} limit 1").fetchall()
        for table in DATA_TABLES
        if has_table(connection, "prepared", table)
    )


def unsound(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Why what the warehouse has does not belong together, in a sentence; None where
    it does: the newest build of everything passed, no table was made anew since, but
    for those of the evaluation, which were by runs that passed.
    """
    build = newest_build(connection)
    if build is None:
        return "Nothing has been built as a whole yet: `winnow build` does that."
    if not build.passed:
        return f"The last build {build.outcome}."
    mixed = connection.execute(
        "select made.table_name, made.layer, builds.command, builds.verdict "
        "from quality.build_tables as made left join quality.builds as builds "
        "on made.build_id = builds.build_id where made.build_id <> ? "
        "and (made.layer <> ? or builds.verdict is distinct from 'passed') "
        "order by made.layer = ?, builds.started_at desc, made.table_name",
        [build.build_id, SEPARATE, SEPARATE],
    ).fetchall()
    if not mixed:
        return None
    table, layer, command, verdict = mixed[0]
    others = f" and {len(mixed) - 1} other tables" if len(mixed) > 1 else ""
    by = f"dbt {command}" if command else "a run that is not known"
    how = {"passed": "", "failed": ", which failed"}.get(verdict, ", which did not end")
    helps = "`winnow build` makes all of them anew"
    if layer == SEPARATE:
        helps = "`winnow evaluate` or `winnow build` makes them anew"
    return (
        f"Since the last build {table}{others} were made by another run "
        f"({by}{how}); {helps}."
    )


def _minute(time: dt.datetime) -> str:
    return f"{time:%Y-%m-%d %H:%M} UTC"
