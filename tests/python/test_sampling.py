"""The promises of negative sampling, on the real models: tables of the prepared layer
are written into a warehouse of the test's own and dbt builds training on them.
"""

from __future__ import annotations

import hashlib
import json
import os
import random
import subprocess
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from conftest import REAL_DATA, make_settings
from scipy.stats import chisquare

from ingest.contracts import PROJECT_ROOT
from winnow.dbt import run_dbt

SEED = 7
MODELS = (
    *("tenant_splits", "splits", "core_dropouts", "split_assignments"),
    *("user_pools", "positives", "negatives", "sampling_shortfall"),
)
COLUMNS = ("tenant_id", "interaction_id", "user_id", "item_id", "is_positive")
RATIOS = {
    "dense": 4,
    "many_draws": 20,
    "tiny": 4,
    "small_catalogue": 4,
    "unicode": 4,
    "one_user": 4,
    "ml-100k": 4,
}
SMALLEST_P = 0.001

Interaction = tuple[str, str, str, str, bool]
Key = tuple[str, str]
Draw = tuple[str, str, int]
Build = Callable[..., "Drawn"]


@dataclass(frozen=True)
class Data:
    """What the prepared layer holds: ``items`` by tenant, and rows of ``COLUMNS``."""

    items: dict[str, list[str]]
    interactions: list[Interaction]

    @cached_property
    def touched(self) -> dict[Key, set[str]]:
        """The items that each tenant's users interacted with in any way."""
        touched: dict[Key, set[str]] = defaultdict(set)
        for tenant, _, user, item, _ in self.interactions:
            touched[tenant, user].add(item)
        return touched

    @cached_property
    def pools(self) -> dict[Key, list[str]]:
        """The items that each tenant's users never touched, in order of their ids."""
        return {
            (tenant, user): sorted(set(self.items[tenant]) - touched)
            for (tenant, user), touched in self.touched.items()
        }

    def positives(self) -> Iterator[Interaction]:
        """The positive interactions."""
        return (row for row in self.interactions if row[4])


@dataclass(frozen=True)
class Drawn:
    """What was built: the user, item and probability of each tenant, positive and draw,
    and requested, drawn and missing negatives of each tenant and user in the report.
    """

    negatives: dict[Draw, tuple[str, str, float]]
    shortfall: dict[Key, tuple[int, int, int]]

    @cached_property
    def items(self) -> dict[Key, list[str]]:
        """The negatives of each tenant's positives, in order of their draws."""
        items: dict[Key, list[str]] = defaultdict(list)
        for (tenant, interaction, _), row in sorted(self.negatives.items()):
            items[tenant, interaction].append(row[1])
        return items


