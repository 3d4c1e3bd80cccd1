"""Taking loads in: the raw tables follow the ledger of the landing lake.

``raw.winnow_loads`` has the loads whose rows the raw tables hold, ``raw.winnow_mark``
how far the ledger was followed. dlt inserts what is missing, then one transaction of
our own removes what no longer counts and moves the mark. Rows of loads that are not in
``raw.winnow_loads`` are what a killed process left behind.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pyarrow as pa

from winnow.contracts.entities import LOG_SOURCE, RAW_SCHEMA, Entity, load_contracts
from winnow.core.dlt_folder import begin_dlt_folder, remove_dlt_folder
from winnow.core.errors import BuildError, BusyError, InputError, file_fault, writing
from winnow.core.file_names import path_text
from winnow.core.lock import warehouse_lock
from winnow.core.settings import Settings
from winnow.load.adoption import earlier_loads
from winnow.load.landing import LAYER, finish, parquet_of, remove_files
from winnow.load.ledger import Ledger, Load, append_landed, read_ledger
from winnow.load.raw_tables import (
    columns_by_table,
    ensure_raw_tables,
    has_raw_table,
    name_of,
    open_warehouse,
)

if TYPE_CHECKING:
    from dlt.common.schema.typing import TSchemaContractDict

Tell = Callable[[int], None]
"""Told how many records are on their way into the warehouse."""

_DLT_TYPES: dict[str, dict[str, Any]] = {
    "varchar": {"data_type": "text"},
    "bigint": {"data_type": "bigint"},
    "timestamp": {"data_type": "timestamp", "timezone": False},
}
_DLT_CONFIG: dict[str, Any] = {
    "restore_from_destination": False,  # every package begins with an empty folder
    "load.delete_completed_jobs": True,
    "load.workers": 1,  # DuckDB uses its own threads for each insert
    "load.raise_on_max_retries": 1,
    "runtime.dlthub_telemetry": False,
    "runtime.log_level": "CRITICAL",
}
_LOADS = (LOG_SOURCE, "loads")


@dataclass(frozen=True)
class TakenIn:
    """What following the ledger came to: ids of the loads whose rows came in and went
    out.
    """

    taken: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()


def take_in(
    settings: Settings, tell: Tell | None = None, *, only_tenant: str | None = None
) -> TakenIn:
    """Make the raw tables what the ledger says. To be called by whoever holds
    ``warehouse_lock``, with no connection to the warehouse open.

    With ``only_tenant``, of all other tenants only what the last build has stays in.
    Costs next to nothing where the mark is the ledger's end. May be killed anywhere and
    run again. Raises InputError when the warehouse cannot be opened or follows another
    lake, and BuildError when what came in is not what landed.
    """
    while True:
        ledger = read_ledger(settings.lake)
        if not settings.warehouse.exists() and not ledger.loads:
            return TakenIn()
        try:
            return _take_in(settings, ledger, tell, only_tenant)
        except Exception:
            # From another warehouse a load may be taken back, and its files removed,
            # while they come in here.
            if not read_ledger(settings.lake).gone_since(ledger.number):
                raise


def _take_in(
    settings: Settings, ledger: Ledger, tell: Tell | None, only_tenant: str | None
) -> TakenIn:
    finish(settings.lake, ledger)
    with open_warehouse(settings) as connection:
        ensure_raw_tables(connection)
        _check_lake(connection, settings, ledger)
        if _adopt(connection, settings, ledger):
            ledger = read_ledger(settings.lake)
        following = _Following(settings, connection, ledger, tell or (lambda _n: None))
        try:
            return following.follow(only_tenant)
        except BaseException:
            with suppress(duckdb.Error):
                _remove_torn(connection)
            raise
        finally:
            remove_dlt_folder(settings)


def current_ledger(settings: Settings) -> Ledger:
    """The lake's ledger, for what is to be noted in it next. The loads of a warehouse
    from before there was a ledger enter it first.

    Raises InputError where the warehouse is free and follows another lake, and
    BusyError where it is not and its loads have not entered the ledger yet.
    """
    if not settings.warehouse.exists():
        return read_ledger(settings.lake)
    try:
        with warehouse_lock(settings), open_warehouse(settings) as connection:
            ledger = read_ledger(settings.lake)
            if "winnow_mark" not in columns_by_table(connection):
                ensure_raw_tables(connection)
            _check_lake(connection, settings, ledger)
            if not _adopt(connection, settings, ledger):
                return ledger
    except BusyError:
        ledger = read_ledger(settings.lake)
        if not ledger.number and (settings.lake / LAYER).exists():
            raise
        return ledger
    return read_ledger(settings.lake)


def recover(settings: Settings) -> int:
    """Remove what a killed process left in the raw tables; how many rows. To be called
    by whoever holds ``warehouse_lock``, before the raw tables are read.
    """
    if not settings.warehouse.exists():
        return 0
    with open_warehouse(settings) as connection:
        ensure_raw_tables(connection)
        removed = _remove_torn(connection)
    remove_dlt_folder(settings)
    return removed


def settle(settings: Settings) -> None:
    """Let rows that a good load has replaced leave the raw tables. To be called after a
    build that went through, by whoever holds ``warehouse_lock``.

    They are kept until then, so that they stand as long as what should replace them is
    held, and they come back when that is unloaded.
    """
    with open_warehouse(settings) as connection:
        ensure_raw_tables(connection)
        connection.execute("begin")
        connection.execute(
            f"insert into {RAW_SCHEMA}.winnow_replaced "
            "select load_id, file, replaced_by from validated.file_states "
            "where state = 'replaced' and replaced_by is not null "
            f"and (load_id, file) not in (select (load_id, file) from "
            f"{RAW_SCHEMA}.winnow_replaced)"
        )
        connection.execute(
            f"delete from {RAW_SCHEMA}.winnow_replaced where replaced_by in "
            "(select load_id from validated.load_verdicts where verdict = 'held')"
        )
        connection.execute("commit")
        has_replaced = connection.execute(
            f"select count(*) from {RAW_SCHEMA}.winnow_replaced"
        ).fetchone()
    if has_replaced and has_replaced[0]:
        take_in(settings)


def _check_lake(
    connection: duckdb.DuckDBPyConnection, settings: Settings, ledger: Ledger
) -> None:
    mark = connection.execute(
        f"select lake_id from {RAW_SCHEMA}.winnow_mark where lake_id is not null"
    ).fetchone()
    if mark is None or mark[0] == ledger.lake_id:
        return
    what = "another ledger" if ledger.lake_id else "no ledger"
    raise InputError(
        f"The warehouse {path_text(settings.warehouse)} follows another landing lake: "
        f"{path_text(settings.lake)} has {what}. Name the lake that it was loaded from "
        "with WINNOW_LAKE, or another warehouse with WINNOW_WAREHOUSE."
    )


def _adopt(
    connection: duckdb.DuckDBPyConnection, settings: Settings, ledger: Ledger
) -> bool:
    """Note the loads of a warehouse from before there was a ledger; whether there were
    any. Their rows come in anew, from the lake.
    """
    if _is_taking(connection) is not None:
        return False
    found = [
        landed
        for landed in earlier_loads(connection, settings.lake)
        if landed.load_id not in ledger.loads
    ]
    for landed in found:
        append_landed(settings.lake, landed)
    return bool(found)


def _is_taking(connection: duckdb.DuckDBPyConnection) -> bool | None:
    """Whether rows were coming in when the last process ended; None where the tables
    have never followed a ledger.
    """
    found = connection.execute(
        f"select is_taking from {RAW_SCHEMA}.winnow_mark"
    ).fetchone()
    return None if found is None else bool(found[0])


def _remove_torn(connection: duckdb.DuckDBPyConnection) -> int:
    """Remove rows of loads that were not marked as taken in; how many."""
    if _is_taking(connection) is False:
        return 0
    removed = 0
    connection.execute("begin")
    for entity in _entities():
        deleted = connection.execute(
            f"delete from {name_of(entity)} where load_id is null or load_id not in "
            f"(select load_id from {RAW_SCHEMA}.winnow_loads)"
        ).fetchone()
        removed += deleted[0] if deleted else 0
    connection.execute(f"update {RAW_SCHEMA}.winnow_mark set is_taking = false")
    connection.execute("commit")
    return removed


def _entities() -> list[Entity]:
    """The raw tables whose rows loads bring."""
    return [one for key, one in load_contracts().items() if key != _LOADS]


@dataclass
class _Following:
    """One run of ``take_in``."""

    settings: Settings
    connection: duckdb.DuckDBPyConnection
    ledger: Ledger
    tell: Tell

    def follow(self, only_tenant: str | None) -> TakenIn:
        _remove_torn(self.connection)
        remove_dlt_folder(self.settings)
        wanted = self._wanted(only_tenant)
        present = self._present()
        replaced = self._replaced()
        missing = [
            load
            for load in wanted
            if load.landed.load_id not in present
            or any(
                (load.landed.load_id, one.file) not in replaced
                and one.file not in present[load.landed.load_id]
                for one in load.files
            )
        ]
        ids = {load.landed.load_id for load in wanted}
        gone = sorted(set(present) - ids)
        back = {
            (load.landed.load_id, file)
            for load in self.ledger.loads.values()
            for file in load.gone
        }
        parts = [
            (load_id, file)
            for load_id, files in present.items()
            for file in files
            if load_id in ids and (load_id, file) in replaced | back
        ]
        again = [one.landed.load_id for one in missing if one.landed.load_id in present]
        # The mark is before the first load that is left for later.
        later = [
            one.number
            for one in self.ledger.counting()
            if one.landed.load_id not in ids
        ]
        number = min([self.ledger.number, *(one - 1 for one in later)])
        followed = self._number()
        is_followed = not later and number == followed
        if is_followed and not (missing or gone or parts):
            return TakenIn()
        if missing:
            self._begin(again)
            with writing(self.settings.state, "WINNOW_STATE"):
                self._insert(missing)
            parts += [
                (load.landed.load_id, one.file)
                for load in missing
                for one in load.landed.files
                if (load.landed.load_id, one.file) in replaced | back
            ]
        remove_files(self.settings.lake, self.ledger.gone_since(followed))
        self._mark(wanted, missing, gone, parts, number)
        return TakenIn(tuple(one.landed.load_id for one in missing), tuple(gone))

    def _wanted(self, only_tenant: str | None) -> list[Load]:
        counting = self.ledger.counting()
        if only_tenant is None:
            return counting
        known = sorted({load.landed.tenant for load in counting})
        if only_tenant not in known:
            raise InputError(
                f"--tenant {only_tenant}: there is no load of it; there are loads of "
                f"{', '.join(known) or 'nobody'}."
            )
        built: set[str] = set()
        if has_raw_table(self.connection, "validated", "load_verdicts"):
            rows = self.connection.execute(
                "select distinct load_id from validated.load_verdicts"
            ).fetchall()
            built = {load_id for (load_id,) in rows}
        return [
            load
            for load in counting
            if load.landed.tenant == only_tenant or load.landed.load_id in built
        ]

    def _present(self) -> dict[str, set[str]]:
        """The files of each load that the raw tables hold; those that were replaced are
        left out.
        """
        rows = self.connection.execute(
            f"select load_id, file from {RAW_SCHEMA}.winnow_loads "
            f"left join {RAW_SCHEMA}.winnow_loaded_files using (load_id)"
        ).fetchall()
        present: dict[str, set[str]] = {}
        for load_id, file in rows:
            files = present.setdefault(load_id, set())
            if file is not None:
                files.add(file)
        return present

    def _replaced(self) -> set[tuple[str, str]]:
        """Files whose rows a good load replaced, as long as that load counts."""
        rows = self.connection.execute(
            f"select load_id, file, replaced_by from {RAW_SCHEMA}.winnow_replaced"
        ).fetchall()
        counting = {load.landed.load_id for load in self.ledger.counting()}
        replaced = {(load, file) for load, file, by in rows if by in counting}
        # What corrects a replaced record goes with it.
        return replaced | {
            (load.landed.load_id, one.file)
            for load in self.ledger.counting()
            if load.landed.corrects in replaced
            for one in load.landed.files
        }

    def _number(self) -> int:
        found = self.connection.execute(
            f"select ledger_number from {RAW_SCHEMA}.winnow_mark"
        ).fetchone()
        return int(found[0]) if found else 0

    def _begin(self, again: Sequence[str]) -> None:
        """Note that rows come in that nobody has marked, and remove those of loads of
        which a part comes back.
        """
        self.connection.execute("begin")
        if again:
            self._delete_loads(again)
        self.connection.execute(f"delete from {RAW_SCHEMA}.winnow_mark")
        self.connection.execute(
            f"insert into {RAW_SCHEMA}.winnow_mark values (?, 0, true)",
            [self.ledger.lake_id],
        )
        self.connection.execute("commit")

    def _insert(self, missing: Sequence[Load]) -> None:
        """Let dlt insert the loads' files, as one package."""
        import dlt
        from dlt.pipeline.exceptions import PipelineStepFailed

        files: dict[str, list[tuple[Path, int]]] = {}
        for load in missing:
            for one in load.parquet:
                path = parquet_of(self.settings.lake, load.landed.load_id, one.place)
                files.setdefault(one.table, []).append((path, one.rows))
        self.tell(sum(load.landed.records for load in missing))
        for name, value in _DLT_CONFIG.items():
            dlt.config[name] = value
        pipeline = dlt.pipeline(
            pipeline_name="winnow",
            destination=dlt.destinations.duckdb(self.connection),
            dataset_name=RAW_SCHEMA,
            pipelines_dir=str(begin_dlt_folder(self.settings)),
        )
        # What goes wrong is raised; dlt would print it, too, with its trace.
        logging.getLogger("dlt").setLevel(logging.CRITICAL)
        frozen: TSchemaContractDict = {"columns": "freeze", "data_type": "freeze"}

        def parquet_files(table: str) -> Iterator[Any]:
            for path, rows in files[table]:
                yield dlt.mark.with_file_import(str(path), "parquet", rows)

        try:
            pipeline.run(
                [
                    dlt.resource(
                        parquet_files,
                        name=entity.table,
                        write_disposition="append",
                        columns=_dlt_columns(entity),
                        schema_contract=frozen,
                    )(entity.table)
                    for entity in _entities()
                    if entity.table in files
                ]
            )
        except PipelineStepFailed as error:
            cause: BaseException | None = error
            while cause is not None:
                if isinstance(cause, InputError | KeyboardInterrupt | OSError):
                    raise cause from None
                cause = cause.__cause__
            # dlt keeps of DuckDB's errors the text alone.
            said = file_fault(str(error))
            if said is not None:
                raise InputError(
                    f"The warehouse {path_text(self.settings.warehouse)} cannot be "
                    f"written (WINNOW_WAREHOUSE): {said}."
                ) from error
            raise

    def _mark(
        self,
        wanted: Sequence[Load],
        missing: Sequence[Load],
        gone: Sequence[str],
        parts: Sequence[tuple[str, str]],
        number: int,
    ) -> None:
        """In one transaction: count what came in, remove what no longer counts, and
        note what the tables hold now.
        """
        self.connection.execute("begin")
        try:
            self._check_counts(missing)
            if gone:
                self._delete_loads(gone)
            if parts:
                self._delete_parts(parts)
            loads = pa.table(
                {
                    "tenant_id": [one.landed.tenant for one in wanted],
                    "source": [one.landed.source for one in wanted],
                    "load_id": [one.landed.load_id for one in wanted],
                    "ledger_number": [one.number for one in wanted],
                    "released_at": pa.array(
                        [one.released_at for one in wanted], pa.timestamp("us")
                    ),
                    "loaded_at": pa.array(
                        [one.landed.loaded_at for one in wanted], pa.timestamp("us")
                    ),
                }
            )
            self.connection.register("marked_loads", loads)
            self.connection.execute(f"delete from {RAW_SCHEMA}.winnow_loads")
            self.connection.execute(
                f"insert into {RAW_SCHEMA}.winnow_loads by name from marked_loads"
            )
            self.connection.execute(f"delete from {RAW_SCHEMA}.winnow_mark")
            self.connection.execute(
                f"insert into {RAW_SCHEMA}.winnow_mark values (?, ?, false)",
                [self.ledger.lake_id, number],
            )
            self.connection.execute("commit")
        except BaseException:
            self.connection.execute("rollback")
            raise
        self.connection.unregister("marked_loads")

    def _check_counts(self, missing: Sequence[Load]) -> None:
        """Raise BuildError where a table has other rows of a load, or of another
        tenant, than landed.
        """
        landed: dict[str, dict[tuple[str, str], int]] = {}
        for load in missing:
            of_load = (load.landed.tenant, load.landed.load_id)
            for one in load.parquet:
                counts = landed.setdefault(one.table, {})
                counts[of_load] = counts.get(of_load, 0) + one.rows
        for table, expected in landed.items():
            ids = pa.table({"load_id": [load_id for _, load_id in expected]})
            self.connection.register("counted_loads", ids)
            found = self.connection.execute(
                f'select tenant_id, load_id, count(*) from {RAW_SCHEMA}."{table}" '
                "semi join counted_loads using (load_id) group by all"
            ).fetchall()
            self.connection.unregister("counted_loads")
            counted = {(tenant, load_id): rows for tenant, load_id, rows in found}
            for key in sorted(expected | counted):
                if expected.get(key, 0) != counted.get(key, 0):
                    raise BuildError(
                        f"raw.{table} has {counted.get(key, 0):,} rows of load "
                        f"{key[1]} of tenant {key[0]}, and {expected.get(key, 0):,} "
                        "landed; nothing was taken in."
                    )

    def _delete_loads(self, load_ids: Sequence[str]) -> None:
        gone = pa.table({"load_id": list(load_ids)})
        self._delete(gone, "gone.load_id = landed.load_id")

    def _delete_parts(self, parts: Sequence[tuple[str, str]]) -> None:
        gone = pa.table(
            {"load_id": [one[0] for one in parts], "file": [one[1] for one in parts]}
        )
        self._delete(gone, "gone.load_id = landed.load_id and gone.file = landed.file")

    def _delete(self, gone: pa.Table, condition: str) -> None:
        self.connection.register("gone", gone)
        for entity in _entities():
            self.connection.execute(
                f"delete from {name_of(entity)} as landed using gone where {condition}"
            )
        self.connection.unregister("gone")


def _dlt_columns(entity: Entity) -> Any:
    """The raw table's columns as dlt wants them: a dictionary each, which it fills."""
    columns = entity.raw_columns.items()
    return {name: dict(_DLT_TYPES[kind]) for name, kind in columns}
