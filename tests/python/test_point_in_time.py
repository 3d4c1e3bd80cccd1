"""The promise of the point-in-time features: nothing from the event's own instant or
after it. The prepared tables, positives and negatives are written by the test, full of
ties and of instants on the edge of a window; dbt builds the real models on them; every
feature is counted again in plain Python.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
import pyarrow as pa
import pytest
import yaml
from conftest import make_settings
from keying import add_keys
from places import PROJECT_ROOT

from winnow.build.dbt import run_dbt
from winnow.core.settings import Settings

SEED = 11
MODELS = (
    "item_versions",
    "path:models/features",
    "examples",
)
START = datetime(2024, 1, 1)
MICROSECOND = timedelta(microseconds=1)
WINDOWS = {"1d": 1, "7d": 7, "30d": 30}
INSTANTS = [
    START + timedelta(days=day) + shift
    for day in (0, 1, 2, 7, 8, 9, 30, 31, 37, 38)
    for shift in (timedelta(0), MICROSECOND)
]
CUT = INSTANTS[10]
TIMES = {"timed": 1.0, "other": 1.0, "timeless": 0.0, "half_timed": 0.5}
USERS = [f"u{number}" for number in range(6)]
ITEMS = [f"i{number}" for number in range(8)]
NEVER_TOUCHED = "never touched"

Row = dict[str, Any]
Build = Callable[..., "Built"]


class Interaction(NamedTuple):
    """A row of prepared.interactions."""

    tenant_id: str
    interaction_id: str
    user_id: str
    item_id: str
    event_type: str
    rating: float | None
    event_weight: float
    is_positive: bool
    interacted_at: datetime | None
    interaction_order: int


class Version(NamedTuple):
    """A row of the catalogue's history."""

    tenant_id: str
    item_id: str
    category_path: str | None
    brand: str
    price: float
    load_id: str
    valid_from: datetime
    valid_to: datetime | None


class Draw(NamedTuple):
    """A row of training.negative_draws, with ids."""

    tenant_id: str
    interaction_id: str
    user_id: str
    item_id: str
    draw: int
    sampling_probability: float


@dataclass(frozen=True)
class Data:
    """What the models read; positives are the interactions of ``positive_ids``."""

    interactions: list[Interaction]
    versions: list[Version]
    draws: list[Draw]

    @property
    def has_times(self) -> dict[str, bool]:
        """Whether every interaction of a tenant has a time."""
        return {
            tenant: all(
                row.interacted_at is not None
                for row in self.interactions
                if row.tenant_id == tenant
            )
            for tenant in TIMES
        }

    def shuffled(self) -> Data:
        """The same rows in another order."""
        numbers = random.Random(SEED)
        return Data(
            numbers.sample(self.interactions, len(self.interactions)),
            numbers.sample(self.versions, len(self.versions)),
            numbers.sample(self.draws, len(self.draws)),
        )


@dataclass(frozen=True)
class Built:
    """What was built: settings, and the rows of the two tables by their keys."""

    settings: Settings
    features: dict[tuple[str, str], Row]
    examples: dict[tuple[str, str, int], Row]


def in_order(rows: Sequence[Interaction]) -> list[Interaction]:
    """The rows with interaction_order as prepared.interactions gives it."""
    counts: dict[tuple[str, str], int] = {}
    ordered = []
    for row in sorted(
        rows, key=lambda row: (row.interacted_at or datetime.max, row.interaction_id)
    ):
        key = row.tenant_id, row.user_id
        counts[key] = counts.get(key, 0) + 1
        ordered.append(row._replace(interaction_order=counts[key]))
    return ordered


