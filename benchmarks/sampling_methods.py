"""The other samplers of ``make bench-sampling``, each run in a process of its own::

    python -m benchmarks.sampling_methods METHOD DATASET REPORT [--draws FILE] ...

The process writes to REPORT the seconds from opening the input to the complete output,
and the peak memory until then; only afterwards it writes what it drew to FILE
(Parquet: interaction, item), for the checks. This module also runs in the peers'
environment, so it imports nothing of Winnow.
"""

from __future__ import annotations

import argparse
import importlib
import json
import resource
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.sampling_data import RATIO, SEED, Dataset, Numbers, connect

CHUNK = 50_000
RECBOLE_BATCH = 2048


@dataclass(frozen=True)
class Given:
    """What a method may use."""

    data: Dataset
    warehouse: Path | None
    output: Path | None
    memory_limit: str


Draws = tuple[Numbers, Numbers]
"""Numbers of interactions, and as many items (or rows of ``RATIO`` items)."""
Sampler = Callable[[Dataset, Numbers, Numbers], Draws]
"""Draws for all interactions, from their users and items by number."""


def read_pairs(data: Dataset) -> tuple[Numbers, Numbers]:
    """Users and items, by number of the interaction."""
    table = pq.read_table(data.pairs, columns=["user", "item"])
    return table["user"].to_numpy(), table["item"].to_numpy()


