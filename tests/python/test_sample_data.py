"""Sample data: what the manifest says is what the files hold, judged apart from it."""

from __future__ import annotations

import csv
import json
import os
import sys
from collections import Counter, defaultdict
from datetime import UTC, date, datetime
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import PROJECT_ROOT

from benchmarks.load_and_build import run
from winnow.contracts.entities import Column, contract
from winnow.core.errors import InputError
from winnow.demo import sample_data
from winnow.demo.sample_data import SampleSize, write_sample_data

FILES = [
    "canonical/interactions.csv",
    "canonical/items.csv",
    "canonical/users.csv",
    "recomart/users.csv",
    "recomart/products.json",
    "recomart/transactions.csv",
]
SMALL = SampleSize(users=300, items=200, interactions=6_000, dirty_share=0.05)
MISSING_TOKENS = {"", "null", "none", "nan", "na", "n/a", "undefined"}
Record = dict[str, str]


@cache
def event_types() -> dict[str, str]:
    with (PROJECT_ROOT / "seeds" / "event_types.csv").open(encoding="utf-8") as rows:
        return {row["source_value"]: row["event_type"] for row in csv.DictReader(rows)}


def given(value: object) -> str:
    """The trimmed value as text; empty where it is missing."""
    text = "" if value is None else str(value).strip()
    return "" if text.lower() in MISSING_TOKENS else text


def typed(column: Column, text: str) -> Any:
    """The value that the text means. Raises ValueError where it means none."""
    if column.data_type in ("bigint", "double"):
        return float(text)
    if column.data_type in ("date", "timestamp"):
        instant = datetime.fromisoformat(text)
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)
    return text


def broken_rules(column: Column, text: str, types: dict[str, str]) -> list[str]:
    if not text:
        return ["required"] if column.required else []
    if column.accepted_values_from and text.lower() not in types:
        return ["accepted_values"]
    try:
        value = typed(column, text)
    except ValueError:
        return ["type"]
    bounds: list[Any] = [
        typed(column, bound) if isinstance(bound, str) else bound
        for bound in (column.minimum, column.maximum)
    ]
    if bounds[0] is not None and value < bounds[0]:
        return ["minimum"]
    if bounds[1] is not None and value > bounds[1]:
        return ["maximum"]
    return []


def unreadable(line: bytes, width: int) -> tuple[str, list[str]]:
    """The fault of one line, empty when it has none, and its fields."""
    try:
        fields = next(csv.reader([line.decode("utf-8")], strict=True))
    except UnicodeDecodeError:
        return "record.invalid_encoding", []
    except csv.Error:
        return "record.broken_quoting", []
    if len(fields) == width:
        return "", fields
    return f"record.too_{'few' if len(fields) < width else 'many'}_fields", []


def judged(out: Path, file: str) -> tuple[list[Record], Counter[str], list[int]]:
    """Accepted records, refusals by reason, and the places of the refused records."""
    source, name = file.split("/")
    columns = {c.name: c for c in contract(source, Path(name).stem).columns}
    types = event_types()
    raw = (out / file).read_bytes()
    parsed: list[tuple[str, dict[str, Any]]]
    if file.endswith(".json"):
        parsed = [("", record) for record in json.loads(raw)]
    else:
        assert raw.endswith(b"\n")
        header, *lines = raw.splitlines()
        names = header.decode().split(",")
        parsed = []
        for line in lines:
            fault, fields = unreadable(line, len(names))
            parsed.append(
                (fault, {} if fault else dict(zip(names, fields, strict=True)))
            )
    accepted: list[Record] = []
    refused: Counter[str] = Counter()
    places = []
    for place, (fault, record) in enumerate(parsed):
        assert set(record) <= set(columns), "only columns that the contract knows"
        texts = {name: given(value) for name, value in record.items()}
        reasons = [fault] if fault else []
        for name, text in texts.items():
            reasons += [f"{name}.{r}" for r in broken_rules(columns[name], text, types)]
        assert len(reasons) <= 1, f"record {place + 1} of {file}: {reasons}"
        if reasons:
            refused[reasons[0]] += 1
            places.append(place)
        else:
            accepted.append(texts)
    return accepted, refused, places


def key_of(file: str, record: Record) -> tuple[str, ...]:
    types = event_types()
    keys = {
        "interactions": ("user_id", "item_id", "event_type", "interacted_at"),
        "items": ("item_id",),
        "users": ("user_id",),
        "products": ("product_id",),
        "transactions": ("transaction_id", "user_id", "product_id", "timestamp"),
    }[Path(file).stem]
    return tuple(
        types[record[key].lower()] if key == "event_type" else record[key]
        for key in keys
    )