@pytest.fixture(scope="module")
def data() -> Data:
    """Four tenants with the same users and items."""
    numbers = random.Random(SEED)
    interactions = [
        Interaction(
            tenant_id=tenant,
            interaction_id=f"interaction {number:03}",
            user_id=numbers.choice(USERS),
            item_id=numbers.choice(ITEMS),
            event_type=numbers.choice(["view", "click", "purchase"]),
            rating=numbers.choice([None, None, 0.5, 3.0, 4.1, 5.0]),
            event_weight=numbers.choice([1.0, 2.0]),
            is_positive=numbers.random() < 0.5,
            interacted_at=(
                numbers.choice(INSTANTS) if numbers.random() < times else None
            ),
            interaction_order=0,
        )
        for tenant, times in TIMES.items()
        for number in range(150)
    ]
    versions = []
    for tenant in TIMES:
        for item in ITEMS[:-1]:
            starts = sorted(numbers.sample(INSTANTS, numbers.choice([1, 1, 2, 3])))
            for start, end in zip(starts, [*starts[1:], None], strict=True):
                versions.append(
                    Version(
                        tenant_id=tenant,
                        item_id=item,
                        category_path=numbers.choice(["a", "a|b", " | b|a", "c", None]),
                        brand=numbers.choice(["x", "y"]),
                        price=float(numbers.randrange(9)),
                        load_id=f"{tenant} {item} {start}",
                        valid_from=start,
                        valid_to=end,
                    )
                )
    interactions = in_order(interactions)
    draws = [
        Draw(row.tenant_id, row.interaction_id, row.user_id, item, draw, 0.25)
        for row in interactions
        if row.is_positive
        for draw, item in enumerate(
            # The first draw is the positive's own item, so that the negatives' path
            # can be compared with the positives'.
            [row.item_id, *numbers.sample([*ITEMS, NEVER_TOUCHED], 3)],
            start=1,
        )
    ]
    return Data(interactions, versions, draws)


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Build:
    """Write the tables in the order of the given rows, and build on them."""
    home = tmp_path_factory.mktemp("point_in_time")

    def build_in(name: str, data: Data, *, duckdb_threads: int = 2) -> Built:
        settings = make_settings(home / name).model_copy(
            update={"target": home / "target", "duckdb_threads": duckdb_threads}
        )
        settings.warehouse.parent.mkdir()
        write_inputs(settings.warehouse, data)
        result = run_dbt(settings, ["run", "--select", *MODELS])
        if not result.succeeded:
            raise AssertionError([failure.message for failure in result.failures])
        features = read(settings.warehouse, "features.interaction_features")
        examples = read(settings.warehouse, "training.examples")
        built = Built(
            settings,
            {(row["tenant_id"], row["interaction_id"]): row for row in features},
            {
                (row["tenant_id"], row["interaction_id"], row["draw"]): row
                for row in examples
            },
        )
        assert len(built.features) == len(features) == len(data.interactions)
        own = sum(row.is_positive or row.rating == 0.5 for row in data.interactions)
        assert len(built.examples) == len(examples) == own + len(data.draws)
        return built

    return build_in


@pytest.fixture(scope="module")
def built(build: Build, data: Data) -> Built:
    """The first build."""
    return build("first", data)


