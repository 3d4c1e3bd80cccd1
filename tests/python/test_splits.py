"""The promises of the splits, on the real models: tables of the prepared layer and the
seed are written into a warehouse of the test's own and dbt builds training on them. A
second implementation, in plain Python, says what each method must give.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from conftest import REAL_DATA, make_settings, rows_of
from keying import add_keys

from winnow.build.build import build as winnow_build
from winnow.build.dbt import run_dbt
from winnow.core.errors import BuildError
from winnow.core.settings import Settings

SEED = 7
MODELS = (
    *("splits", "core_dropouts", "split_cuts", "user_cuts"),
    *("split_assignments", "positives", "split_statistics"),
)
SINGULAR_TESTS = (
    "assert_every_positive_is_split_or_dropped",
    "assert_each_positive_is_tested_once_over_the_folds",
    "assert_no_user_is_in_two_splits_by_user_hash",
    "assert_leave_last_out_holds_out_exactly_the_last_positives",
    "assert_splits_do_not_overlap_in_time",
    "assert_whoever_the_core_keeps_has_its_minimum",
)


@dataclass(frozen=True)
class Interaction:
    """One row of ``prepared.interactions``; ``place`` is its order within the user."""

    tenant_id: str
    interaction_id: str
    user_id: str
    item_id: str
    is_positive: bool
    place: int
    interacted_at: datetime | None


@dataclass(frozen=True)
class Split:
    """One row of the seed tenant_splits."""

    tenant_id: str
    split_name: str
    priority: int | None
    method: str | None
    train_share: float | None = None
    validation_share: float | None = None
    train_until: datetime | None = None
    validation_until: datetime | None = None
    validation_count: int | None = None
    test_count: int | None = None
    fold_count: int | None = None
    window_count: int | None = None
    window_days: int | None = None
    minimum_user_positives: int | None = None
    minimum_item_positives: int | None = None


SEED_TYPES = dict(
    zip(
        (field.name for field in fields(Split)),
        (
            *("varchar", "varchar", "bigint", "varchar", "double", "double"),
            *("timestamp", "timestamp"),
            *["bigint"] * 7,
        ),
        strict=True,
    )
)

Key = tuple[str, str, int, str]
"""Tenant, split name, fold and interaction."""


@dataclass(frozen=True)
class Built:
    """A warehouse that was built."""

    settings: Settings

    @cached_property
    def assignments(self) -> dict[Key, tuple[str, bool, bool]]:
        """The split and the cold flags of each key."""
        rows = rows_of(
            self.settings,
            "select tenant_id, split_name, fold, interaction_id, split, is_cold_user, "
            "is_cold_item from training.split_assignments",
        )
        assignments: dict[Key, tuple[str, bool, bool]] = {
            row[:4]: row[4:] for row in rows
        }
        assert len(assignments) == len(rows)
        return assignments

    def of(self, tenant: str, split_name: str) -> dict[Key, tuple[str, bool, bool]]:
        """The assignments of one split."""
        return {
            key: assignment
            for key, assignment in self.assignments.items()
            if key[:2] == (tenant, split_name)
        }


Build = Callable[..., Built]


def mixed_interactions(
    tenant: str, numbers: random.Random, count: int, *, timed: bool = True
) -> list[Interaction]:
    """Random interactions with repeats and many ties, in order of the users' places."""
    start = datetime(2024, 1, 1)
    times = sorted(
        start + timedelta(hours=numbers.randrange(24 * 20)) for _ in range(count)
    )
    rows = []
    places: Counter[str] = Counter()
    for number, at in enumerate(times):
        user = f"ü{int(numbers.paretovariate(0.7)) % 60}"
        places[user] += 1
        rows.append(
            Interaction(
                tenant,
                f"{tenant} {number}",
                user,
                f"i{int(numbers.paretovariate(0.6)) % 70}",
                numbers.random() < 0.8,
                places[user],
                at if timed else None,
            )
        )
    return rows


