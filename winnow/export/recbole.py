"""RecBole's atomic files: what a tenant's ``.inter``, ``.user`` and ``.item`` hold.

Tab-separated, the first line ``name:type`` with the types ``token``, ``token_seq`` and
``float`` (a sequence is parted by blanks), and beside ``<dataset>.inter`` the files
``<dataset>.train.inter``, ``.valid.inter`` and ``.test.inter`` that RecBole's setting
``benchmark_filename`` names (https://recbole.io/docs/user_guide/data/atomic_files.html).
Columns that are empty for the tenant are left out: RecBole cannot fill them.
"""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote

import duckdb
import yaml

from winnow.core.errors import InputError
from winnow.warehouse.sql import identifier, literal

SPLIT_FILES = {"train": "train", "validation": "valid", "test": "test"}
"""Our splits and the names of RecBole's files for them."""

_LEFT_OUT = {
    *("tenant_id", "interaction_id", "user_uuid", "item_uuid", "user_index"),
    *("item_index", "source", "entity", "file", "load_id", "row_number", "loaded_at"),
    *("split", "split_name", "fold", "draw", "category", "valid_from"),
    *("has_profile", "has_interactions", "is_listed", "next_item_index"),
    *("history_length", "full_history_length"),
}
_RENAMED = {
    "interacted_at": "timestamp",
    "next_interacted_at": "timestamp",
    "is_positive": "label",
    "next_item_id": "item_id",
    "item_indexes": "item_id_list",
}
_NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE")

# Texts that pandas, with which RecBole reads, takes for a missing value.
_NOT_MISSING = (
    *("#N/A", "#N/A N/A", "#NA", "-1.#IND", "-1.#QNAN", "-NaN", "-nan", "1.#IND"),
    *("1.#QNAN", "<NA>", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "null"),
)


@dataclass(frozen=True)
class Dataset:
    """A tenant's atomic files: the data set's name, a query for each suffix, and the
    settings with which RecBole reads them, as YAML.
    """

    name: str
    queries: dict[str, str]
    settings: str


def atomic_files(
    connection: duckdb.DuckDBPyConnection,
    what: str,
    tenant: str,
    split_name: str | None = None,
    fold: int | None = None,
) -> Dataset:
    """The files of one tenant. ``what`` is what ``.inter`` holds: ``interactions`` (all
    of them; the split files have the positives that the split method assigns), or
    ``examples`` or ``sequences`` (those with a history), split as they are.

    Without ``split_name`` the tenant's first split method, without ``fold`` the fold
    that training.positives would take of it.
    Raises InputError when the tenant has no such method or fold.
    """
    name = dataset_name(tenant)
    of_tenant = f"tenant_id = {literal(tenant)}"
    interactions = _Interactions(connection, what, of_tenant, split_name, fold)
    inter = interactions.columns()
    queries = {"inter": interactions.query(inter)}
    for split, file in SPLIT_FILES.items():
        queries[f"{file}.inter"] = interactions.query(inter, split)
    for entity in ("user", "item"):
        source = f"(select * from prepared.{entity}s where {of_tenant})"
        columns = _given(connection, source, _atomic(connection, source))
        queries[entity] = _query(columns, source, f"{entity}_index")
    return Dataset(name, queries, _settings(what, list(inter)))


def dataset_name(tenant: str) -> str:
    """The tenant's id as the name of a folder and its files: percent-encoded where it
    has other characters than letters, digits and ``_-.~``, or begins with a dot.
    """
    name = quote(tenant, safe="")
    return "%2E" + name[1:] if name.startswith(".") else name


@dataclass(frozen=True)
class _Interactions:
    """The rows of the ``.inter`` files."""

    connection: duckdb.DuckDBPyConnection
    what: str
    of_tenant: str
    split_name: str | None
    fold: int | None

    def columns(self) -> dict[str, str]:
        """The SQL of each of RecBole's columns, by its ``name:type``."""
        source = self._rows()
        columns = _atomic(self.connection, source)
        return _given(self.connection, source, columns)

    def query(self, columns: dict[str, str], split: str | None = None) -> str:
        """The rows of a split; all of them without one."""
        names = [column.split(":")[0] for column in columns]
        order = next((n for n in ("interaction_order", "timestamp") if n in names), "")
        order = {"timestamp": self._time()}.get(order, order)
        keys = ", ".join(filter(None, ("user_id", order)))
        return _query(columns, self._rows(split), f"{keys}, {self._item()}")

    def _time(self) -> str:
        return "next_interacted_at" if self.what == "sequences" else "interacted_at"

    def _item(self) -> str:
        return "next_item_id" if self.what == "sequences" else "item_id"

    def _rows(self, split: str | None = None) -> str:
        if self.what == "interactions":
            return self._interactions(split)
        table = f"training.{self.what}"
        names = [
            row[0] for row in self.connection.execute(f"describe {table}").fetchall()
        ]
        conditions = [self.of_tenant]
        if "split_name" in names:
            conditions.append(self._method())
        if split is not None:
            conditions.append(f"split = {literal(split)}")
        where = " and ".join(conditions)
        if self.what == "sequences":
            return self._sequences(where)
        return f"(select * from {table} where {where})"

    def _interactions(self, split: str | None) -> str:
        rows = f"select * from prepared.interactions where {self.of_tenant}"
        if split is None:
            return f"({rows})"
        return (
            f"({rows} and interaction_id in (select interaction_id "
            f"from training.split_assignments where {self.of_tenant} "
            f"and split = {literal(split)} and {self._method()}))"
        )

    def _sequences(self, where: str) -> str:
        """Codes of the histories turned back into ids; item_id_list is text."""
        return f"""(
            with sequences as (
                select *, row_number() over (
                    order by user_index, split_name, fold, split
                ) as sequence_number
                from training.sequences where {where} and history_length > 0
            ),
            places as (
                select
                    sequence_number,
                    unnest(item_indexes) as item_index,
                    generate_subscripts(item_indexes, 1) as place
                from sequences
            ),
            lists as (
                select
                    places.sequence_number,
                    string_agg({_token("codes.item_id")}, ' ' order by places.place)
                        as item_id_list
                from places
                inner join prepared.item_codes as codes
                    on codes.{self.of_tenant}
                    and places.item_index = codes.item_index
                group by places.sequence_number
            )
            select
                sequences.* exclude (item_indexes, sequence_number),
                lists.item_id_list
            from sequences
            inner join lists using (sequence_number)
        )"""

    def _method(self) -> str:
        """Which split method and fold is meant."""
        methods = self.connection.execute(
            "select split_name, main_fold from prepared.splits "
            f"where {self.of_tenant} order by not is_first_split, split_name"
        ).fetchall()
        main_folds = dict(methods)
        name = self.split_name or (methods[0][0] if methods else "")
        if name not in main_folds:
            raise InputError(
                f"--split-name {name}: the tenant has {', '.join(main_folds)}."
            )
        fold = main_folds[name] if self.fold is None else self.fold
        chosen = f"split_name = {literal(name)}"
        if self.fold is not None:
            folds_there = self.connection.execute(
                "select distinct fold from training.split_assignments "
                f"where {self.of_tenant} and {chosen} order by fold"
            ).fetchall()
            if (fold,) not in folds_there:
                folds = ", ".join(str(number) for (number,) in folds_there)
                raise InputError(f"--fold {fold}: {name} has {folds}.")
        return f"{chosen} and fold = {fold}"


