"""Data sets of ``make bench-sampling``: a folder each, with ``pairs.parquet`` (one row
per interaction: interaction, user, item, all counted from 0, in time order) and
``dataset.json`` (how many there are of each). Every interaction is a positive.
"""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml

RATIO = 4
TENANT = "bench"
PROJECT = Path(__file__).resolve().parent.parent
REAL_DATA = PROJECT.parent / "shared" / "data"
REAL_FILES = {
    "gowalla": ("gowalla-lightgcn/train.txt", "valid.txt", "test.txt"),
    "microlens": ("microlens-50k/MicroLens-50k_pairs.tsv",),
}
SEED = 7

INTERACTION_ID = "cast(cast(md5(cast(interaction as varchar)) as uuid) as varchar)"
"""The text id of an interaction of ``pairs.parquet``, a UUID as in loaded data."""
USER_ID = "printf('u%07d', \"user\")"
ITEM_ID = "printf('i%07d', item)"

Numbers = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Dataset:
    """A data set's folder and its numbers of interactions, users and items."""

    folder: Path
    interactions: int
    users: int
    items: int
    has_times: bool

    @property
    def pairs(self) -> Path:
        """The Parquet file of interactions."""
        return self.folder / "pairs.parquet"

    @classmethod
    def read(cls, folder: Path) -> Dataset:
        """The data set that was written to a folder."""
        return cls(folder=folder, **json.loads((folder / "dataset.json").read_text()))


def write_dataset(
    folder: Path, users: Numbers, items: Numbers, sizes: Sequence[int], has_times: bool
) -> None:
    """Write one interaction per element of ``users`` and ``items``; ``sizes`` are the
    numbers of users and items that exist.
    """
    folder.mkdir(parents=True, exist_ok=True)
    columns = {
        "interaction": np.arange(len(users), dtype=np.int32),
        "user": users.astype(np.int32),
        "item": items.astype(np.int32),
    }
    pq.write_table(pa.table(columns), folder / "pairs.parquet")
    written = asdict(Dataset(folder, len(users), sizes[0], sizes[1], has_times))
    del written["folder"]
    (folder / "dataset.json").write_text(json.dumps(written))


def real_files(name: str) -> list[Path]:
    """The files of a published data set; empty where one of them is not there."""
    first, *others = REAL_FILES[name]
    files = [REAL_DATA / first, *((REAL_DATA / first).with_name(o) for o in others)]
    return files if all(file.is_file() for file in files) else []


def write_real(folder: Path, name: str) -> None:
    """A published data set, from lines of one user and then the user's items."""
    users, items = [], []
    for file in real_files(name):
        for line in file.read_text().splitlines():
            user, *touched = line.split()
            users += [int(user)] * len(touched)
            items += [int(item) for item in touched]
    _, user_numbers = np.unique(np.array(users), return_inverse=True)
    item_ids, item_numbers = np.unique(np.array(items), return_inverse=True)
    sizes = (int(user_numbers.max()) + 1, len(item_ids))
    write_dataset(folder, user_numbers, item_numbers, sizes, has_times=False)