def real_interactions() -> pa.Table:
    """The published data sets that are beside the project, all rows as positives."""
    queries = {
        REAL_DATA / "ml-100k" / "u.data": """
            select 'ml-100k' as tenant_id, column0, column1, column3, 0 as position
            from read_csv('{}', header = false, all_varchar = true)
            """,
        REAL_DATA / "ml-latest-small" / "ratings.csv": """
            select 'ml-small' as tenant_id, "userId", "movieId", timestamp, 0
            from read_csv('{}', all_varchar = true)
            """,
        REAL_DATA / "microlens-50k" / "MicroLens-50k_pairs.tsv": """
            select 'microlens' as tenant_id, column0, item_id, null, position
            from (
                select column0, string_split(column1, ' ') as items
                from read_csv('{}', header = false, delim = '\t', all_varchar = true)
            ), unnest(items) with ordinality as listed (item_id, position)
            """,
    }
    present = [query.format(path) for path, query in queries.items() if path.is_file()]
    if not present:
        pytest.skip(f"needs the published data sets in {REAL_DATA}")
    with duckdb.connect() as connection:
        return connection.execute(
            f"""
            select
                tenant_id,
                user_id || ' ' || item_id as interaction_id,
                user_id,
                item_id,
                true as is_positive,
                row_number() over (
                    partition by tenant_id, user_id
                    order by cast(seconds as bigint), position, item_id
                ) as place,
                make_timestamp(1000000 * cast(seconds as bigint)) as interacted_at
            from ({" union all ".join(present)})
                as listed (tenant_id, user_id, item_id, seconds, position)
            """
        ).to_arrow_table()


def table_of(interactions: Sequence[Interaction]) -> pa.Table:
    """The rows as an Arrow table."""
    names = [field.name for field in fields(Interaction)]
    arrays = [pa.array([getattr(row, name) for row in interactions]) for name in names]
    return pa.table(arrays, names=names)


EVERY_METHOD = [
    Split("every", "time", 3, "global_time", 0.7, 0.2),
    Split(
        *("every", "dates", 4, "global_time", None, None),
        *(datetime(2024, 1, 12, 5), datetime(2024, 1, 15, 8)),
    ),
    Split("every", "last_one", 5, "leave_last_out", validation_count=1, test_count=1),
    Split("every", "last_three", 6, "leave_last_out", validation_count=0, test_count=3),
    Split("every", "ratio", 7, "user_time_ratio", 0.6, 0.3),
    Split("every", "users", 8, "user_hash", 0.5, 0.2),
    Split("every", "folds", 2, "k_fold", fold_count=4),
    Split("every", "windows", 9, "rolling_window", window_count=5, window_days=3),
    Split(
        *("every", "core_time", 10, "global_time", 0.8, 0.1),
        minimum_user_positives=9,
        minimum_item_positives=8,
    ),
    Split(
        *("every", "core_windows", 11, "rolling_window"),
        window_count=3,
        window_days=2,
        minimum_item_positives=12,
    ),
    Split(
        *("every", "core_of_nothing", 12, "k_fold"),
        fold_count=2,
        minimum_user_positives=1_000_000,
    ),
]
SPLITS = [
    Split("*", "time", 1, "global_time", 0.8, 0.1),
    Split("*", "last_out", 2, "leave_last_out", validation_count=1, test_count=1),
    *EVERY_METHOD,
    Split("hashed", "users", 1, "user_hash", 0.8, 0.1),
    Split("hashed", "folds", 2, "k_fold", fold_count=3),
    Split("rolling", "windows", 1, "rolling_window", window_count=2, window_days=1),
    *(
        Split(
            *(tenant, "core", 1, "leave_last_out"),
            validation_count=1,
            test_count=1,
            minimum_user_positives=5,
            minimum_item_positives=5,
        )
        for tenant in ("ml-100k", "ml-small", "microlens")
    ),
    Split("ml-100k", "all", 2, "global_time", 1.0, 0.0),
    Split("microlens", "last_out", 2, "leave_last_out", None, None, None, None, 1, 1),
]