def draw_untouched(
    users: Numbers, items: Numbers, user_count: int, item_count: int, ratio: int
) -> Draws:
    """Vectorised rejection: every element of ``users`` gets ``ratio`` different items
    that its user never touched, or all of them where there are fewer (the rest is -1).
    Only what was refused is drawn again. Two threads, each on a part of the users.
    """
    keys = users.astype(np.int64) * item_count + items
    keys = np.unique(keys)
    pool = item_count - np.bincount(keys // item_count, minlength=user_count)
    order = np.argsort(users, kind="stable")
    sorted_users = users[order]
    drawn = np.empty((len(users), ratio), dtype=np.int32)
    starts = range(0, len(users), CHUNK)
    seeds = np.random.SeedSequence(SEED).spawn(len(starts))

    def draw_chunk(start: int, seed: np.random.SeedSequence) -> None:
        rng = np.random.default_rng(seed)
        of_users = sorted_users[start : start + CHUNK]
        first, last = of_users[0].item(), of_users[-1].item()
        bounds = np.array([first * item_count, (last + 1) * item_count])
        low, high = np.searchsorted(keys, bounds)
        chunk_keys = keys[low:high]
        base = of_users.astype(np.int64) * item_count
        rows = drawn[start : start + CHUNK]
        enough = pool[of_users] >= ratio
        for row in np.flatnonzero(~enough):
            touched = chunk_keys[chunk_keys // item_count == of_users[row]] % item_count
            untouched = np.setdiff1d(np.arange(item_count), touched)
            rows[row] = -1
            rows[row, : len(untouched)] = untouched
        open_rows = np.flatnonzero(enough)
        values = rng.integers(0, item_count, (len(open_rows), ratio), dtype=np.int32)
        while True:
            rows[open_rows] = values
            wanted = base[open_rows, None] + values
            place = np.searchsorted(chunk_keys, wanted)
            place[place == len(chunk_keys)] = 0
            refused = chunk_keys[place] == wanted
            for draw in range(1, ratio):
                for earlier in range(draw):
                    refused[:, draw] |= values[:, draw] == values[:, earlier]
            again = refused.any(axis=1)
            if not again.any():
                return
            open_rows, values, refused = open_rows[again], values[again], refused[again]
            values[refused] = rng.integers(
                0, item_count, np.count_nonzero(refused), dtype=np.int32
            )

    with ThreadPoolExecutor(2) as threads:
        list(threads.map(draw_chunk, starts, seeds))
    return order, drawn


def numpy_sampler(data: Dataset, users: Numbers, items: Numbers) -> Draws:
    """Vectorised rejection."""
    return draw_untouched(users, items, data.users, data.items, RATIO)


def arrays(given: Given, sampler: Sampler) -> Draws:
    """Integers in, arrays of integers out."""
    return sampler(given.data, *read_pairs(given.data))


def writing(given: Given) -> duckdb.DuckDBPyConnection:
    """A new database for the table of negatives, the warehouse attached to it."""
    connection = connect(given.output, given.memory_limit)
    connection.execute(f"attach '{given.warehouse}' as warehouse (read_only)")
    return connection


def tables(given: Given, sampler: Sampler) -> None:
    """The same tables in and out as Winnow's models, by a sampler that draws in arrays:
    DuckDB gives it the codes of the text ids and writes what it drew.
    """
    with writing(given) as connection:
        connection.execute(
            """
            create temp table positives as
            select
                tenant_id,
                user_index,
                interaction_order,
                cast(user_index - 1 as integer) as user_number,
                cast(item_index - 1 as integer) as positive_item
            from warehouse.training.positives
            inner join warehouse.prepared.users using (tenant_id, user_id)
            inner join warehouse.prepared.items using (tenant_id, item_id)
            """
        )
        # With row ids in order, the arrays are columns of the same rows.
        numbers = connection.execute(
            "select user_number, positive_item, rowid as number from positives"
        ).fetchnumpy()
        users, items = (
            np.asarray(numbers[name])[np.argsort(numbers["number"])]
            for name in ("user_number", "positive_item")
        )
        order, drawn = sampler(given.data, users, items)
        del users, items, numbers
        columns = {"number": order} | {
            f"item_{draw}": drawn[:, draw - 1] for draw in range(1, RATIO + 1)
        }
        connection.register("drawn", pa.table(columns))
        values = ", ".join(f"item_{draw}" for draw in range(1, RATIO + 1))
        connection.execute(
            f"""
            create temp table pools as
            select
                user_index,
                (select count(*) from warehouse.prepared.items)
                    - count(distinct item_id) as pool_size
            from warehouse.prepared.interactions
            inner join warehouse.prepared.users using (tenant_id, user_id)
            group by user_index;
            create table negatives as
            with draws as (
                select
                    number,
                    unnest([{values}]) as item,
                    unnest(range(1, {RATIO + 1})) as draw
                from drawn
            )
            select
                positives.tenant_id,
                positives.user_index,
                positives.interaction_order,
                cast(draws.item + 1 as bigint) as item_index,
                draws.draw,
                least({RATIO}, pools.pool_size) / pools.pool_size
                    as sampling_probability
            from draws
            inner join positives on draws.number = positives.rowid
            inner join pools on positives.user_index = pools.user_index
            where draws.item >= 0
            """
        )


def hash_and_rank(given: Given) -> None:
    """The plain query: three times as many hashed draws as wanted for each positive,
    less the user's items, ranked and cut. The same tables in and out as Winnow's.
    """
    with writing(given) as connection:
        connection.execute(
            f"""
            create table negatives as
            with seen as (
                select user_index, item_index
                from warehouse.prepared.interactions
                inner join warehouse.prepared.users using (tenant_id, user_id)
                inner join warehouse.prepared.items using (tenant_id, item_id)
            ),
            candidates as (
                select
                    tenant_id,
                    user_index,
                    interaction_order,
                    unnest(range(1, {3 * RATIO + 1})) as attempt,
                    cast(
                        1 + hash(concat_ws('-', {SEED}, interaction_id, attempt))
                        % (select count(*) from warehouse.prepared.items) as bigint
                    ) as item_index
                from warehouse.training.positives
                inner join warehouse.prepared.users using (tenant_id, user_id)
            ),
            unseen as (
                select *
                from candidates
                anti join seen using (user_index, item_index)
            )
            select
                tenant_id,
                user_index,
                interaction_order,
                item_index,
                row_number() over (
                    partition by user_index, interaction_order order by attempt
                ) as draw
            from unseen
            qualify draw <= {RATIO}
            """
        )


def recbole_sampler(
    distribution: str, data: Dataset, users: Numbers, items: Numbers
) -> Draws:
    """RecBole's sampler as its training calls it, batch by batch, on one phase that
    holds all interactions, so that it refuses all of a user's items. It reads its data
    set's fields only, so arrays stand in for RecBole's own loading.
    """
    import torch
    from recbole.sampler import Sampler as RecboleSampler

    np.random.seed(SEED)
    # RecBole numbers from 1; 0 is its padding.
    user_ids, item_ids = torch.from_numpy(users + 1), torch.from_numpy(items + 1)
    loaded = SimpleNamespace(
        uid_field="user",
        iid_field="item",
        user_num=data.users + 1,
        item_num=data.items + 1,
        inter_feat={"user": user_ids, "item": item_ids},
    )
    sampler = RecboleSampler("all", loaded, distribution).set_phase("all")
    drawn = np.empty((len(users), RATIO), dtype=np.int32)
    for start in range(0, len(users), RECBOLE_BATCH):
        batch = slice(start, start + RECBOLE_BATCH)
        of_users, of_items = user_ids[batch].numpy(), item_ids[batch].numpy()
        sampled = sampler.sample_by_user_ids(of_users, of_items, RATIO).numpy()
        drawn[batch] = sampled.reshape(RATIO, -1).T - 1
    return np.arange(len(users)), drawn


recbole_uniform = partial(recbole_sampler, "uniform")
recbole_popularity = partial(recbole_sampler, "popularity")


def recommenders(given: Given) -> Callable[[], Draws]:
    """``negative_feedback_sampler``. It draws for users: a user's negatives are dealt
    to the user's positives in the order in which they came, outside the timed part.
    """
    import pandas as pd
    from recommenders.datasets.pandas_df_utils import negative_feedback_sampler

    users, items = read_pairs(given.data)
    frame = pd.DataFrame({"userID": users, "itemID": items})
    sampled = negative_feedback_sampler(frame, ratio_neg_per_user=RATIO, seed=SEED)

    def deal() -> Draws:
        negatives = sampled[sampled["feedback"] == 0]
        of_user = negatives["userID"].to_numpy()
        order = np.argsort(of_user, kind="stable")
        place = np.empty(len(order), dtype=np.int64)
        counts = np.bincount(of_user, minlength=given.data.users)
        starts = np.cumsum(counts) - counts
        place[order] = np.arange(len(order)) - np.repeat(starts, counts)
        interactions = np.argsort(users, kind="stable")
        positives = np.bincount(users, minlength=given.data.users)
        first = np.cumsum(positives) - positives
        dealt = interactions[first[of_user] + place // RATIO]
        return dealt, negatives["itemID"].to_numpy()

    return deal


METHODS: dict[str, Callable[[Given], Draws | Callable[[], Draws] | None]] = {
    "numpy": partial(arrays, sampler=numpy_sampler),
    "numpy_table": partial(tables, sampler=numpy_sampler),
    "hash_and_rank": hash_and_rank,
    "recbole_uniform": partial(arrays, sampler=recbole_uniform),
    "recbole_uniform_table": partial(tables, sampler=recbole_uniform),
    "recbole_popularity": partial(arrays, sampler=recbole_popularity),
    "recbole_popularity_table": partial(tables, sampler=recbole_popularity),
    "recommenders": recommenders,
}


def write_draws(drawn: Draws, file: Path) -> None:
    """Write one row per draw; places left empty (-1) are no draws."""
    interactions, items = drawn
    if items.ndim == 2:
        interactions = np.repeat(interactions, items.shape[1])
        items = items.reshape(-1)
    given = items >= 0
    columns: dict[str, Any] = {
        "interaction": interactions[given].astype(np.int32),
        "item": items[given].astype(np.int32),
    }
    pq.write_table(pa.table(columns), file)


def main() -> None:
    """Run one method."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("method", choices=METHODS)
    parser.add_argument("dataset", type=Path)
    parser.add_argument("report", type=Path)
    parser.add_argument("--started", type=float, required=True, help="Unix time")
    parser.add_argument("--draws", type=Path)
    parser.add_argument("--warehouse", type=Path)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--memory-limit", default="12GB")
    arguments = parser.parse_args()
    data = Dataset.read(arguments.dataset)
    given = Given(data, arguments.warehouse, arguments.output, arguments.memory_limit)
    if arguments.method.startswith("rec"):
        _import_peer(arguments.method)
    started = time.monotonic()
    drawn = METHODS[arguments.method](given)
    measured = {
        "seconds": time.monotonic() - started,
        "process_seconds": time.time() - arguments.started,
        "peak_gib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20,
    }
    if arguments.draws is not None and drawn is not None:
        write_draws(drawn() if callable(drawn) else drawn, arguments.draws)
    arguments.report.write_text(json.dumps(measured))


def _import_peer(method: str) -> None:
    """Load a peer's library, so that its import is start-up and not sampling."""
    importlib.import_module(
        "recbole.sampler"
        if method.startswith("recbole")
        else "recommenders.datasets.pandas_df_utils"
    )


if __name__ == "__main__":
    main()
