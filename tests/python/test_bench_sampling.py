"""The benchmark's own judgement of samplers: each kind of wrong sampler, made on
purpose, is found out, and exact ones pass.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from dataclasses import astuple
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

from benchmarks.load_and_build import run
from benchmarks.sampling_check import Exactness, check
from benchmarks.sampling_data import (
    INTERACTION_ID,
    Dataset,
    write_dataset,
    write_draws_of_table,
    write_ids,
    write_prepared,
    write_weights,
)
from benchmarks.sampling_methods import draw_untouched, write_draws

USERS, ITEMS, INTERACTIONS = 400, 200, 12_000
RATIO = 4

Numbers = np.ndarray[Any, np.dtype[Any]]
Checked = Callable[[Numbers], Exactness]


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Dataset:
    """Users of very different activity, popular items, repeated pairs, and one user
    who left only two items untouched.
    """
    rng = np.random.default_rng(11)
    users = np.minimum(rng.exponential(60, INTERACTIONS).astype(int), USERS - 2)
    items = rng.permutation(ITEMS)[(ITEMS * rng.random(INTERACTIONS) ** 2).astype(int)]
    users = np.concatenate([users, np.full(ITEMS - 2, USERS - 1)])
    items = np.concatenate([items, np.arange(ITEMS - 2)])
    folder = tmp_path_factory.mktemp("bench") / "data"
    write_dataset(folder, users, items, (USERS, ITEMS), has_times=True)
    return Dataset.read(folder)


@pytest.fixture(scope="module")
def pairs(data: Dataset) -> tuple[Numbers, Numbers]:
    """Users and items of the interactions."""
    columns = duckdb.sql(f"from '{data.pairs}' order by interaction").fetchnumpy()
    return np.asarray(columns["user"]), np.asarray(columns["item"])


@pytest.fixture(scope="module")
def exact_draws(data: Dataset, pairs: tuple[Numbers, Numbers]) -> Numbers:
    """Four items for each interaction, drawn by rejection."""
    order, drawn = draw_untouched(*pairs, USERS, ITEMS, RATIO)
    draws = np.empty_like(drawn)
    draws[order] = drawn
    return draws


@pytest.fixture
def checked(data: Dataset, tmp_path: Path) -> Checked:
    """Check draws, interactions x 4."""

    def check_draws(draws: Numbers) -> Exactness:
        write_draws((np.arange(len(draws)), draws), tmp_path / "draws.parquet")
        return check(data, tmp_path / "draws.parquet", ratio=RATIO)

    return check_draws


@pytest.fixture
def crowded(pairs: tuple[Numbers, Numbers]) -> Numbers:
    """Interactions of users with many untouched items."""
    return np.flatnonzero(pairs[0] != USERS - 1)


def test_an_exact_sampler_passes(exact_draws: Numbers, checked: Checked) -> None:
    found = checked(exact_draws)
    assert found.exact
    assert found.draws == INTERACTIONS * RATIO + (ITEMS - 2) * 2
    assert 0 < found.bias < 4 * found.noise


def test_touched_items_are_counted_wherever_the_user_touched_them(
    exact_draws: Numbers, checked: Checked, pairs: tuple[Numbers, Numbers]
) -> None:
    users, items = pairs
    draws = exact_draws.copy()
    of_user = np.flatnonzero(users == users[0])
    first, last = of_user[0], of_user[-1]
    draws[first, 0] = items[last]
    draws[last, 0] = items[last]
    found = checked(draws)
    assert (found.seen, found.repeats, found.short) == (2, 0, 0)
    assert not found.exact


@pytest.mark.parametrize("item", [ITEMS, 2**31 - 1])
def test_items_that_do_not_exist_are_counted_as_seen(
    item: int, exact_draws: Numbers, checked: Checked
) -> None:
    draws = exact_draws.copy()
    draws[0, 0] = item
    assert checked(draws).seen == 1


def test_repeats_within_a_positive_are_counted(
    exact_draws: Numbers, checked: Checked, crowded: Numbers
) -> None:
    draws = exact_draws.copy()
    draws[crowded[5], 1] = draws[crowded[5], 0]
    draws[crowded[9]] = draws[crowded[9], 0]
    found = checked(draws)
    assert (found.seen, found.repeats, found.short) == (0, 4, 0)
    assert not found.exact


def test_positives_with_a_wrong_number_of_draws_are_counted(
    data: Dataset, exact_draws: Numbers, crowded: Numbers, tmp_path: Path
) -> None:
    draws = exact_draws.copy()
    draws[crowded[3], 3] = -1
    draws[crowded[7]] = -1
    file = tmp_path / "draws.parquet"
    write_draws((np.arange(len(draws)), draws), file)
    found = check(data, file, ratio=RATIO)
    assert (found.seen, found.repeats, found.short) == (0, 0, 2)
    assert not found.exact
    assert check(data, file, ratio=RATIO - 1).short > INTERACTIONS - 10


def test_a_user_with_fewer_untouched_items_than_the_ratio_must_get_them_all(
    exact_draws: Numbers, checked: Checked, pairs: tuple[Numbers, Numbers]
) -> None:
    draws = exact_draws.copy()
    rows = np.flatnonzero(pairs[0] == USERS - 1)
    assert set(draws[rows[0]]) == {ITEMS - 2, ITEMS - 1, -1}
    draws[rows[0], draws[rows[0]] == ITEMS - 1] = -1
    assert checked(draws).short == 1


@pytest.mark.parametrize("by", ["item number", "popularity"])
def test_a_bias_of_a_few_percent_is_found(
    by: str,
    exact_draws: Numbers,
    checked: Checked,
    crowded: Numbers,
    pairs: tuple[Numbers, Numbers],
) -> None:
    """One in five draws of an unwanted tenth of the items is drawn again, elsewhere."""
    users, items = pairs
    rng = np.random.default_rng(3)
    disliked = np.arange(100, 120)
    if by == "popularity":
        counts = np.bincount(items, minlength=ITEMS)
        disliked = np.argsort(counts, kind="stable")[-20:]
    touched = np.zeros((USERS, ITEMS), dtype=bool)
    touched[users, items] = True
    draws = exact_draws.copy()
    for row in crowded:
        for place in range(RATIO):
            if draws[row, place] in disliked and rng.random() < 0.2:
                free = np.setdiff1d(np.flatnonzero(~touched[users[row]]), disliked)
                draws[row, place] = rng.choice(np.setdiff1d(free, draws[row]))
    found = checked(draws)
    assert (found.seen, found.repeats, found.short) == (0, 0, 0)
    assert found.bias == pytest.approx(0.2, abs=0.05)
    assert found.z > 4
    assert not found.exact


def test_bias_is_measured_against_the_given_weights(
    data: Dataset, pairs: tuple[Numbers, Numbers], tmp_path: Path
) -> None:
    """Draws in proportion to weight, one for each positive, of untouched items."""
    users, items = pairs
    rng = np.random.default_rng(5)
    weight = 1 + np.arange(ITEMS) % 7
    touched = np.zeros((USERS, ITEMS), dtype=bool)
    touched[users, items] = True
    draws = np.array(
        [
            [rng.choice(ITEMS, p=free / free.sum())]
            for free in (weight * ~touched[user] for user in users)
        ]
    )
    file, weights = tmp_path / "draws.parquet", tmp_path / "weights.parquet"
    write_draws((np.arange(len(draws)), draws), file)
    sorted_weight = np.sort(weight)
    duckdb.sql(
        "select unnest(range(?))::integer as item, unnest(?) as weight",
        params=[ITEMS, weight.tolist()],
    ).write_parquet(str(weights))
    assert check(data, file, weights, ratio=1).exact
    duckdb.sql(
        "select unnest(range(?))::integer as item, unnest(?) as weight",
        params=[ITEMS, sorted_weight.tolist()],
    ).write_parquet(str(weights))
    assert check(data, file, weights, ratio=1).z > 4


def test_a_table_of_codes_is_read_back_as_numbers(
    data: Dataset, exact_draws: Numbers, tmp_path: Path
) -> None:
    warehouse = tmp_path / "warehouse.duckdb"
    numbered = tmp_path / "numbered.parquet"
    write_prepared(warehouse, data, "1GB")
    write_draws((np.arange(len(exact_draws)), exact_draws), numbered)
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            f"""
            create table negatives as
            select user_index, interaction_order, drawn.item + 1 as item_index
            from '{numbered}' as drawn
            inner join (
                select interaction, {INTERACTION_ID} as interaction_id
                from '{data.pairs}'
            ) using (interaction)
            inner join prepared.interactions using (interaction_id)
            inner join prepared.users using (user_id)
            """
        )
    draws = tmp_path / "draws.parquet"
    write_draws_of_table(warehouse, "negatives", data, draws, "1GB")
    # Sums of doubles on two threads: their last bits depend on who was first.
    read_back = astuple(check(data, draws, ratio=RATIO))
    assert read_back == pytest.approx(astuple(check(data, numbered, ratio=RATIO)))
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute("update negatives set user_index = 2 where user_index = 3")
    write_draws_of_table(warehouse, "negatives", data, draws, "1GB")
    found = check(data, draws, ratio=RATIO)
    assert found.seen > 0
    assert found.short > 0


def test_the_negatives_are_written_with_their_ids(tmp_path: Path) -> None:
    warehouse, table = tmp_path / "warehouse.duckdb", tmp_path / "ids.duckdb"
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            "create schema training; create view training.negatives as "
            "select 'i' || range as item_id from range(3)"
        )
    assert write_ids(warehouse, table, "1GB") > 0
    with duckdb.connect(str(table)) as connection:
        found = connection.execute("from negatives order by all").fetchall()
    assert found == [("i0",), ("i1",), ("i2",)]


def test_weights_by_popularity_count_train_positives_with_a_floor_of_one(
    data: Dataset, pairs: tuple[Numbers, Numbers], tmp_path: Path
) -> None:
    warehouse, weights = tmp_path / "warehouse.duckdb", tmp_path / "weights.parquet"
    write_prepared(warehouse, data, "1GB")
    with duckdb.connect(str(warehouse)) as connection:
        connection.execute(
            """
            create schema training;
            create table training.positives as
            select
                *,
                if(interacted_at < timestamp '2024-01-02', 'train', 'test') as split
            from prepared.interactions
            """
        )
    items = pairs[1]
    is_train = 7_776_000 * np.arange(len(items)) // len(items) < 86_400
    for split, counted in (("train", items[is_train]), (None, items)):
        write_weights(warehouse, weights, split)
        expected = np.bincount(counted, minlength=ITEMS)
        if split is not None:
            expected = np.maximum(expected, 1)
        rows = duckdb.sql(f"from '{weights}' order by item").fetchall()
        assert rows == list(enumerate(expected.tolist()))
    assert np.bincount(items[is_train], minlength=ITEMS).min() == 0


def test_a_process_over_its_time_limit_is_stopped(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    started = time.monotonic()
    with pytest.raises(TimeoutError, match="longer than"):
        run(["/bin/sleep", "30"], {}, log, limit_seconds=0.1)
    assert time.monotonic() - started < 20
    assert run(["/bin/sleep", "0.01"], {}, log, limit_seconds=20).seconds < 20


def test_the_peak_of_a_process_leaves_out_the_one_that_started_it(
    tmp_path: Path,
) -> None:
    held = np.ones(2**26)  # half a GiB
    small = run(["/bin/sleep", "0"], {}, tmp_path / "log.txt")
    assert small.peak_gib < 0.1 < held.nbytes / 2**30
    program = "bytearray(b'x' * 2**28)"
    large = run([sys.executable, "-c", program], {}, tmp_path / "log.txt")
    assert 0.25 < large.peak_gib < 0.8


def test_a_process_that_fails_is_told_with_what_it_said(tmp_path: Path) -> None:
    program = "import sys; print('to say'); sys.exit('what is wrong')"
    with pytest.raises(SystemExit, match=r"failed:\n(.|\n)*what is wrong") as caught:
        run([sys.executable, "-u", "-c", program], {}, tmp_path / "log.txt")
    assert "to say" in str(caught.value)