@pytest.fixture(scope="module")
def interactions() -> list[Interaction]:
    """Random tenants."""
    numbers = random.Random(SEED)
    return [
        *mixed_interactions("every", numbers, 1500),
        *mixed_interactions("hashed", numbers, 600, timed=False),
        *mixed_interactions("untimed", numbers, 300, timed=False),
        *mixed_interactions("timed", numbers, 300),
        *mixed_interactions("rolling", numbers, 300),
    ]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Write what the models read, in the order of the given rows, and build."""
    home = tmp_path_factory.mktemp("splits")

    def build_in(
        name: str, interactions: pa.Table, *, duckdb_threads: int = 2
    ) -> Built:
        settings = make_settings(home / name).model_copy(
            update={"target": home / "target", "duckdb_threads": duckdb_threads}
        )
        settings.warehouse.parent.mkdir()
        write_prepared(settings.warehouse, interactions, SPLITS)
        result = run_dbt(settings, ["run", "--select", *MODELS])
        if not result.succeeded:
            raise AssertionError([failure.message for failure in result.failures])
        return Built(settings)

    return build_in


@pytest.fixture(scope="module")
def built(build: Build, interactions: list[Interaction]) -> Built:
    """The first build, of the random tenants."""
    return build("first", table_of(interactions))


@pytest.fixture(scope="module")
def real(build: Build) -> Built:
    """A build of the published data sets."""
    return build("real", real_interactions())


def write_prepared(
    warehouse: Path, interactions: pa.Table, splits: Sequence[Split]
) -> None:
    """Create the tables that the models read."""
    with duckdb.connect(str(warehouse)) as connection:
        connection.register("given_interactions", interactions)
        connection.execute(
            """
            create schema prepared;
            create table prepared.interactions as
            select
                * exclude (place, interacted_at),
                'click' as event_type,
                cast(1 as double) as event_weight,
                cast(place as bigint) as interaction_order,
                cast(interacted_at as timestamp) as interacted_at
            from given_interactions;
            create table prepared.tenants as
            select
                tenant_id,
                count(*) as interaction_count,
                count(*) = count(interacted_at) as has_times
            from prepared.interactions
            group by tenant_id;
            create table prepared.users as
            select distinct tenant_id, user_id from prepared.interactions;
            create table prepared.items as
            select distinct tenant_id, item_id from prepared.interactions
            """
        )
        add_keys(connection)
        write_seed(connection, splits)


def write_seed(connection: duckdb.DuckDBPyConnection, splits: Sequence[Split]) -> None:
    """Create the seed's table with the given rows."""
    columns = ", ".join(f"{name} {type_}" for name, type_ in SEED_TYPES.items())
    connection.execute("create schema if not exists seeds")
    connection.execute(f"create or replace table seeds.tenant_splits ({columns})")
    connection.executemany(
        f"insert into seeds.tenant_splits values ({', '.join('?' * len(SEED_TYPES))})",
        [[getattr(split, name) for name in SEED_TYPES] for split in splits],
    )


def draw(tenant: str, key: str, size: int) -> int:
    """The hash of a user or interaction, as a number below ``size``."""
    text = "\x1f".join((str(SEED), tenant, key))
    return int(hashlib.md5(text.encode()).hexdigest()[:8], 16) * size >> 32


def core(rows: list[Interaction], split: Split) -> list[Interaction]:
    """The rows that an iterative k-core filter keeps."""
    while True:
        users = Counter(row.user_id for row in rows)
        items = Counter(row.item_id for row in rows)
        kept = [
            row
            for row in rows
            if users[row.user_id] >= (split.minimum_user_positives or 0)
            and items[row.item_id] >= (split.minimum_item_positives or 0)
        ]
        if len(kept) == len(rows):
            return kept
        rows = kept


def by_share(split: Split, earlier: int, total: int) -> str:
    """The split of something before which ``earlier`` of ``total`` lie."""
    train = Fraction(str(split.train_share))
    if earlier < train * total:
        return "train"
    until = train + Fraction(str(split.validation_share))
    return "validation" if earlier < until * total else "test"


def by_count(split: Split, later: int, total: int) -> str:
    """The split of a positive after which ``later`` of its user's ``total`` come."""
    validation, test = split.validation_count or 0, split.test_count or 0
    if total <= validation + test or later >= validation + test:
        return "train"
    return "test" if later < test else "validation"