def assert_as_described(out: Path, manifest: dict[str, Any]) -> None:
    assert list(manifest["files"]) == FILES
    for file, entry in manifest["files"].items():
        accepted, refused, _ = judged(out, file)
        keys = Counter(key_of(file, record) for record in accepted)
        whole = Counter(tuple(record.items()) for record in accepted)
        assert f"{entry['source']}/{entry['entity']}" == file.rsplit(".", 1)[0]
        assert dict(refused) == {k: n for k, n in entry["rejected"].items() if n}, file
        assert len(keys) == len(whole) == entry["clean"], file
        assert len(accepted) - len(keys) == entry["duplicates"], file
        assert entry["records"] == len(accepted) + sum(refused.values()), file


@pytest.fixture(scope="module")
def default_sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("sample")
    write_sample_data(out, SampleSize())
    return out


@pytest.fixture(scope="module")
def events(default_sample: Path) -> list[Record]:
    return judged(default_sample, "canonical/interactions.csv")[0]


def contents(out: Path) -> dict[str, bytes]:
    return {file: (out / file).read_bytes() for file in [*FILES, "manifest.json"]}


def test_every_record_is_what_the_manifest_counts_it_as(tmp_path: Path) -> None:
    manifest = write_sample_data(tmp_path, SMALL)

    assert_as_described(tmp_path, manifest)
    assert manifest == json.loads((tmp_path / "manifest.json").read_text("utf-8"))
    assert manifest["arguments"] == {
        "users": 300,
        "items": 200,
        "interactions": 6_000,
        "days": 90,
        "seed": 7,
        "dirty_share": 0.05,
    }


def test_counts_hold_across_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sample_data, "CHUNK_ROWS", 97)
    calls: list[tuple[int, int]] = []

    manifest = write_sample_data(tmp_path, SMALL, lambda *call: calls.append(call))

    assert_as_described(tmp_path, manifest)
    assert_orders_hold_together(tmp_path)
    total = sum(entry["records"] for entry in manifest["files"].values())
    assert len(calls) > 6_000 / 97
    assert {of for _, of in calls} == {total}
    assert [done for done, _ in calls] == sorted({done for done, _ in calls})
    assert calls[-1] == (total, total)


def test_dirty_rows_make_their_share_and_every_kind_occurs(tmp_path: Path) -> None:
    manifest = write_sample_data(tmp_path, SMALL)

    for file, entry in manifest["files"].items():
        dirty = entry["records"] - entry["clean"]
        kinds = len(entry["rejected"]) + (entry["duplicates"] > 0)
        assert dirty == max(kinds, round(0.05 * entry["records"])), file
        assert all(count >= 1 for count in entry["rejected"].values()), file
    reasons = {f: list(entry["rejected"]) for f, entry in manifest["files"].items()}
    assert reasons["canonical/interactions.csv"] == [
        "user_id.required",
        "item_id.required",
        "event_type.accepted_values",
        "interacted_at.type",
        "interacted_at.maximum",
        "interacted_at.minimum",
        "rating.type",
        "rating.maximum",
        "record.too_few_fields",
        "record.too_many_fields",
        "record.broken_quoting",
        "record.invalid_encoding",
    ]


def test_dirty_rows_stand_all_over_the_file(default_sample: Path) -> None:
    file = "canonical/interactions.csv"
    _, _, places = judged(default_sample, file)

    by_tenth = np.histogram(places, bins=10, range=(0, 101_010))[0]

    assert by_tenth.min() > 50, by_tenth


def test_without_a_dirty_share_every_row_is_clean(tmp_path: Path) -> None:
    size = SampleSize(users=300, items=200, interactions=6_000, dirty_share=0)

    manifest = write_sample_data(tmp_path, size)

    assert_as_described(tmp_path, manifest)
    for entry in manifest["files"].values():
        assert entry["records"] == entry["clean"]


def test_same_arguments_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write_sample_data(tmp_path / name, SMALL)

    assert contents(tmp_path / "one") == contents(tmp_path / "two")


def test_another_seed_gives_other_bytes_in_every_file(tmp_path: Path) -> None:
    for seed in (1, 2):
        size = SampleSize(users=300, items=200, interactions=6_000, seed=seed)
        write_sample_data(tmp_path / str(seed), size)

    one, two = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert [file for file in one if one[file] == two[file]] == []