def write_synthetic(folder: Path, interactions: int, users: int, items: int) -> None:
    """A tenant whose items are popular by Zipf's law and whose users' activity is
    log-normal; 1 in 100 interactions repeats an earlier pair.
    """
    rng = np.random.default_rng(SEED)
    popularity = 1 / np.arange(10, items + 10) ** 0.9
    activity = rng.lognormal(0, 0.9, users)
    repeats = interactions // 100
    wanted = interactions - repeats
    keys = np.empty(0, dtype=np.int64)
    while len(keys) < wanted:
        more = int((wanted - len(keys)) * 1.2) + 1000
        drawn = _weighted(rng, activity, more) * items
        drawn += _weighted(rng, popularity, more)
        keys = np.unique(np.concatenate([keys, drawn]))
    keys = rng.permutation(keys)[:wanted]
    keys = rng.permutation(np.concatenate([keys, rng.choice(keys, repeats)]))
    # Numbers must say nothing about popularity, or deciles of both would be the same.
    item_numbers = rng.permutation(items)[keys % items]
    write_dataset(folder, keys // items, item_numbers, (users, items), has_times=True)


def _weighted(rng: np.random.Generator, weights: Numbers, size: int) -> Numbers:
    until = np.cumsum(weights)
    places: Numbers = np.searchsorted(until, rng.random(size) * until[-1], "right")
    return places


def connect(
    database: Path | None,
    memory_limit: str,
    temp_directory: Path | None = None,
    *,
    read_only: bool = False,
) -> duckdb.DuckDBPyConnection:
    """A connection with two threads, to a database in memory if there is no file."""
    config: dict[str, str | bool | int | float | list[str]] = {
        "threads": 2,
        "memory_limit": memory_limit,
        "preserve_insertion_order": False,
        "storage_compatibility_version": "v1.5.0",
    }
    if temp_directory is not None:
        config["temp_directory"] = str(temp_directory)
    name = ":memory:" if database is None else str(database)
    connection = duckdb.connect(name, read_only=read_only, config=config)
    # The bar would be printed among the tables.
    connection.execute("set enable_progress_bar = false")
    return connection


def contract_columns(model: str) -> dict[str, str]:
    """Names and types of a prepared model's columns."""
    contract = PROJECT / "models" / "prepared" / f"{model}.yml"
    (declared,) = yaml.safe_load(contract.read_text())["models"]
    return {each["name"]: each["data_type"] for each in declared["columns"]}


def write_prepared(warehouse: Path, data: Dataset, memory_limit: str) -> None:
    """Write the prepared tables that training reads, with every column of their
    contracts: null where it is not named here.
    """
    moment = (
        "timestamp '2024-01-01' + "
        f"to_seconds(cast(interaction as bigint) * 7776000 // {data.interactions})"
        if data.has_times
        else "null"
    )
    tables = {
        "users": (
            {
                "user_id": USER_ID,
                "user_index": '"user" + 1',
                "user_key": '"user" + 1',
                "has_profile": "false",
            },
            f"(select range as user from range({data.users}))",
        ),
        "items": (
            {
                "item_id": ITEM_ID,
                "item_index": "item + 1",
                "item_key": "item + 1",
                "is_listed": "true",
                "has_interactions": "true",
            },
            f"(select range as item from range({data.items}))",
        ),
        "interactions": (
            {
                "interaction_id": INTERACTION_ID,
                "user_id": USER_ID,
                "item_id": ITEM_ID,
                "user_key": '"user" + 1',
                "item_key": "item + 1",
                "event_type": "'click'",
                "event_weight": "1",
                "interaction_order": (
                    'row_number() over (partition by "user" order by interaction)'
                ),
                "is_positive": "true",
                "is_seen": "true",
                "interacted_at": moment,
            },
            f"read_parquet('{data.pairs}')",
        ),
        "tenants": (
            {
                "positive_rating_minimum": "4",
                "negative_ratio": str(RATIO),
                "negative_strategy": "'uniform'",
                "popularity_alpha": "1",
                "candidate_strategy": "'uniform'",
                "candidate_count": "99",
                "time_aware_negatives": "false",
                "interaction_count": str(data.interactions),
                "has_times": str(data.has_times).lower(),
            },
            "(select 1)",
        ),
    }
    with connect(warehouse, memory_limit) as connection:
        connection.execute("create schema prepared")
        for table, (values, given) in tables.items():
            filled = {"tenant_id": f"'{TENANT}'"} | values
            columns = ", ".join(
                f'cast({filled.get(name, "null")} as {data_type}) as "{name}"'
                for name, data_type in contract_columns(table).items()
            )
            connection.execute(
                f"create table prepared.{table} as select {columns} from {given}"
            )


def choose_strategy(warehouse: Path, strategy: str) -> None:
    """Set how the tenant's negatives are drawn."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "update prepared.tenants set negative_strategy = ?", [strategy]
        )


def write_draws_of_table(
    database: Path, table: str, data: Dataset, draws: Path, memory_limit: str
) -> None:
    """Write a table of negatives as the checks want it: number of the interaction and
    of the item. What is not in the data becomes null.
    """
    spill = draws.parent / "spill"
    with connect(database, memory_limit, spill, read_only=True) as connection:
        connection.execute(
            f"""
            copy (
                with positives as (
                    select
                        interaction,
                        "user" + 1 as user_index,
                        row_number() over (partition by "user" order by interaction)
                            as interaction_order
                    from '{data.pairs}'
                )
                select
                    positives.interaction,
                    case
                        when negatives.item_index between 1 and {data.items}
                            then cast(negatives.item_index - 1 as integer)
                    end as item
                from {table} as negatives
                left join positives using (user_index, interaction_order)
            ) to '{draws}'
            """
        )


def write_ids(warehouse: Path, table: Path, memory_limit: str) -> float:
    """Write the view of the negatives, with all its ids, as a table of a new database.
    Gives the seconds that it took.
    """
    spill = table.parent / "spill"
    with connect(warehouse, memory_limit, spill, read_only=True) as connection:
        started = time.monotonic()
        connection.execute(
            f"attach '{table}' as written (read_write);"
            "create table written.negatives as from training.negatives"
        )
        return time.monotonic() - started


def write_weights(warehouse: Path, weights: Path, split: str | None) -> None:
    """Write the weights of samplers by popularity: how often an item is positive in all
    splits, or else in one split and at least 1.
    """
    counted, least = ("true", 0) if split is None else (f"split = '{split}'", 1)
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        connection.execute(
            f"""
            copy (
                select
                    cast(substr(items.item_id, 2) as integer) as item,
                    greatest(count(positives.interaction_id), {least}) as weight
                from prepared.items as items
                left join training.positives as positives
                    on items.item_id = positives.item_id and {counted}
                group by items.item_id
            ) to '{weights}'
            """
        )