def in_folds(split: Split, rows: list[Interaction]) -> dict[tuple[int, str], str]:
    """What each fold and interaction must be, from the kept positives of a tenant."""
    times = sorted(row.interacted_at for row in rows if row.interacted_at)
    histories: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        histories[row.user_id].append(row.place)
    expected = {}
    for row in rows:
        at = row.interacted_at
        total = len(histories[row.user_id])
        earlier = sum(place < row.place for place in histories[row.user_id])
        if split.method == "global_time" and split.train_until is not None:
            assert at is not None and split.validation_until is not None
            after_train = "validation" if at <= split.validation_until else "test"
            kind = "train" if at <= split.train_until else after_train
            expected[0, row.interaction_id] = kind
        elif split.method == "global_time":
            assert at is not None
            before = sum(time < at for time in times)
            expected[0, row.interaction_id] = by_share(split, before, len(times))
        elif split.method == "leave_last_out":
            later = total - earlier - 1
            expected[0, row.interaction_id] = by_count(split, later, total)
        elif split.method == "user_time_ratio":
            expected[0, row.interaction_id] = by_share(split, earlier, total)
        elif split.method == "user_hash":
            hashed = draw(row.tenant_id, row.user_id, 1_000_000)
            expected[0, row.interaction_id] = by_share(split, hashed, 1_000_000)
        elif split.method == "k_fold":
            assert split.fold_count is not None
            tested = 1 + draw(row.tenant_id, row.interaction_id, split.fold_count)
            for fold in range(1, split.fold_count + 1):
                kind = "test" if fold == tested else "train"
                expected[fold, row.interaction_id] = kind
        else:
            assert split.window_count and split.window_days and at is not None
            for fold in range(1, split.window_count + 1):
                days = (split.window_count - fold) * split.window_days
                end = times[-1] - timedelta(days=days)
                if at <= end:
                    is_train = at <= end - timedelta(days=split.window_days)
                    expected[fold, row.interaction_id] = "train" if is_train else "test"
    return expected


def expected_assignments(
    split: Split, tenant: str, interactions: Iterable[Interaction]
) -> dict[Key, tuple[str, bool, bool]]:
    """What a split of a tenant must give, cold flags included."""
    rows = [row for row in interactions if row.tenant_id == tenant and row.is_positive]
    by_id = {row.interaction_id: row for row in rows}
    kinds = in_folds(split, core(rows, split))
    train_users, train_items = set(), set()
    for (fold, interaction), kind in kinds.items():
        if kind == "train":
            train_users.add((fold, by_id[interaction].user_id))
            train_items.add((fold, by_id[interaction].item_id))
    return {
        (tenant, split.split_name, fold, interaction): (
            kind,
            (fold, by_id[interaction].user_id) not in train_users,
            (fold, by_id[interaction].item_id) not in train_items,
        )
        for (fold, interaction), kind in kinds.items()
    }


@pytest.mark.parametrize("split", EVERY_METHOD, ids=lambda split: split.split_name)
def test_each_method_gives_what_a_plain_implementation_gives(
    built: Built, interactions: list[Interaction], split: Split
) -> None:
    expected = expected_assignments(split, "every", interactions)
    assert built.of("every", split.split_name) == expected
    if split.split_name != "core_of_nothing":
        assert {"train", "test"} <= {kind for kind, _, _ in expected.values()}


def test_the_data_has_ties_cold_users_and_cold_items_to_tell_splits_apart(
    built: Built, interactions: list[Interaction]
) -> None:
    times = [row.interacted_at for row in interactions if row.tenant_id == "every"]
    assert len(set(times)) < len(times) / 2
    assert {(user, item) for _, user, item in built.assignments.values()} == {
        *((False, False), (False, True), (True, False), (True, True))
    }


def test_tenants_without_rows_have_the_splits_that_their_times_allow(
    built: Built, interactions: list[Interaction]
) -> None:
    names: dict[str, set[str]] = defaultdict(set)
    for tenant, split_name, _, _ in built.assignments:
        names[tenant].add(split_name)
    assert names["timed"] == {"time", "last_out"}
    assert names["untimed"] == {"last_out"}
    assert built.of("untimed", "last_out") == expected_assignments(
        SPLITS[1], "untimed", interactions
    )


