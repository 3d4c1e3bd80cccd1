"""The promises of negative sampling, on the real models: tables of the prepared layer
are written into a warehouse of the test's own and dbt builds training on them. What is
drawn is worked out a second time here, from written-out lists.
"""

from __future__ import annotations

import csv
import hashlib
import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from conftest import REAL_DATA, make_settings
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner
from keying import add_keys
from places import PROJECT_ROOT
from scipy.stats import chisquare

from winnow.build.dbt import run_dbt

SEED = 7
MODELS = ("+negatives", "+evaluation_candidates", "sampling_shortfall")
WRITTEN = ("+tenants", "+interactions", "+users", "+items")
SMALLEST_P = 0.001
BEGIN = datetime(2024, 1, 1)
SETTINGS: dict[str, Any] = {
    "negative_ratio": 4,
    "negative_strategy": "uniform",
    "popularity_alpha": 0.75,
    "time_aware_negatives": False,
    "candidate_count": 99,
    "candidate_strategy": "uniform",
}
PURPOSES = {
    "negatives": ("negative_ratio", "negative_strategy"),
    "evaluation_candidates": ("candidate_count", "candidate_strategy"),
}


@dataclass(frozen=True)
class Interaction:
    """One interaction of a tenant."""

    interaction_id: str
    user: str
    item: str
    is_positive: bool = True
    is_seen: bool = True
    at: datetime | None = None


@dataclass(frozen=True)
class Case:
    """A tenant: its items with their release, its interactions and its settings."""

    items: dict[str, datetime | None]
    interactions: list[Interaction]
    settings: dict[str, Any] = field(default_factory=dict)
    _pools: dict[str, list[str]] = field(default_factory=dict)

    def setting(self, name: str) -> Any:
        """What the tenant sets."""
        return {**SETTINGS, **self.settings}[name]

    @cached_property
    def seen(self) -> dict[str, set[str]]:
        """The items that each user has seen."""
        seen: dict[str, set[str]] = defaultdict(set)
        for row in self.interactions:
            if row.is_seen:
                seen[row.user].add(row.item)
        return seen

    def pool_of(self, user: str) -> list[str]:
        """The items of the line that a user has not seen."""
        if user not in self._pools:
            seen = self.seen[user]
            self._pools[user] = [item for item in self.line if item not in seen]
        return self._pools[user]

    @cached_property
    def line(self) -> list[str]:
        """The items in the order that draws count in."""
        if not self.setting("time_aware_negatives"):
            return sorted(self.items)
        return sorted(
            self.items, key=lambda item: (self.appeared.get(item, datetime.max), item)
        )

    @cached_property
    def appeared(self) -> dict[str, datetime]:
        """When each item was first touched or released."""
        appeared = {item: at for item, at in self.items.items() if at is not None}
        for row in self.interactions:
            if row.at is not None:
                appeared[row.item] = min(appeared.get(row.item, row.at), row.at)
        return appeared

    @cached_property
    def appearances(self) -> list[datetime]:
        """The instants at which the items of the line appeared."""
        return [self.appeared.get(item, datetime.max) for item in self.line]