@pytest.fixture(scope="module")
def data() -> Data:
    """Tenants of the extreme kinds, and ml-100k where it is present."""
    numbers = np.random.default_rng(SEED)
    items = {
        "dense": [f"i{number:02}" for number in range(40)],
        "many_draws": [f"i{number:02}" for number in range(30)],
        "tiny": [f"i{number}" for number in range(6)],
        "small_catalogue": ["a", "b", "c"],
        "unicode": [
            "日本",
            "a'b",
            "é",
            "e\u0301",
            "🎈",
            "a b",
            "Z",
            "z",
            "ß",
            "ss",
            "ø",
        ],
        "one_user": [f"i{number:02}" for number in range(100)],
    }
    pairs: dict[str, list[tuple[str, str, bool]]] = defaultdict(list)
    for tenant, users, touched_count in (("dense", 400, 30), ("many_draws", 500, 7)):
        for user in range(users):
            touched = numbers.choice(items[tenant], touched_count, replace=False)
            pairs[tenant] += [(f"u{user}", str(item), True) for item in touched]
    for user_id, touched_count in (("all", 6), ("all_but_one", 5), ("all_but_four", 2)):
        pairs["tiny"] += [(user_id, f"i{item}", True) for item in range(touched_count)]
    pairs["tiny"] += [("only_seen", "i1", False), ("repeats", "i1", True)] * 3
    pairs["small_catalogue"] = [("u", "b", True), ("v", "a", True), ("v", "c", False)]
    pairs["unicode"] = [
        ("ünï", "é", True),
        ("日", "🎈", True),
        ("日", "e\u0301", False),
    ]
    pairs["one_user"] = [("u", f"i{number:02}", True) for number in range(0, 100, 3)]
    ratings = REAL_DATA / "ml-100k" / "u.data"
    if ratings.is_file():
        rows = [line.split("\t") for line in ratings.read_text().splitlines()]
        pairs["ml-100k"] = [
            (user, item, int(rating) >= 4) for user, item, rating, _ in rows
        ]
        items["ml-100k"] = sorted({item for _, item, _ in pairs["ml-100k"]})
    return Data(
        items,
        [
            (tenant, f"interaction {number}", *pair)
            for tenant, pairs_of_tenant in pairs.items()
            for number, pair in enumerate(pairs_of_tenant)
        ],
    )


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Write the prepared layer in the order of the given rows, and build on it."""
    home = tmp_path_factory.mktemp("sampling")

    def build_in(
        name: str, data: Data, *, duckdb_threads: int = 2, seed: object = SEED
    ) -> Drawn:
        settings = make_settings(home / name).model_copy(
            update={"target": home / "target", "duckdb_threads": duckdb_threads}
        )
        settings.warehouse.parent.mkdir()
        write_prepared(settings.warehouse, data)
        result = run_dbt(
            settings,
            [
                *("build", "--resource-type", "seed", "--resource-type", "model"),
                *("--select", *MODELS, "--vars", f"sampling_seed: {seed}"),
            ],
        )
        if not result.succeeded:
            raise AssertionError([failure.message for failure in result.failures])
        return read_training(settings.warehouse)

    return build_in


@pytest.fixture(scope="module")
def drawn(build: Build, data: Data) -> Drawn:
    """The first build."""
    return build("first", data)


def write_prepared(warehouse: Path, data: Data) -> None:
    """Create the prepared tables that training reads, for tenants without times."""
    pairs = [(tenant, item) for tenant, items in data.items.items() for item in items]
    given: dict[str, tuple[Sequence[tuple[object, ...]], Sequence[str]]] = {
        "given_items": (pairs, ("tenant_id", "item_id")),
        "given_interactions": (data.interactions, COLUMNS),
        "given_tenants": (list(RATIOS.items()), ("tenant_id", "negative_ratio")),
    }
    with duckdb.connect(str(warehouse)) as connection:
        for name, (rows, columns) in given.items():
            arrays = [pa.array(values) for values in zip(*rows, strict=True)]
            connection.register(name, pa.table(arrays, names=list(columns)))
        connection.execute(
            """
            create schema prepared;
            create table prepared.items as from given_items;
            create table prepared.tenants as
            select *, 1 as interaction_count, false as has_times from given_tenants;
            create table prepared.interactions as
            select
                *,
                'click' as event_type,
                cast(1 as double) as event_weight,
                row_number() over (
                    partition by tenant_id, user_id order by interaction_id
                ) as interaction_order,
                cast(null as timestamp) as interacted_at
            from given_interactions
            """
        )


def read_training(warehouse: Path) -> Drawn:
    """The negatives and the shortfall report."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        negatives = connection.execute(
            "select tenant_id, interaction_id, draw, user_id, item_id, "
            "sampling_probability from training.negatives"
        ).fetchall()
        shortfall = connection.execute(
            "select tenant_id, user_id, requested_count, drawn_count, shortfall_count "
            "from training.sampling_shortfall"
        ).fetchall()
    by_draw = {row[:3]: row[3:] for row in negatives}
    assert len(by_draw) == len(negatives)
    return Drawn(by_draw, {row[:2]: row[2:] for row in shortfall})


def mixed(number: int) -> int:
    """The integer mixing, written apart from the SQL."""
    for _ in range(2):
        number = ((number >> 16) ^ number) * 73244475 % 2**32
    return (number >> 16) ^ number