def test_positives_have_the_split_of_the_first_split_and_its_main_fold(
    built: Built,
) -> None:
    found = {
        (tenant, interaction): split
        for tenant, interaction, split in rows_of(
            built.settings,
            "select tenant_id, interaction_id, split from training.positives",
        )
    }
    firsts = {
        "every": ("folds", 1),
        "hashed": ("users", 0),
        "untimed": ("last_out", 0),
        "timed": ("time", 0),
        "rolling": ("windows", 2),
    }
    assert found == {
        (tenant, interaction): kind
        for (tenant, split_name, fold, interaction), (
            kind,
            _,
            _,
        ) in built.assignments.items()
        if firsts[tenant] == (split_name, fold)
    }


def test_one_thread_shuffled_rows_and_a_new_user_change_no_assignment(
    build: Build, built: Built, interactions: list[Interaction]
) -> None:
    """The newcomer is in the tenant whose splits are by hash; the others' splits depend
    on all of a tenant's data.
    """
    newcomer = [
        Interaction("hashed", f"new {n}", "newcomer", f"i{n}", True, n, None)
        for n in range(40)
    ]
    rows = [*interactions, *newcomer]
    random.Random(SEED).shuffle(rows)
    changed = build("changed", table_of(rows), duckdb_threads=1)
    new_ids = {row.interaction_id for row in newcomer}
    kept = {k: v for k, v in changed.assignments.items() if k[3] not in new_ids}
    assert len(changed.assignments) == len(kept) + 40 * (1 + 3)
    assert {k: v[0] for k, v in kept.items()} == {
        k: v[0] for k, v in built.assignments.items()
    }


def gini(counts: Iterable[int]) -> float:
    """The Gini coefficient from the differences of all pairs."""
    values = list(counts)
    differences = sum(abs(x - y) for x in values for y in values)
    return differences / (2 * len(values) * sum(values))


def test_statistics_of_each_part_are_those_of_a_plain_count(
    built: Built, interactions: list[Interaction]
) -> None:
    by_id = {row.interaction_id: row for row in interactions}
    positives = Counter(row.tenant_id for row in interactions if row.is_positive)
    parts: dict[tuple[str, str, int, str], list[Key]] = defaultdict(list)
    for key, (kind, _, _) in built.assignments.items():
        parts[(*key[:3], kind)].append(key)
    kept = Counter(key[:3] for key in built.assignments)
    rows = rows_of(
        built.settings,
        "select tenant_id, split_name, fold, split, positives, users, items, "
        "warm_users, warm_items, cold_users, cold_items, dropped_positives, density, "
        "item_gini, user_gini, repeat_rate, tie_rate, cold_share, span_days "
        "from training.split_statistics",
    )
    assert {row[:4] for row in rows} >= set(parts)
    for tenant, split_name, fold, kind, *figures in rows:
        keys = parts[tenant, split_name, fold, kind]
        dropped = positives[tenant] - kept[tenant, split_name, fold]
        if not keys:
            assert figures == [0] * 7 + [dropped] + [None] * 7
            continue
        of_part = [by_id[key[3]] for key in keys]
        users = Counter(row.user_id for row in of_part)
        items = Counter(row.item_id for row in of_part)
        cold_users = {by_id[k[3]].user_id for k in keys if built.assignments[k][1]}
        cold_items = {by_id[k[3]].item_id for k in keys if built.assignments[k][2]}
        instants = Counter(
            (row.user_id, row.interacted_at) for row in of_part if row.interacted_at
        )
        times = [row.interacted_at for row in of_part if row.interacted_at]
        tied = sum(count for count in instants.values() if count > 1)
        cold = sum(any(built.assignments[key][1:]) for key in keys)
        pairs = len({(row.user_id, row.item_id) for row in of_part})
        span = (max(times) - min(times)) / timedelta(days=1) if times else None
        assert figures[:8] == [
            *(len(keys), len(users), len(items)),
            *(len(users) - len(cold_users), len(items) - len(cold_items)),
            *(len(cold_users), len(cold_items), dropped),
        ]
        assert figures[8:] == pytest.approx(
            [
                len(keys) / (len(users) * len(items)),
                gini(items.values()),
                gini(users.values()),
                1 - pairs / len(keys),
                tied / len(times) if times else None,
                cold / len(keys),
                span,
            ],
            abs=1e-12,
        )