@dataclass(frozen=True)
class Built:
    """A warehouse that training was built in."""

    warehouse: Path

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        """What a query gives."""
        with duckdb.connect(str(self.warehouse), read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def splits(self, tenant: str) -> dict[str, str]:
        """The split of each positive of a tenant."""
        return dict(
            self.query(
                "select interaction_id, split from training.positives "
                f"where tenant_id = '{tenant}'"
            )
        )

    def draws(self, tenant: str, purpose: str) -> dict[str, list[tuple[str, float]]]:
        """Item and probability of each draw of a tenant's positives, in order."""
        drawn: dict[str, list[tuple[str, float]]] = defaultdict(list)
        for interaction, item, probability in self.query(
            "select interaction_id, item_id, sampling_probability "
            f"from training.{purpose} where tenant_id = '{tenant}' "
            "order by interaction_id, draw"
        ):
            drawn[interaction].append((item, probability))
        return drawn

    def fingerprints(self) -> dict[tuple[str, str], tuple[int, int]]:
        """Rows and checksum of what was drawn, by purpose and tenant: the sum of the
        first 32 bits of each row's md5.
        """
        return {
            (purpose, tenant): (rows, checksum)
            for purpose in PURPOSES
            for tenant, rows, checksum in self.query(
                "select tenant_id, count(*), sum(cast('0x' || md5(concat_ws('|', "
                "interaction_id, user_id, draw, item_id, "
                "round(sampling_probability, 12)))[:8] as ubigint))::bigint "
                f"from training.{purpose} group by tenant_id"
            )
        }


Build = Callable[..., Built]


def numbered(
    pairs: Sequence[tuple[str, str]], start: datetime | None = None, step: int = 60
) -> list[Interaction]:
    """Positives in this order, ``step`` seconds apart where they have times."""
    return [
        Interaction(
            f"interaction {number}",
            user,
            item,
            at=start and start + timedelta(seconds=step * number),
        )
        for number, (user, item) in enumerate(pairs)
    ]


def synthetic_cases() -> dict[str, Case]:
    """Tenants of the extreme kinds."""
    numbers = np.random.default_rng(SEED)

    def names(count: int) -> dict[str, datetime | None]:
        return {f"i{number:03}": None for number in range(count)}

    def random_pairs(
        items: dict[str, datetime | None], users: int, seen: int, power: float = 0.0
    ) -> list[tuple[str, str]]:
        weights = np.arange(1, len(items) + 1) ** -power
        shuffled = numbers.permutation(list(items))
        return [
            (f"u{user}", str(item))
            for user in range(users)
            for item in numbers.choice(
                shuffled, seen, replace=False, p=weights / weights.sum()
            )
        ]

    cases = {}
    dense = names(40)
    cases["dense"] = Case(dense, numbered(random_pairs(dense, 400, 30)))
    sparse = names(300)
    cases["sparse"] = Case(sparse, numbered(random_pairs(sparse, 1500, 8)))
    many = names(30)
    cases["many_draws"] = Case(
        many, numbered(random_pairs(many, 500, 7)), {"negative_ratio": 20}
    )
    tiny = numbered(
        [
            (user, f"i00{item}")
            for user, count in (("all", 6), ("all_but_one", 5), ("all_but_four", 2))
            for item in range(count)
        ]
    )
    for number in range(3):
        tiny += [
            Interaction(f"seen {number}", "only_seen", "i001", False),
            Interaction(f"again {number}", "repeats", "i001"),
            Interaction(f"passed {number}", "repeats", "i003", False, False),
        ]
    cases["tiny"] = Case(names(6), tiny)
    cases["tiny_popular"] = replace(
        cases["tiny"],
        settings={
            "negative_strategy": "popularity",
            "candidate_strategy": "popularity",
        },
        _pools={},
    )
    cases["small_catalogue"] = Case(
        names(3),
        [
            Interaction("one", "u", "i001"),
            Interaction("two", "v", "i000"),
            Interaction("three", "v", "i002", False),
        ],
    )
    cases["unicode"] = Case(
        dict.fromkeys(
            ["日本", "a'b", "é", "e\u0301", "🎈", "a b", "Z", "z", "ß", "ss", "ø"]
        ),
        [
            Interaction("è", "ünï", "é"),
            Interaction("🎈", "日", "🎈"),
            Interaction("'", "日", "e\u0301", False),
        ],
    )
    cases["one_user"] = Case(
        names(100), numbered([("u", f"i{number:03}") for number in range(0, 100, 3)])
    )
    popular = names(200)
    cases["popular"] = Case(
        popular,
        numbered(random_pairs(popular, 1500, 8, power=0.9)),
        {
            "negative_strategy": "popularity",
            "candidate_strategy": "popularity",
            "candidate_count": 9,
        },
    )
    half = names(40)
    others = random_pairs(
        {name: None for name in half if name != "i007"}, 800, 2, power=0.3
    )
    cases["half"] = Case(
        half,
        # One item with half of the interactions; users u600 and on have not seen it.
        numbered(others + [(f"u{user}", "i007") for user in range(600)] * 2),
        {"negative_strategy": "popularity", "popularity_alpha": 1.0},
    )
    timed = {**names(60), "released": BEGIN + timedelta(minutes=5), "never": None}
    pairs = random_pairs(dict.fromkeys(names(60)), 300, 6, power=0.8)
    numbers.shuffle(pairs)
    cases["timed"] = Case(
        timed, numbered(pairs, BEGIN, step=30), {"time_aware_negatives": True}
    )
    cases["timed_popular"] = replace(
        cases["timed"],
        settings={
            "time_aware_negatives": True,
            "negative_strategy": "popularity",
            "candidate_strategy": "popularity",
            "popularity_alpha": 1.0,
        },
        _pools={},
    )
    return cases


def real_cases() -> dict[str, Case]:
    """The published data sets that are there."""
    cases = {}
    if (path := REAL_DATA / "ml-100k" / "u.data").is_file():
        rows = [line.split("\t") for line in path.read_text().splitlines()]
        ml_100k = [
            Interaction(f"ml {number}", user, item, int(rating) >= 4)
            for number, (user, item, rating, _) in enumerate(rows)
        ]
        items: dict[str, datetime | None] = dict.fromkeys(row.item for row in ml_100k)
        cases["ml-100k"] = Case(items, ml_100k)
        cases["ml-100k popularity"] = Case(
            items,
            ml_100k,
            {"negative_strategy": "popularity", "candidate_strategy": "popularity"},
        )
    if (path := REAL_DATA / "microlens-50k" / "MicroLens-50k_pairs.tsv").is_file():
        pairs = [
            (user, item)
            for line in path.read_text().splitlines()
            for user, history in [line.split("\t")]
            for item in history.split()
        ]
        cases["microlens-50k"] = Case(
            dict.fromkeys(item for _, item in pairs),
            numbered(pairs),
            {"candidate_count": 20},
        )
    return cases


def large_cases() -> dict[str, Case]:
    """Published data sets for the slow suite."""
    cases = {}
    if (path := REAL_DATA / "ml-latest-small" / "ratings.csv").is_file():
        with path.open(encoding="utf-8", newline="") as file:
            ratings = [
                Interaction(
                    f"ml {number}",
                    row["userId"],
                    row["movieId"],
                    float(row["rating"]) >= 4,
                    at=datetime.fromtimestamp(int(row["timestamp"]), UTC).replace(
                        tzinfo=None
                    ),
                )
                for number, row in enumerate(csv.DictReader(file))
            ]
        cases["ml-latest-small"] = Case(
            dict.fromkeys(row.item for row in ratings),
            ratings,
            {"time_aware_negatives": True},
        )
    folder = REAL_DATA / "gowalla-lightgcn"
    if folder.is_dir():
        pairs = [
            (user, item)
            for name in ("train.txt", "valid.txt", "test.txt")
            for line in (folder / name).read_text().splitlines()
            for user, *items in [line.split()]
            for item in items
        ]
        cases["gowalla"] = Case(
            dict.fromkeys(item for _, item in pairs),
            numbered(pairs),
            {"candidate_count": 20},
        )
    return cases


REAL = ("ml-100k", "ml-100k popularity", "microlens-50k")
LARGE = ("ml-latest-small", "gowalla")


@pytest.fixture(scope="module")
def cases() -> dict[str, Case]:
    """All tenants."""
    return synthetic_cases() | real_cases()


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Write the prepared layer, its rows in the order given, and build on it."""
    home = tmp_path_factory.mktemp("sampling")

    def build_in(
        name: str,
        cases: dict[str, Case],
        *,
        duckdb_threads: int = 2,
        seed: object = SEED,
        shuffled: bool = False,
    ) -> Built:
        settings = make_settings(home / name).model_copy(
            update={"target": home / "target", "duckdb_threads": duckdb_threads}
        )
        settings.warehouse.parent.mkdir()
        write_prepared(settings.warehouse, cases, shuffled=shuffled)
        result = run_dbt(
            settings,
            [
                *("build", "--resource-type", "seed", "--resource-type", "model"),
                *("--select", *MODELS, "--exclude", *WRITTEN),
                *("--vars", f"sampling_seed: {seed}"),
            ],
        )
        if not result.succeeded:
            raise AssertionError([failure.message for failure in result.failures])
        return Built(settings.warehouse)

    return build_in


def write_prepared(
    warehouse: Path, cases: dict[str, Case], *, shuffled: bool = False
) -> None:
    """Create the prepared tables that training reads."""
    items = [
        (tenant, item, at)
        for tenant, case in cases.items()
        for item, at in case.items.items()
    ]
    rows = [
        (
            tenant,
            row.interaction_id,
            row.user,
            row.item,
            row.is_positive,
            row.is_seen,
            row.at,
        )
        for tenant, case in cases.items()
        for row in case.interactions
    ]
    tenants = [
        (
            tenant,
            *(case.setting(name) for name in SETTINGS),
            all(row.at for row in case.interactions),
        )
        for tenant, case in cases.items()
    ]
    if shuffled:
        for table in (items, rows, tenants):
            random.Random(SEED).shuffle(table)
    with duckdb.connect(str(warehouse)) as connection:
        for name, table, columns in (
            ("given_items", items, ["tenant_id", "item_id", "released_at"]),
            (
                "given_interactions",
                rows,
                [
                    *("tenant_id", "interaction_id", "user_id", "item_id"),
                    *("is_positive", "is_seen", "interacted_at"),
                ],
            ),
            ("given_tenants", tenants, ["tenant_id", *SETTINGS, "has_times"]),
        ):
            arrays = [pa.array(values) for values in zip(*table, strict=True)]
            connection.register(name, pa.table(arrays, names=columns))
        connection.execute(
            """
            create schema prepared;
            create table prepared.items as
            select
                tenant_id,
                item_id,
                released_at::timestamp as released_on,
                row_number() over (
                    partition by tenant_id order by md5(item_id)
                ) as item_index
            from given_items;
            create table prepared.users as
            select
                tenant_id,
                user_id,
                row_number() over (
                    partition by tenant_id order by md5(user_id)
                ) as user_index
            from (select distinct tenant_id, user_id from given_interactions);
            create table prepared.tenants as
            select *, 1 as interaction_count from given_tenants;
            create table prepared.interactions as
            select
                * exclude (interacted_at),
                'click' as event_type,
                cast(1 as double) as event_weight,
                row_number() over (
                    partition by tenant_id, user_id
                    order by interacted_at, interaction_id
                ) as interaction_order,
                cast(interacted_at as timestamp) as interacted_at
            from given_interactions
            """
        )
        add_keys(connection)


@pytest.fixture(scope="module")
def built(build: Build, cases: dict[str, Case]) -> Built:
    """The first build of all tenants."""
    return build("first", cases)


# The second working-out.


def bits_of(text: str) -> int:
    """The first 32 bits of a text's md5."""
    return int(hashlib.md5(text.encode()).hexdigest()[:8], 16)


def mixed(number: int) -> int:
    """The integer mixing, written apart from the SQL."""
    for _ in range(2):
        number = ((number >> 16) ^ number) * 73244475 % 2**32
    return (number >> 16) ^ number


def slots_of(case: Case, splits: dict[str, str]) -> dict[str, int]:
    """The slots of each item: in proportion to its positives in train."""
    counts = Counter(
        row.item
        for row in case.interactions
        if splits.get(row.interaction_id) == "train"
    )
    alpha = case.setting("popularity_alpha")
    weights = {
        item: int(1e6 * max(counts[item], 1) ** alpha + 0.5) for item in case.items
    }
    total = sum(weights.values())
    return {
        item: max(1, int(weight / total * 2**30 + 0.5))
        for item, weight in weights.items()
    }


def draw_by_hand(
    case: Case, tenant: str, row: Interaction, slots: dict[str, int], purpose: str
) -> list[tuple[str, float]]:
    """The draws of a positive, from the written-out line of items."""
    count_name, strategy_name = PURPOSES[purpose]
    line, seen = case.line, case.seen[row.user]
    if case.setting("time_aware_negatives"):
        assert row.at is not None
        line = line[: sum(at <= row.at for at in case.appearances)]
        pool = [item for item in line if item not in seen]
    else:
        pool = case.pool_of(row.user)
    count = min(case.setting(count_name), len(pool))
    if count == 0:
        return []
    key = bits_of(row.interaction_id) ^ bits_of(f"{SEED}\x1f{purpose}\x1f{tenant}")
    if case.setting(strategy_name) == "popularity":
        return draw_by_popularity(pool, line, slots, count, key)
    if count * (2 * (len(line) - len(pool)) + count) <= len(line):
        for attempt_key in (key, mixed(key ^ 2246822507)):
            in_line = [
                line[mixed(attempt_key ^ draw * 2654435769 % 2**32) * len(line) >> 32]
                for draw in range(1, count + 1)
            ]
            if len(set(in_line)) == count and not seen & set(in_line):
                return [(item, count / len(pool)) for item in in_line]
    gap_key = mixed(key ^ 1540483477)
    turn = mixed(gap_key) * len(pool) >> 32
    in_pool = []
    for draw in range(1, count + 1):
        start = (draw - 1) * len(pool) // count
        width = draw * len(pool) // count - start
        bits = mixed(gap_key ^ draw * 2654435769 % 2**32)
        in_pool.append(pool[(start + (bits * width >> 32) + turn) % len(pool)])
    return [(item, count / len(pool)) for item in in_pool]


def draw_by_popularity(
    pool: list[str], line: list[str], slots: dict[str, int], count: int, key: int
) -> list[tuple[str, float]]:
    """Madow's systematic sampling of slots, after what is certain to be drawn."""
    certain: list[str] = []
    rest = list(pool)
    while count > len(certain):
        step = sum(slots[item] for item in rest) // (count - len(certain))
        heavy = [item for item in rest if slots[item] > step]
        if not heavy:
            break
        certain += heavy
        rest = [item for item in rest if item not in heavy]
    certain.sort(key=lambda item: (-slots[item], line.index(item)))
    left = count - len(certain)
    drawn = [(item, 1.0) for item in certain]
    if left:
        ends = np.cumsum([slots[item] for item in rest])
        free = int(ends[-1])
        turn = mixed(mixed(key ^ 1540483477)) * free >> 32
        for draw in range(left):
            place = (draw * free // left + turn) % free
            item = rest[int(np.searchsorted(ends, place, side="right"))]
            drawn.append((item, left * slots[item] / free))
    return drawn


# The promises.


@pytest.mark.parametrize("purpose", PURPOSES)
@pytest.mark.parametrize("tenant", [*synthetic_cases(), *REAL])
def test_draws_are_those_of_plain_lists(
    cases: dict[str, Case], built: Built, tenant: str, purpose: str
) -> None:
    """Of large tenants, those of the users with the most and the fewest interactions,
    and of some between.
    """
    if tenant not in cases:
        pytest.skip(f"needs the published data of {tenant}")
    case, splits = cases[tenant], built.splits(tenant)
    drawn = built.draws(tenant, purpose)
    rows = [
        row
        for row in case.interactions
        if row.is_positive
        and (purpose == "negatives" or splits[row.interaction_id] == "test")
    ]
    assert set(drawn) <= {row.interaction_id for row in rows}
    sizes = Counter(row.user for row in case.interactions)
    by_size = [user for user, _ in sizes.most_common()]
    users = (
        set(by_size)
        if len(case.interactions) < 15_000
        else {*by_size[:5], *by_size[-5:], *by_size[:: max(1, len(by_size) // 40)]}
    )
    slots = slots_of(case, splits)
    checked = 0
    for row in rows:
        if row.user in users:
            expected = draw_by_hand(case, tenant, row, slots, purpose)
            found = drawn.get(row.interaction_id, [])
            assert [item for item, _ in found] == [item for item, _ in expected]
            assert [each for _, each in found] == pytest.approx(
                [each for _, each in expected], rel=1e-12
            )
            checked += 1
    assert checked >= min(len(rows), 10)


def test_each_positive_gets_its_ratio_or_all_that_is_unseen_and_no_item_twice(
    built: Built,
) -> None:
    short = built.query(
        """
        select p.tenant_id, p.interaction_id, count(n.item_id), any_value(u.pool_size)
        from training.positives as p
        join training.user_pools as u using (tenant_id, user_id)
        left join training.negatives as n using (tenant_id, interaction_id)
        where not u.time_aware_negatives
        group by all
        having
            count(n.item_id)
            != least(any_value(u.negative_ratio), any_value(u.pool_size))
            or count(distinct n.item_id) != count(n.item_id)
        """
    )
    assert short == []


def test_nothing_seen_in_any_split_is_drawn(built: Built) -> None:
    for purpose in PURPOSES:
        assert built.query(
            f"""
            select count(*) from training.{purpose} as d
            join prepared.interactions as i using (tenant_id, user_id, item_id)
            where i.is_seen
            """
        ) == [(0,)]
    # What a user met by events that do not count as seen can be drawn.
    assert ("i003",) in built.query(
        "select item_id from training.negatives "
        "where tenant_id = 'tiny' and user_id = 'repeats'"
    )


def test_what_is_missing_is_reported_for_each_user_and_for_no_other(
    cases: dict[str, Case], built: Built
) -> None:
    wanted: Counter[tuple[str, str, str]] = Counter()
    for tenant, case in cases.items():
        splits = built.splits(tenant)
        for row in case.interactions:
            if row.is_positive:
                wanted[tenant, row.user, "negatives"] += case.setting("negative_ratio")
                if splits[row.interaction_id] == "test":
                    key = (tenant, row.user, "evaluation_candidates")
                    wanted[key] += case.setting("candidate_count")
    drawn: Counter[tuple[str, str, str]] = Counter()
    for purpose in PURPOSES:
        for tenant, user, count in built.query(
            f"select tenant_id, user_id, count(*) from training.{purpose} group by all"
        ):
            drawn[tenant, user, purpose] = count
    expected = {
        key: (count, drawn[key], count - drawn[key])
        for key, count in wanted.items()
        if drawn[key] != count
    }
    reported = {
        row[:3]: row[3:]
        for row in built.query(
            "select tenant_id, user_id, purpose, requested_count, drawn_count, "
            "shortfall_count from training.sampling_shortfall"
        )
    }
    assert reported == expected
    assert reported["tiny", "all", "negatives"] == (24, 0, 24)
    assert reported["tiny_popular", "all_but_one", "negatives"] == (20, 5, 15)
    assert ("tiny", "all_but_four", "negatives") not in reported
    assert any(tenant == "timed" for tenant, _, _ in reported)


def test_time_aware_draws_had_appeared_when_the_positive_happened(
    cases: dict[str, Case], built: Built
) -> None:
    for tenant in ("timed", "timed_popular"):
        case = cases[tenant]
        at = {row.interaction_id: row.at for row in case.interactions}
        items = set()
        for purpose in PURPOSES:
            for interaction, draws in built.draws(tenant, purpose).items():
                for item, _ in draws:
                    when = at[interaction]
                    assert when is not None
                    assert case.appeared[item] <= when
                    items.add(item)
        assert "released" in items
        assert "never" not in items


@dataclass(frozen=True)
class Tally:
    """How often each item was drawn as the first, the second, ... negative (draws x
    items), how often it should be, and its interactions; items in order of their ids.
    """

    observed: np.ndarray
    expected: np.ndarray
    popularity: np.ndarray


@pytest.fixture(
    scope="module",
    params=[
        ("dense", "negatives"),
        ("sparse", "negatives"),
        ("many_draws", "negatives"),
        ("popular", "negatives"),
        ("sparse", "evaluation_candidates"),
        ("popular", "evaluation_candidates"),
        ("ml-100k", "negatives"),
        ("ml-100k popularity", "negatives"),
        ("microlens-50k", "negatives"),
    ],
    ids=" ".join,
)
def tally(
    request: pytest.FixtureRequest, cases: dict[str, Case], built: Built
) -> Tally:
    """The tally of one tenant whose every pool is larger than the ratio and holds no
    item that is drawn for certain.
    """
    tenant, purpose = request.param
    if tenant not in cases:
        pytest.skip(f"needs the published data of {tenant}")
    case, splits = cases[tenant], built.splits(tenant)
    count_name, strategy_name = PURPOSES[purpose]
    by_popularity = case.setting(strategy_name) == "popularity"
    items = sorted(case.items)
    slots = slots_of(case, splits)
    weights = np.array([slots[item] if by_popularity else 1 for item in items], float)
    place = {item: number for number, item in enumerate(items)}
    requests = Counter(
        row.user
        for row in case.interactions
        if row.is_positive
        and (purpose == "negatives" or splits[row.interaction_id] == "test")
    )
    expected = np.zeros(len(items))
    for user, count in requests.items():
        seen = [place[item] for item in case.seen[user]]
        free = weights.sum() - weights[seen].sum()
        expected += count * weights / free
        expected[seen] -= count * weights[seen] / free
    observed = np.zeros((case.setting(count_name), len(items)))
    for item, draw, count in built.query(
        f"select item_id, draw, count(*) from training.{purpose} "
        f"where tenant_id = '{tenant}' group by all"
    ):
        observed[draw - 1, place[item]] = count
    popularity = Counter(row.item for row in case.interactions)
    return Tally(observed, expected, np.array([popularity[item] for item in items]))


@pytest.mark.parametrize("by", ["item", "decile of id", "decile of popularity"])
def test_every_unseen_item_is_as_likely_as_its_strategy_says(
    tally: Tally, by: str
) -> None:
    """One draw is independent between positives, so that its chi-square must look
    neither biased nor more even than chance; all draws together are more even than
    chance by design, because those of a positive differ.
    """
    numbers = np.arange(len(tally.expected))
    # A chi-square needs some draws in each group: rare items share one.
    by_weight = np.argsort(tally.expected, kind="stable")
    starts = np.cumsum(tally.expected[by_weight]) // max(20, tally.expected.min())
    groups = {
        "item": np.split(by_weight, np.flatnonzero(np.diff(starts)) + 1)[1:],
        "decile of id": np.array_split(numbers, 10),
        "decile of popularity": np.array_split(
            np.argsort(tally.popularity, kind="stable"), 10
        ),
    }[by]
    expected = np.array([tally.expected[group].sum() for group in groups])
    observed = np.array([tally.observed[:, group].sum(axis=1) for group in groups]).T
    # What was left out of the groups is left out of the total.
    expected *= observed.sum() / len(observed) / expected.sum()
    draws = len(observed)
    assert chisquare(observed.sum(axis=0), draws * expected).pvalue > SMALLEST_P
    for of_one_draw in observed:
        scaled = expected * of_one_draw.sum() / expected.sum()
        p = chisquare(of_one_draw, scaled).pvalue
        assert SMALLEST_P / draws < p < 1 - SMALLEST_P / draws


def test_an_item_with_half_of_the_popularity_is_drawn_for_certain_where_unseen(
    built: Built,
) -> None:
    ((positives, certain, others),) = built.query(
        """
        with drawn as (
            select user_id, interaction_id, item_id, draw, sampling_probability
            from training.negatives
            where tenant_id = 'half' and try_cast(substr(user_id, 2) as int) >= 600
        )
        select
            count(distinct interaction_id),
            count(*) filter (
                where item_id = 'i007' and draw = 1 and sampling_probability = 1
            ),
            count(*) filter (where item_id != 'i007' and sampling_probability < 1)
        from drawn
        """
    )
    assert positives == 400
    assert certain == positives
    assert others == 3 * positives


def test_threads_row_order_and_a_new_user_change_no_draw(
    build: Build, cases: dict[str, Case], built: Built
) -> None:
    changed = {}
    for tenant, case in cases.items():
        last = max((row.at for row in case.interactions if row.at), default=None)
        # Draws by popularity change with train's counts, which are part of the pool.
        newcomer = [
            Interaction(
                f"new {number}",
                "0 newcomer",
                item,
                number % 2 == 0 and "popular" not in tenant and tenant != "half",
                at=last,
            )
            for number, item in enumerate(sorted(case.items)[::2])
            if last is None or case.appeared.get(item)
        ]
        changed[tenant] = replace(
            case, interactions=[*case.interactions, *newcomer], _pools={}
        )
    again = build("changed", changed, duckdb_threads=1, shuffled=True)
    newcomers = again.query(
        "select count(distinct tenant_id) from training.negatives "
        "where user_id = '0 newcomer'"
    )
    assert newcomers[0][0] >= 6
    for purpose in PURPOSES:
        columns = (
            "tenant_id, interaction_id, draw, user_id, item_id, sampling_probability"
        )
        # A time-aware tenant's cuts in time move with the newcomer's positives.
        kept = f"from training.{purpose} where user_id != '0 newcomer'"
        with duckdb.connect() as connection:
            connection.execute(f"attach '{built.warehouse}' as a (read_only)")
            connection.execute(f"attach '{again.warehouse}' as b (read_only)")
            where = " and tenant_id not like 'timed%'" * (purpose != "negatives")
            for one, other in (("a", "b"), ("b", "a")):
                differing = connection.execute(
                    f"select {columns} {kept.replace('training', one + '.training')}"
                    f"{where} except "
                    f"select {columns} {kept.replace('training', other + '.training')}"
                ).fetchall()
                assert differing == []


def test_another_seed_gives_other_draws(
    build: Build, cases: dict[str, Case], built: Built
) -> None:
    other = build("other", {"dense": cases["dense"]}, seed=SEED + 1)
    first, second = (each.draws("dense", "negatives") for each in (built, other))
    assert first.keys() == second.keys()
    same = sum(first[key] == draws for key, draws in second.items())
    assert same < 0.01 * len(second)


def test_what_is_drawn_has_its_golden_checksum(built: Built) -> None:
    """A change of any draw, on any engine or version, is seen and has to be meant."""
    found = built.fingerprints()
    expected = golden_checksums()
    assert found == {key: value for key, value in expected.items() if key in found}
    assert {data_set for _, data_set in expected} == {
        *synthetic_cases(),
        *REAL,
        *LARGE,
    }


@pytest.mark.scale
def test_what_is_drawn_from_large_data_has_its_golden_checksum(build: Build) -> None:
    cases = large_cases()
    if not cases:
        pytest.skip(f"needs the published data {', '.join(LARGE)}")
    found = build("large", cases).fingerprints()
    expected = golden_checksums()
    assert found == {key: value for key, value in expected.items() if key in found}
    assert {data_set for _, data_set in found} == set(cases)


def golden_checksums() -> dict[tuple[str, str], tuple[int, int]]:
    """Rows and checksum by purpose and data set."""
    path = PROJECT_ROOT / "seeds" / "expected" / "sampling_checksums.csv"
    with path.open(encoding="utf-8", newline="") as file:
        return {
            (row["purpose"], row["data_set"]): (
                int(row["row_count"]),
                int(row["checksum"]),
            )
            for row in csv.DictReader(file)
        }


def test_a_seed_that_is_no_whole_number_is_refused(
    build: Build, cases: dict[str, Case]
) -> None:
    with pytest.raises(AssertionError, match="sampling_seed must be a whole number"):
        build("refused", {"tiny": cases["tiny"]}, seed="seven")


@pytest.mark.parametrize(
    ("macro", "arguments", "sentence"),
    [
        (
            "shifted_right",
            {"number": "n", "bits": 63},
            "shifted_right: bits must be a whole number from 1 to 62, not '63'",
        ),
        (
            "independent_draws",
            {"key": "k", "draws": "", "size": "n"},
            "independent_draws: draws must be a SQL expression, not ''",
        ),
    ],
)
def test_a_macro_refuses_a_wrong_argument_with_a_sentence(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    macro: str,
    arguments: dict[str, object],
    sentence: str,
) -> None:
    for name, value in make_settings(tmp_path).environment().items():
        monkeypatch.setenv(name, value)
    said: list[str] = []
    folders = ("--project-dir", "--profiles-dir", "--target-path", "--log-path")
    places = (PROJECT_ROOT, PROJECT_ROOT, tmp_path, tmp_path)

    def note(event: Any) -> None:
        said.append(event.info.msg)

    runner = dbtRunner(callbacks=[note])
    result = runner.invoke(
        [
            *("run-operation", macro, "--args", json.dumps(arguments), "--quiet"),
            *(str(each) for pair in zip(folders, places, strict=True) for each in pair),
        ]
    )
    close: Callable[[], None] = DuckDBConnectionManager.close_all_connections
    close()
    assert not result.success
    assert any(sentence in each for each in said)