def write_inputs(warehouse: Path, data: Data) -> None:
    """Create the tables of other layers that the models read."""
    given: dict[str, tuple[Sequence[tuple[Any, ...]], Sequence[str]]] = {
        "interactions": (data.interactions, Interaction._fields),
        "item_history": (data.versions, Version._fields),
        "draws": (data.draws, Draw._fields),
    }
    tenants = ", ".join(f"('{name}', {has})" for name, has in data.has_times.items())
    items = ", ".join(f"('{item}')" for item in (*ITEMS, NEVER_TOUCHED))
    with duckdb.connect(str(warehouse)) as connection:
        for name, (rows, columns) in given.items():
            arrays = [pa.array(values) for values in zip(*rows, strict=True)]
            table = pa.table(arrays, names=list(columns))
            connection.register(f"given_{name}", table)
        connection.execute(
            f"""
            create schema prepared;
            create schema training;
            create table prepared.interactions as from given_interactions;
            create table prepared.item_history as from given_item_history;
            create table prepared.tenants as
            select tenant_id, has_times, max(interacted_at) as last_interacted_at
            from (values {tenants}) as tenants (tenant_id, has_times)
            left join prepared.interactions using (tenant_id)
            group by all;
            create table prepared.items as
            select
                tenant_id,
                item_id,
                ['a', 'b'] as categories,
                row_number() over (
                    partition by tenant_id order by md5(item_id)
                ) as item_index
            from prepared.tenants, (values {items}) as items (item_id);
            create table prepared.users as
            select
                tenant_id,
                user_id,
                row_number() over (
                    partition by tenant_id order by md5(user_id)
                ) as user_index
            from (select distinct tenant_id, user_id from prepared.interactions);
            create table training.positives as
            select
                tenant_id, interaction_id, user_id, item_id, event_type,
                'train' as split, event_weight, interaction_order, interacted_at
            from prepared.interactions
            where is_positive;
            create table training.negative_draws as
            select
                tenant_id,
                user_index,
                interaction_order,
                item_index,
                draw,
                sampling_probability
            from given_draws
            inner join training.positives using (tenant_id, interaction_id)
            inner join prepared.users
                on given_draws.tenant_id = users.tenant_id
                and given_draws.user_id = users.user_id
            inner join prepared.items
                on given_draws.tenant_id = items.tenant_id
                and given_draws.item_id = items.item_id;
            create table training.explicit_negatives as
            select
                tenant_id, interaction_id, event_type, 'low_rating' as negative_kind,
                'train' as split, interacted_at
            from prepared.interactions
            where not is_positive and rating = 0.5
            """
        )
        add_keys(connection)


def read(warehouse: Path, table: str) -> list[Row]:
    """The rows of a table."""
    with duckdb.connect(str(warehouse), read_only=True) as connection:
        rows: list[Row] = connection.sql(f"from {table}").to_arrow_table().to_pylist()
    return rows


class Recount:
    """Every feature counted again, row by row, by what the documentation says."""

    def __init__(self, data: Data) -> None:
        self.rows = data.interactions
        self.has_times = data.has_times
        self.versions: dict[tuple[str, str], list[Version]] = {}
        for version in sorted(data.versions, key=lambda each: each.valid_from):
            key = version.tenant_id, version.item_id
            self.versions.setdefault(key, []).append(version)

    def as_of(self, row: Interaction) -> datetime | None:
        return row.interacted_at if self.has_times[row.tenant_id] else None

    def version(self, event: Interaction, item: str) -> tuple[Version | None, bool]:
        """What the catalogue said of an item, and whether it was the earliest."""
        versions = self.versions.get((event.tenant_id, item), [])
        as_of = self.as_of(event)
        found = versions[0] if versions else None
        for later in versions[1:]:
            if as_of is not None and later.valid_from < as_of:
                found = later
        return found, not versions or found is versions[0]

    def category(self, event: Interaction, item: str) -> str | None:
        version, _ = self.version(event, item)
        path = (version.category_path if version else None) or ""
        names = [name.strip() for name in path.split("|") if name.strip()]
        return names[0] if names else None

    def earlier(self, event: Interaction) -> Iterator[Interaction]:
        """The tenant's interactions that are known to be before the event."""
        for row in self.rows:
            if row.tenant_id != event.tenant_id:
                continue
            if self.has_times[event.tenant_id]:
                assert row.interacted_at and event.interacted_at
                if row.interacted_at < event.interacted_at:
                    yield row
            elif (
                row.user_id == event.user_id
                and row.interaction_order < event.interaction_order
            ):
                yield row

    def features(self, event: Interaction, item: str) -> Row:
        """The features of the event, had it been with ``item``."""
        earlier = list(self.earlier(event))
        as_of = self.as_of(event)
        of_user = [row for row in earlier if row.user_id == event.user_id]
        of_item = [row for row in earlier if row.item_id == item]
        category = self.category(event, item)
        of_category = [
            row for row in of_user if self.category(row, row.item_id) == category
        ]
        version, is_earliest = self.version(event, item)
        times = as_of is not None
        row: Row = {
            "item_category": category,
            "item_brand": version.brand if version else None,
            "item_price": version.price if version else None,
            "item_valid_from": (
                version.valid_from if version and not is_earliest else None
            ),
            "as_of": as_of,
            "user_category_interaction_count": len(of_category) if category else None,
            "user_category_positive_count": (
                sum(row.is_positive for row in of_category) if category else None
            ),
            "user_category_share": (
                len(of_category) / len(of_user) if category and of_user else None
            ),
            "user_category_last_interacted_at": (
                newest(of_category) if times and category else None
            ),
        }
        row |= entity_features(
            "user", of_user, as_of, len({r.item_id for r in of_user})
        )
        row["user_unique_item_count"] = row.pop("user_unique_count")
        users = len({r.user_id for r in of_item})
        item_row = entity_features("item", of_item, as_of, users)
        item_row["item_unique_user_count"] = item_row.pop("item_unique_count")
        return row | (item_row if times else dict.fromkeys(item_row))