def test_the_singular_tests_pass_and_each_one_can_fail(
    build: Build, interactions: list[Interaction]
) -> None:
    checked = build("checked", table_of(interactions))
    run = ["test", "--select", *SINGULAR_TESTS]
    result = run_dbt(checked.settings, run)
    assert result.succeeded, result.failures
    with duckdb.connect(str(checked.settings.warehouse)) as connection:
        for spoil in (
            "delete from training.split_assignments where split_name = 'core_time' "
            "and item_id = (select min(item_id) from training.split_assignments "
            "where split_name = 'core_time') and interaction_order > 3",
            "update training.split_statistics set dropped_positives = 1 "
            "where tenant_id = 'timed' and split_name = 'time'",
            "update training.split_assignments set split = 'train' "
            "where split_name = 'folds' and user_id = 'ü1'",
            "update training.split_assignments set split = 'test' "
            "where split_name = 'users' and user_id = 'ü1' and interaction_order = 1",
            "update training.split_assignments set split = 'test' "
            "where split_name = 'windows' and interaction_order = 1",
            "update training.split_assignments set split = 'test' "
            "where split_name = 'last_one' and user_id = 'ü1' and split = 'validation'",
        ):
            connection.execute(spoil)
    spoilt = run_dbt(checked.settings, run)
    assert {failure.node for failure in spoilt.failures} == set(SINGULAR_TESTS)


@dataclass(frozen=True)
class Refusal:
    """A row of the seed that makes no sense, and what the sentence says of it."""

    split: Split
    reason: str


def wrong(method: str | None, reason: str, **settings: Any) -> Refusal:
    """A refusal of a split `s` of the tenant `timed`."""
    return Refusal(
        Split("timed", "s", 1, method, **settings),
        f"Split s of tenant timed in seeds/tenant_splits.csv cannot be made: {reason}",
    )


REFUSALS = [
    Refusal(
        Split("untimed", "s", 1, method, **settings),
        "Split s of tenant untimed in seeds/tenant_splits.csv cannot be made: "
        f"{method} cuts by time, and not every interaction of the tenant has one; use "
        "leave_last_out, user_time_ratio, user_hash or k_fold instead.",
    )
    for method, settings in (
        ("global_time", {"train_share": 0.8, "validation_share": 0.1}),
        ("rolling_window", {"window_count": 2, "window_days": 1}),
    )
] + [
    Refusal(
        Split("*", "time", 1, "global_time", 0.8, 0.1),
        "Tenant hashed has no split: seeds/tenant_splits.csv has no row for it, or "
        "under *, that does without times",
    ),
    wrong("kfold", "its method is kfold, not one of global_time, leave_last_out, "),
    wrong(None, "its method is empty, not one of global_time, leave_last_out, "),
    wrong("k_fold", "k_fold needs fold_count."),
    wrong("k_fold", "its fold_count must be 2 to 1000.", fold_count=1),
    wrong(
        "k_fold",
        "k_fold does not read test_count, which must be empty.",
        fold_count=5,
        test_count=1,
    ),
    wrong(
        "leave_last_out",
        "its test_count must be 1 to 1000000.",
        validation_count=1,
        test_count=0,
    ),
    wrong(
        "leave_last_out",
        "its validation_count must be 0 to 1000000.",
        validation_count=-1,
        test_count=1,
    ),
    wrong("leave_last_out", "leave_last_out needs validation_count.", test_count=1),
    wrong(
        "user_hash",
        "its train_share must be above 0 and at most 1.",
        train_share=0.0,
        validation_share=0.5,
    ),
    wrong(
        "user_hash",
        "its validation_share must be 0 to 1.",
        train_share=0.5,
        validation_share=-0.1,
    ),
    wrong(
        "user_time_ratio",
        "its train_share and validation_share are more than 1 together.",
        train_share=0.9,
        validation_share=0.2,
    ),
    wrong(
        "global_time",
        "global_time needs train_share and validation_share, or else train_until and "
        "validation_until, and the other two empty.",
        train_share=0.9,
        validation_until=datetime(2024, 1, 1),
    ),
    wrong(
        "global_time",
        "its train_until is later than its validation_until.",
        train_until=datetime(2024, 1, 2),
        validation_until=datetime(2024, 1, 1),
    ),
    wrong(
        "rolling_window",
        "its window_days must be 1 to 36500.",
        window_count=3,
        window_days=0,
    ),
    wrong(
        "rolling_window",
        "its window_count must be 1 to 1000.",
        window_count=0,
        window_days=1,
    ),
    wrong(
        "k_fold",
        "its minimum_user_positives must be 1 to 1000000000.",
        fold_count=5,
        minimum_user_positives=0,
    ),
]