def draw_from(pool: Sequence[str], positive: Interaction, seed: int) -> list[str]:
    """The negatives of a positive, from its user's written-out untouched items."""
    tenant, interaction, user, _, _ = positive
    text = "\x1f".join((str(seed), tenant, user, interaction))
    key = int(hashlib.md5(text.encode()).hexdigest()[:8], 16)
    turn = mixed(key) * len(pool) >> 32
    strata = min(RATIOS[tenant], len(pool))
    items = []
    for draw in range(1, strata + 1):
        start = (draw - 1) * len(pool) // strata
        end = draw * len(pool) // strata
        bits = mixed(key ^ draw * 2654435769 % 2**32)
        items.append(pool[(start + (bits * (end - start) >> 32) + turn) % len(pool)])
    return items


def test_each_positive_gets_its_ratio_or_else_the_whole_pool(
    data: Data, drawn: Drawn
) -> None:
    for tenant, interaction, user, _, _ in data.positives():
        items = drawn.items.get((tenant, interaction), [])
        pool = data.pools[tenant, user]
        assert len(items) == min(RATIOS[tenant], len(pool))
        assert len(set(items)) == len(items)
        assert set(items) <= set(pool)
    assert set(drawn.items) <= {row[:2] for row in data.positives()}


def test_what_is_missing_is_reported_for_each_user_and_for_no_other(
    data: Data, drawn: Drawn
) -> None:
    positives = Counter((tenant, user) for tenant, _, user, _, _ in data.positives())
    expected = {}
    for (tenant, user), count in positives.items():
        pool_size, ratio = len(data.pools[tenant, user]), RATIOS[tenant]
        if pool_size < ratio:
            expected[tenant, user] = (
                count * ratio,
                count * pool_size,
                count * (ratio - pool_size),
            )
    assert drawn.shortfall == expected
    assert expected["tiny", "all"] == (24, 0, 24)
    assert expected["tiny", "all_but_one"] == (20, 5, 15)
    assert ("tiny", "all_but_four") not in expected


def test_each_negative_carries_the_probability_of_being_drawn(
    data: Data, drawn: Drawn
) -> None:
    for (tenant, _, _), (user, _, probability) in drawn.negatives.items():
        pool_size = len(data.pools[tenant, user])
        assert probability == min(RATIOS[tenant], pool_size) / pool_size


def test_the_draws_are_those_of_a_plain_list_of_untouched_items(
    data: Data, drawn: Drawn
) -> None:
    for positive in data.positives():
        tenant, interaction, user, _, _ = positive
        pool = data.pools[tenant, user]
        expected = draw_from(pool, positive, SEED)
        assert drawn.items.get((tenant, interaction), []) == expected


@dataclass(frozen=True)
class Tally:
    """How often each item was drawn as the first, the second, ... negative (draws x
    items), how often a uniform draw would take it, and its interactions; items in order
    of their ids.
    """

    observed: np.ndarray
    expected: np.ndarray
    popularity: np.ndarray


@pytest.fixture(scope="module", params=["dense", "many_draws", "ml-100k"])
def tally(request: pytest.FixtureRequest, data: Data, drawn: Drawn) -> Tally:
    """The tally of one tenant whose every pool is larger than the ratio."""
    tenant = request.param
    if tenant not in data.items:
        pytest.skip("needs the published data set ml-100k")
    items = sorted(data.items[tenant])
    place = {item: number for number, item in enumerate(items)}
    observed = np.zeros((RATIOS[tenant], len(items)))
    for (of_tenant, _, draw), (_, item, _) in drawn.negatives.items():
        if of_tenant == tenant:
            observed[draw - 1, place[item]] += 1
    expected = np.zeros(len(items))
    positives = Counter((row[0], row[2]) for row in data.positives())
    for (of_tenant, user), count in positives.items():
        if of_tenant == tenant:
            pool = data.pools[tenant, user]
            expected[[place[item] for item in pool]] += count / len(pool)
    popularity = Counter(row[3] for row in data.interactions if row[0] == tenant)
    return Tally(observed, expected, np.array([popularity[item] for item in items]))