def newest(rows: Sequence[Interaction]) -> datetime | None:
    return max((row.interacted_at for row in rows if row.interacted_at), default=None)


def days(earlier: datetime, later: datetime) -> float:
    return (later - earlier) // MICROSECOND / 86_400_000_000


def entity_features(
    name: str, rows: Sequence[Interaction], as_of: datetime | None, unique: int
) -> Row:
    """The features of a user or an item from its earlier interactions."""
    ratings = [round(row.rating * 1_000_000) for row in rows if row.rating is not None]
    times = [row.interacted_at for row in rows if row.interacted_at and as_of]
    features: Row = {
        "interaction_count": len(rows),
        "positive_count": sum(row.is_positive for row in rows),
        "unique_count": unique,
        "rating_count": len(ratings),
        "average_rating": (
            sum(ratings) / len(ratings) / 1_000_000 if ratings else None
        ),
        "days_since_last": days(max(times), as_of) if times and as_of else None,
        "days_since_first": days(min(times), as_of) if times and as_of else None,
        "last_interacted_at": max(times, default=None),
    }
    for window, length in WINDOWS.items():
        features[f"interaction_count_{window}"] = (
            sum(time >= as_of - timedelta(days=length) for time in times)
            if as_of
            else None
        )
    return {f"{name}_{feature}": value for feature, value in features.items()}


def test_every_interaction_has_the_features_of_a_recount(
    data: Data, built: Built
) -> None:
    recount = Recount(data)
    for row in data.interactions:
        key = row.tenant_id, row.interaction_id
        keys = dict(zip(row._fields[:4], row[:4], strict=True))
        assert built.features[key] == keys | recount.features(row, row.item_id), key


def test_every_example_has_the_features_of_a_recount_for_its_own_item(
    data: Data, built: Built
) -> None:
    recount = Recount(data)
    events = {row[:2]: row for row in data.interactions}
    own = [
        Draw(*row[:4], 0, 0.0)
        for row in data.interactions
        if row.is_positive or row.rating == 0.5
    ]
    for draw in own + data.draws:
        event = events[draw[:2]]
        is_positive = event.is_positive and draw.draw == 0
        assert built.examples[*draw[:2], draw.draw] == {
            "tenant_id": draw.tenant_id,
            "interaction_id": draw.interaction_id,
            "user_id": event.user_id,
            "item_id": draw.item_id,
            "event_type": event.event_type,
            "example_kind": (
                "drawn" if draw.draw else "positive" if is_positive else "low_rating"
            ),
            "split": "train",
            "draw": draw.draw,
            "label": int(is_positive),
            "sample_weight": event.event_weight if is_positive else 1.0,
            "sampling_probability": 0.25 if draw.draw else None,
            "interacted_at": event.interacted_at,
        } | recount.features(event, draw.item_id)