def _atomic(connection: duckdb.DuckDBPyConnection, source: str) -> dict[str, str]:
    """The columns that RecBole has a type for, as SQL by ``name:type``."""
    columns: dict[str, str] = {}
    for name, kind, *_ in connection.execute(f"describe from {source}").fetchall():
        if name in _LEFT_OUT:
            continue
        quoted, to = identifier(name), _RENAMED.get(name, name)
        if name in ("user_id", "item_id", "next_item_id"):
            columns[f"{to}:token"] = _token(quoted)
        elif name == "item_id_list":
            columns[f"{to}:token_seq"] = quoted
        elif name == "title":
            columns[f"{to}:token_seq"] = _text(quoted)
        elif kind == "VARCHAR":
            columns[f"{to}:token"] = _text(quoted)
        elif kind == "VARCHAR[]":
            columns[f"{to}:token_seq"] = (
                f"list_aggregate(list_transform({quoted}, lambda element: "
                f"regexp_replace(trim(element), '\\s+', '_', 'g')), 'string_agg', ' ')"
            )
        elif kind in _NUMBERS or kind.startswith("DECIMAL"):
            columns[f"{to}:float"] = f"cast({quoted} as double)"
        elif kind == "BOOLEAN":
            columns[f"{to}:float"] = f"cast(cast({quoted} as integer) as double)"
        elif kind in ("DATE", "TIMESTAMP"):
            columns[f"{to}:float"] = f"epoch({quoted})"
    return columns


def _given(
    connection: duckdb.DuckDBPyConnection, source: str, columns: dict[str, str]
) -> dict[str, str]:
    """The columns that have a value in some row; ids in any case."""
    counts = ", ".join(f"count({sql})" for sql in columns.values())
    value_counts = connection.execute(f"select {counts} from {source}").fetchone() or ()
    return {
        column: sql
        for (column, sql), count in zip(columns.items(), value_counts, strict=True)
        if count or column in ("user_id:token", "item_id:token")
    }


def _query(columns: dict[str, str], source: str, order: str) -> str:
    selected = ", ".join(
        f"{sql} as {identifier(name)}" for name, sql in columns.items()
    )
    return f"select {selected} from {source} order by {order}"


def _token(id_column: str) -> str:
    """An id as one token: blanks, which part the tokens of a sequence, line ends and
    tabs are percent-encoded, as is the first character of what would read as missing.
    """
    encoded = id_column
    for character in "% \t\n\r":
        code = f"%{ord(character):02X}"
        text = "chr(" + str(ord(character)) + ")"
        encoded = f"replace({encoded}, {text}, {literal(code)})"
    missing = ", ".join(map(literal, _NOT_MISSING))
    return (
        f"case when {id_column} in ({missing}) "
        f"then '%' || hex({id_column}[1]) || {encoded}[2:] else {encoded} end"
    )


def _text(column: str) -> str:
    """A text on one line: runs of blanks, tabs and line ends become one blank."""
    return f"regexp_replace(trim({column}), '\\s+', ' ', 'g')"


def _settings(what: str, columns: list[str]) -> str:
    names = [column.split(":")[0] for column in columns]
    time = next((n for n in ("interaction_order", "timestamp") if n in names), None)
    loaded = ["user_id", "item_id"]
    settings: dict[str, object] = {
        "USER_ID_FIELD": "user_id",
        "ITEM_ID_FIELD": "item_id",
        "benchmark_filename": list(SPLIT_FILES.values()),
    }
    if time is not None:
        settings["TIME_FIELD"] = time
        loaded.append(time)
    if what == "examples":
        settings["LABEL_FIELD"] = "label"
        loaded.append("label")
    if what == "sequences":
        settings["alias_of_item_id"] = ["item_id_list"]
        loaded.append("item_id_list")
    settings["load_col"] = {"inter": loaded}
    return yaml.safe_dump(settings, sort_keys=False)