def test_a_second_sample_replaces_the_first(tmp_path: Path) -> None:
    write_sample_data(tmp_path / "again", SMALL)
    tiny = SampleSize(users=20, items=20, interactions=50)
    for name in ("again", "fresh"):
        write_sample_data(tmp_path / name, tiny)

    assert contents(tmp_path / "again") == contents(tmp_path / "fresh")


def test_a_sample_that_was_cut_off_has_no_manifest(tmp_path: Path) -> None:
    write_sample_data(tmp_path, SMALL)

    def stop(_done: int, _total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_sample_data(tmp_path, SMALL, stop)

    assert not (tmp_path / "manifest.json").exists()


def test_event_types_have_their_shares(events: list[Record]) -> None:
    types = Counter(record["event_type"].lower() for record in events)

    expected = {"view": 50, "click": 25, "like": 12, "purchase": 8, "add_to_cart": 5}
    assert set(types) == set(expected)
    for name, percent in expected.items():
        # 0.6 points are four standard errors of the most uncertain share.
        assert 100 * types[name] / len(events) == pytest.approx(percent, abs=0.6), name


@pytest.mark.parametrize(("column", "exponent"), [("user_id", 0.7), ("item_id", 0.9)])
def test_activity_and_popularity_fall_as_zipf_says(
    events: list[Record], column: str, exponent: float
) -> None:
    counts = sorted(Counter(record[column] for record in events).values())[::-1]

    ranks = np.log(np.arange(1, 101))
    slope = np.polyfit(ranks, np.log(counts[:100]), 1)[0]

    assert -slope == pytest.approx(exponent, abs=0.06)
    assert counts[0] > 50 * np.median(counts)


def test_popularity_does_not_follow_the_order_of_the_keys(
    events: list[Record],
) -> None:
    counts = Counter(int(record["item_id"][1:]) for record in events)
    top = [item for item, _ in counts.most_common(100)]

    assert np.mean(top) == pytest.approx(2_500, abs=600)


def test_activity_has_a_daily_and_a_weekly_rhythm(events: list[Record]) -> None:
    times = [datetime.fromisoformat(record["interacted_at"]) for record in events]
    hours = Counter(time.hour for time in times)
    weekdays: dict[int, list[int]] = defaultdict(list)
    for day, count in Counter(time.date() for time in times).items():
        weekdays[day.weekday()].append(count)

    assert min(hours, key=hours.__getitem__) in (3, 4)
    assert max(hours, key=hours.__getitem__) in (20, 21)
    assert hours[20] > 10 * hours[4]
    assert np.mean(weekdays[5]) > 1.4 * np.mean(weekdays[1])


def test_the_sample_covers_its_days_and_ends_on_a_fixed_one(
    events: list[Record],
) -> None:
    days = {datetime.fromisoformat(record["interacted_at"]).date() for record in events}

    assert len(days) == 90
    assert (min(days), max(days)) == (date(2024, 1, 2), date(2024, 3, 31))


def test_ratings_prices_and_quantities_stand_where_they_belong(
    default_sample: Path, events: list[Record]
) -> None:
    items, _, _ = judged(default_sample, "canonical/items.csv")
    catalogue = {item["item_id"]: item["price"] for item in items}

    rated = [record for record in events if record["rating"]]
    assert {r["event_type"].lower() for r in rated} == {"like", "purchase"}
    stars = {float(record["rating"]) for record in rated}
    assert stars == {half / 2 for half in range(2, 11)}
    for record in events:
        is_priced = record["event_type"].lower() in ("purchase", "add_to_cart")
        assert bool(record["quantity"]) is is_priced
        assert record["price"] == (catalogue[record["item_id"]] if is_priced else "")


def test_catalogue_has_its_categories_brands_and_untidy_values(
    default_sample: Path, events: list[Record]
) -> None:
    items, _, _ = judged(default_sample, "canonical/items.csv")
    raw = (default_sample / "canonical/items.csv").read_bytes()
    lines = (default_sample / "canonical/interactions.csv").read_bytes()

    assert len({item["category"].split("|")[0] for item in items}) == 12
    assert any("|" in item["category"] for item in items)
    assert len({item["brand"] for item in items} - {""}) == 15
    assert any('"' in item["title"] and "," in item["title"] for item in items)
    assert b",N/A," in raw
    assert {record["event_type"] for record in events} >= {"view", "VIEW", "View"}
    assert b", view ," in lines
    assert {record["device"] for record in events} == {"mobile", "web", "tablet", ""}
    assert b",NULL," in lines


def test_users_registered_before_the_first_interaction(default_sample: Path) -> None:
    users, _, _ = judged(default_sample, "canonical/users.csv")

    registered = [user["registered_at"] for user in users]

    assert max(registered) < "2024-01-02T00:00:00Z"


def assert_orders_hold_together(out: Path) -> None:
    rows, _, _ = judged(out, "recomart/transactions.csv")
    products, _, _ = judged(out, "recomart/products.json")
    prices = {product["product_id"]: float(product["price"]) for product in products}

    orders: dict[str, set[tuple[str, ...]]] = defaultdict(set)
    for row in rows:
        line = (row["user_id"], row["timestamp"], row["product_id"])
        orders[row["transaction_id"]].add(line)
        assert float(row["price"]) == prices[row["product_id"]]

    assert {len(order) for order in orders.values()} == {1, 2, 3}
    for order in orders.values():
        assert len({(user, at) for user, at, _ in order}) == 1
        assert len({product for _, _, product in order}) == len(order)


def test_rows_of_an_order_share_customer_and_time_but_no_product(
    default_sample: Path,
) -> None:
    assert_orders_hold_together(default_sample)


def test_events_refer_to_the_catalogues(default_sample: Path) -> None:
    for source, events, items in [
        ("canonical", "interactions.csv", "items.csv"),
        ("recomart", "transactions.csv", "products.json"),
    ]:
        happened, _, _ = judged(default_sample, f"{source}/{events}")
        for catalogue in (items, "users.csv"):
            known, _, _ = judged(default_sample, f"{source}/{catalogue}")
            key = next(iter(known[0]))
            assert {e[key] for e in happened} <= {k[key] for k in known}, catalogue


@pytest.mark.parametrize("dirty_share", [0.0, 0.01])
def test_the_smallest_sample_is_whole(tmp_path: Path, dirty_share: float) -> None:
    size = SampleSize(users=1, items=1, interactions=1, days=1, dirty_share=dirty_share)

    manifest = write_sample_data(tmp_path, size)

    assert_as_described(tmp_path, manifest)
    assert {entry["clean"] for entry in manifest["files"].values()} == {1}


def test_one_pair_can_fill_its_days_without_a_twin(tmp_path: Path) -> None:
    size = SampleSize(users=1, items=1, interactions=1_440, days=1, dirty_share=0)

    manifest = write_sample_data(tmp_path, size)

    assert_as_described(tmp_path, manifest)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"users": 0}, "users must be a whole number from 1, not 0"),
        ({"items": -3}, "items must be a whole number from 1, not -3"),
        ({"interactions": 1.5}, "interactions must be a whole number from 1, not 1.5"),
        ({"days": True}, "days must be a whole number from 1, not True"),
        ({"seed": -1}, "seed must be a whole number from 0, not -1"),
        ({"days": 8_858}, "days must be at most 8857"),
        ({"dirty_share": 0.6}, "dirty_share must lie between 0 and 0.5, not 0.6"),
        ({"dirty_share": float("nan")}, "dirty_share must lie between 0 and 0.5"),
        (
            {"users": 1, "items": 1, "days": 1, "interactions": 1_441},
            "interactions must be at most 1440, one per minute",
        ),
    ],
)
def test_arguments_that_cannot_be_met_are_refused(
    arguments: dict[str, Any], sentence: str
) -> None:
    with pytest.raises(ValueError, match=sentence) as caught:
        SampleSize(**arguments)

    assert isinstance(caught.value, InputError)


def test_the_longest_sample_begins_where_contracts_begin(tmp_path: Path) -> None:
    size = SampleSize(users=20, items=20, interactions=2_000, days=8_857)

    assert_as_described(tmp_path, write_sample_data(tmp_path, size))


def test_a_file_in_place_of_the_folder_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("here", encoding="utf-8")

    with pytest.raises(InputError, match="taken cannot hold the sample"):
        write_sample_data(tmp_path / "taken", SMALL)


@pytest.mark.scale
def test_ten_million_interactions_take_under_a_minute_and_flat_memory(
    tmp_path: Path,
) -> None:
    program = (
        "import sys\n"
        "from pathlib import Path\n"
        "from winnow.demo.sample_data import SampleSize, write_sample_data\n"
        "write_sample_data(Path(sys.argv[1]), SampleSize(interactions=10_000_000))\n"
    )
    made = run(
        [sys.executable, "-c", program, tmp_path / "sample"],
        os.environ | {"PYTHONPATH": str(PROJECT_ROOT)},
        tmp_path / "log.txt",
    )
    assert made.seconds < 60
    assert made.peak_gib < 2