def test_a_positive_computed_as_a_negative_has_the_same_features(built: Built) -> None:
    other = {
        *("example_kind", "draw", "label", "sample_weight", "sampling_probability"),
    }
    compared = 0
    for (tenant, interaction, draw), row in built.examples.items():
        if draw == 1:
            positive = built.examples[tenant, interaction, 0]
            assert {k: v for k, v in row.items() if k not in other} == {
                k: v for k, v in positive.items() if k not in other
            }
            compared += 1
    assert compared > 200


def test_the_data_has_ties_and_instants_on_every_edge(data: Data, built: Built) -> None:
    """Without these the other tests would prove little."""
    timed = [row for row in data.interactions if row.tenant_id == "timed"]
    for entity in ("user_id", "item_id"):
        instants: dict[str, list[datetime]] = {}
        for row in timed:
            assert row.interacted_at
            instants.setdefault(getattr(row, entity), []).append(row.interacted_at)
        gaps = {
            later - earlier
            for times in instants.values()
            for number, earlier in enumerate(times)
            for later in times[number + 1 :]
        }
        assert timedelta(0) in gaps
        for length in WINDOWS.values():
            window = timedelta(days=length)
            assert {window - MICROSECOND, window, window + MICROSECOND} <= gaps
    starts = {(v.item_id, v.valid_from) for v in data.versions if v[0] == "timed"}
    rows = [row for key, row in built.features.items() if key[0] == "timed"]
    assert any((row["item_id"], row["as_of"]) in starts for row in rows)
    assert any(row["item_valid_from"] is not None for row in rows)