def test_what_cannot_be_split_is_refused_with_a_sentence(built: Built) -> None:
    """The compiled model, run on one seed after another."""
    (compiled,) = built.settings.target.glob("compiled/**/prepared/splits.sql")
    model = compiled.read_text()
    every = [Split("*", "out", 9, "leave_last_out", validation_count=0, test_count=1)]
    with duckdb.connect(str(built.settings.warehouse)) as connection:
        connection.execute("begin")
        for refusal in REFUSALS:
            given = every if refusal.split.tenant_id != "*" else []
            write_seed(connection, [*given, refusal.split])
            try:
                rows = connection.execute(model).fetchall()
            except duckdb.InvalidInputException as error:
                assert refusal.reason in str(error)
                connection.execute("rollback")
                connection.execute("begin")
            else:
                raise AssertionError(f"{rows} instead of: {refusal.reason}")
        write_seed(connection, [*every, Split("timed", "s", 1, "k_fold", fold_count=2)])
        assert connection.execute(model).fetchall()
        connection.execute("rollback")


def test_a_refusal_reaches_whoever_builds_and_nothing_is_built_on_it(
    tmp_path: Path, interactions: list[Interaction]
) -> None:
    settings = make_settings(tmp_path / "refused")
    settings.warehouse.parent.mkdir()
    write_prepared(settings.warehouse, table_of(interactions), [REFUSALS[0].split])
    select = ("splits", "core_dropouts", "split_assignments", "positives")
    with pytest.raises(BuildError) as refused:
        winnow_build(settings, [f"{name},resource_type:model" for name in select])
    assert REFUSALS[0].reason in str(refused.value)
    assert (
        rows_of(settings, "from duckdb_tables() where schema_name = 'training'") == []
    )


@pytest.mark.parametrize(
    ("tenant", "figures"),
    [
        ("ml-100k", (943, 1_349, 99_287)),
        ("ml-small", (610, 3_650, 90_274)),
        ("microlens", (46_420, 14_079, 332_730)),
    ],
)
def test_the_5_core_has_the_published_size(
    real: Built, tenant: str, figures: tuple[int, int, int]
) -> None:
    found = rows_of(
        real.settings,
        "select count(distinct user_id), count(distinct item_id), count(*) "
        "from training.split_assignments "
        f"where split_name = 'core' and tenant_id = '{tenant}'",
    )
    if found == [(0, 0, 0)]:
        pytest.skip(f"needs the published data set {tenant}")
    assert found == [figures]


def test_microlens_leave_last_out_has_the_published_size(real: Built) -> None:
    found = rows_of(
        real.settings,
        "select split, positives, users, items, dropped_positives "
        "from training.split_statistics "
        "where tenant_id = 'microlens' and split_name = 'last_out' order by split desc",
    )
    if not found:
        pytest.skip("needs the published data set MicroLens-50k")
    validation, train, test = found
    assert train == ("train", 259_708, 50_000, 18_490, 0)
    for part, held_out in (("validation", validation), ("test", test)):
        assert held_out[:3] == (part, 50_000, 50_000)


def test_statistics_of_ml_100k_are_the_published_ones(real: Built) -> None:
    found = rows_of(
        real.settings,
        "select positives, users, items, round(100 * density, 3), round(item_gini, 3), "
        "round(100 * tie_rate, 1), repeat_rate, dropped_positives "
        "from training.split_statistics "
        "where tenant_id = 'ml-100k' and split_name = 'all' and split = 'train'",
    )
    if not found:
        pytest.skip("needs the published data set ml-100k")
    assert found == [(100_000, 943, 1_682, 6.305, 0.629, 75.8, 0.0, 0)]