@pytest.mark.parametrize("by", ["item", "decile of id", "decile of popularity"])
def test_every_untouched_item_is_equally_likely(tally: Tally, by: str) -> None:
    """One draw is independent between positives, so that its chi-square must look
    neither biased nor more even than chance; all draws together are more even than
    chance by design, because those of a positive differ.
    """
    numbers = np.arange(len(tally.expected))
    groups = {
        "item": np.array_split(numbers, len(numbers)),
        "decile of id": np.array_split(numbers, 10),
        "decile of popularity": np.array_split(
            np.argsort(tally.popularity, kind="stable"), 10
        ),
    }[by]
    expected = np.array([tally.expected[group].sum() for group in groups])
    observed = np.array([tally.observed[:, group].sum(axis=1) for group in groups]).T
    draws = len(observed)
    assert chisquare(observed.sum(axis=0), draws * expected).pvalue > SMALLEST_P
    for of_one_draw in observed:
        p = chisquare(of_one_draw, expected).pvalue
        assert SMALLEST_P / draws < p < 1 - SMALLEST_P / draws


def test_threads_row_order_and_a_new_user_change_no_negative(
    build: Build, data: Data, drawn: Drawn
) -> None:
    rows = list(data.interactions)
    rows += [
        (tenant, f"new {number}", "0 newcomer", item, number % 2 == 0)
        for tenant, items in data.items.items()
        for number, item in enumerate(items[::2])
    ]
    random.Random(SEED).shuffle(rows)
    shuffled = {
        tenant: random.Random(SEED).sample(items, len(items))
        for tenant, items in data.items.items()
    }
    changed = build("changed", Data(shuffled, rows), duckdb_threads=1)
    assert any(user == "0 newcomer" for user, _, _ in changed.negatives.values())
    kept = {
        draw: negative
        for draw, negative in changed.negatives.items()
        if negative[0] != "0 newcomer"
    }
    assert kept == drawn.negatives


def test_another_seed_gives_other_negatives_by_the_same_rule(
    build: Build, data: Data, drawn: Drawn
) -> None:
    of_dense = [row for row in data.interactions if row[0] == "dense"]
    dense = Data(data.items, of_dense)
    other = build("other", dense, seed=SEED + 1)
    for positive in dense.positives():
        tenant, interaction, user, _, _ = positive
        expected = draw_from(data.pools[tenant, user], positive, SEED + 1)
        assert other.items[tenant, interaction] == expected
    same = sum(drawn.items[key] == items for key, items in other.items.items())
    assert same < 0.01 * len(other.items)


def test_a_seed_that_is_no_whole_number_is_refused(build: Build, data: Data) -> None:
    with pytest.raises(AssertionError, match="sampling_seed must be a whole number"):
        build("refused", data, seed="seven")


@pytest.mark.parametrize(
    ("macro", "arguments", "sentence"),
    [
        (
            "leave_last_out_split",
            {"place_from_last": "", "positive_count": "n"},
            "leave_last_out_split: place_from_last must be a SQL expression, not ''",
        ),
        (
            "shifted_right",
            {"number": "n", "bits": 63},
            "shifted_right: bits must be a whole number from 1 to 62, not '63'",
        ),
    ],
)
def test_a_macro_refuses_a_wrong_argument_with_a_sentence(
    tmp_path: Path, macro: str, arguments: dict[str, object], sentence: str
) -> None:
    folder = str(tmp_path)
    done = subprocess.run(
        [
            Path(sys.executable).with_name("dbt"),
            *("run-operation", macro, "--args", json.dumps(arguments)),
            *("--project-dir", PROJECT_ROOT, "--profiles-dir", PROJECT_ROOT),
            *("--target-path", folder, "--log-path", folder),
        ],
        env=os.environ | make_settings(tmp_path).environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode != 0
    assert sentence in done.stdout