def test_what_happens_at_an_instant_or_after_it_changes_no_row_up_to_that_instant(
    build: Build, data: Data, built: Built
) -> None:
    """New interactions at CUT and later and at the end of untimed histories, with ids
    that sort first, and new versions of the catalogue from CUT on.
    """
    new = [
        Interaction(
            tenant_id=tenant,
            interaction_id=f"{' ' if times == 1 else '~'}new {number}",
            user_id=USERS[number % len(USERS)],
            item_id=ITEMS[number % len(ITEMS)],
            event_type="purchase",
            rating=1.0,
            event_weight=9.0,
            is_positive=False,
            interacted_at=(CUT + timedelta(days=number // 10) if times == 1 else None),
            interaction_order=0,
        )
        for tenant, times in TIMES.items()
        for number in range(40)
    ]
    versions = [
        Version(tenant, item, "new", "new", 99.0, f"new {tenant} {item}", CUT, None)
        for tenant in TIMES
        for item in ITEMS
        if any(
            version[:2] == (tenant, item) and version.valid_from < CUT
            for version in data.versions
        )
    ]
    changed = build(
        "injected",
        replace(
            data,
            interactions=in_order([*data.interactions, *new]),
            versions=data.versions + versions,
        ),
    )
    rows: list[tuple[Row, Row]] = [
        *((row, changed.features[key]) for key, row in built.features.items()),
        *((row, changed.examples[key]) for key, row in built.examples.items()),
    ]
    kept = [pair for pair in rows if (pair[0]["as_of"] or CUT) <= CUT]
    later = [pair for pair in rows if (pair[0]["as_of"] or CUT) > CUT]
    for before, after in kept:
        assert after == before
    assert sum(before != after for before, after in later) > 0.9 * len(later)
    assert len(kept) > 500


def test_threads_and_row_order_change_nothing(
    build: Build, data: Data, built: Built
) -> None:
    changed = build("shuffled", data.shuffled(), duckdb_threads=1)
    assert changed.features == built.features
    assert changed.examples == built.examples


def test_without_times_a_user_is_known_by_order_and_an_item_not_at_all(
    data: Data, built: Built
) -> None:
    for row in data.interactions:
        if row.tenant_id not in ("timeless", "half_timed"):
            continue
        features = built.features[row.tenant_id, row.interaction_id]
        assert features["user_interaction_count"] == row.interaction_order - 1
        assert features["user_interaction_count_30d"] is None
        assert features["item_interaction_count"] is None
        assert features["item_unique_user_count"] is None
        assert features["as_of"] is None


def gates(settings: Settings) -> dict[str, list[str]]:
    """The columns that the gate reads, by the model that it stands at."""
    return {
        node.attached_node: node.test_metadata.kwargs["columns"]
        for node in run_dbt(settings, ["parse"]).value.nodes.values()
        if getattr(node, "test_metadata", None)
        and node.test_metadata.name == "inputs_before_as_of"
    }


def test_every_table_of_features_has_the_gate_on_every_time_that_it_holds(
    built: Built,
) -> None:
    found = gates(built.settings)
    files = [*(PROJECT_ROOT / "models" / "features").glob("*.yml")]
    files.append(PROJECT_ROOT / "models" / "training" / "examples" / "examples.yml")
    with duckdb.connect(str(built.settings.warehouse), read_only=True) as connection:
        tables = connection.execute(
            "select table_name from information_schema.tables "
            "where table_schema = 'features' union all select 'examples'"
        ).fetchall()
    assert len(tables) == len(files) > 8
    for file in files:
        model = yaml.safe_load(file.read_text())["models"][0]
        times = {
            column["name"]
            for column in model["columns"]
            if column["data_type"] == "timestamp"
        }
        assert "as_of" in times
        times -= {"as_of"}
        if model["name"] == "examples":
            times -= {"interacted_at"}  # the event itself: as_of where there are times
        assert set(found[f"model.winnow.{model['name']}"]) == times


def test_the_gate_passes_what_was_built_and_catches_every_tampered_input(
    built: Built,
) -> None:
    """The SQL that dbt ran is run again on copies of the tables with one input moved
    to its row's as_of or beyond."""
    settings = built.settings
    result = run_dbt(settings, ["test", "--select", "test_name:inputs_before_as_of"])
    assert result.succeeded, result.failures
    models = run_dbt(settings, ["parse"]).value.nodes
    checked = 0
    for node in (outcome.node for outcome in result.value.results):
        if not getattr(node, "test_metadata", None):
            continue
        model = models[node.attached_node]
        table = f'"{model.schema}"."{model.alias}"'
        sql = node.compiled_code.replace(table, "tampered")
        for column in node.test_metadata.kwargs["columns"]:
            for late in ("as_of", "timestamp '2030-01-01'"):
                with duckdb.connect(str(settings.warehouse)) as connection:
                    connection.execute(f"create temp table tampered as from {table}")
                    assert connection.execute(sql).fetchall() == []
                    connection.execute(
                        f"update tampered set {column} = {late} where rowid = "
                        "(select max(rowid) from tampered where as_of is not null)"
                    )
                    found = connection.execute(sql).fetchall()
                assert len(found) == 1, (model.name, column)
                checked += 1
    assert checked > 30


def test_the_gate_catches_a_time_in_a_row_without_as_of(built: Built) -> None:
    with duckdb.connect(str(built.settings.warehouse)) as connection:
        connection.begin()
        connection.execute(
            "update features.interaction_features "
            "set user_last_interacted_at = timestamp '2000-01-01' "
            "where tenant_id = 'timeless'"
        )
        run_results = json.loads(
            (built.settings.target / "run_results.json").read_text()
        )
        sql = next(
            outcome["compiled_code"]
            for outcome in run_results["results"]
            if "inputs_before_as_of_interaction_features" in outcome["unique_id"]
        )
        found = connection.execute(sql).fetchall()
        connection.rollback()
    assert len(found) == 150
