"""Sample data: a made-up shop whose interactions look like real ones, dirt included.

All files are functions of their arguments alone: same arguments, same bytes. Chunks of
columns are drawn with NumPy and turned into lines by Arrow kernels, so that memory does
not grow with the number of interactions.

Clean rows break no contract rule and have no twin. Dirty rows are spoilt copies of
clean ones, put between them; each breaks exactly one rule, and ``manifest.json`` says
how many there are of each kind.
"""

from __future__ import annotations

import datetime as dt
import io
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from winnow.core.errors import InputError

Whole = npt.NDArray[np.int64]
Columns = dict[str, pa.Array]
"""Part of a file: column name to its values, equally many. Null is an empty field."""
Spoil = Callable[[Columns], Columns]
"""Makes one kind of dirt: takes clean rows, gives as many rows that break one rule."""
Report = Callable[[int], None]

LAST_DAY = dt.date(2024, 3, 31)
"""The day on which every sample ends, fixed so that nothing depends on today."""

FIRST_DAY = dt.date(2000, 1, 1)
"""The contracts know no interactions before this day."""

MANIFEST = "manifest.json"
DUPLICATE = "duplicate"
RECOMART_PART = 10
"""RecoMart has one in so many of the users, items and interactions."""

EVENT_SHARES = {"view": 50, "click": 25, "like": 12, "purchase": 8, "add_to_cart": 5}
"""How many of a hundred interactions are of each type."""

# Zipf exponents. At 1, the first of 10,000 users would do a tenth of everything; with
# these the busiest user has 2 % and the best-known of 5,000 items 7 % of the rows.
USER_EXPONENT = 0.7
ITEM_EXPONENT = 0.9

CHUNK_ROWS = 1 << 19
RATED_SHARE = 0.4

# Relative activity: deepest before dawn, highest in the evening and at weekends.
_HOURS = np.array(
    [
        9,
        5,
        3,
        2,
        2,
        3,
        7,
        14,
        20,
        24,
        26,
        28,
        32,
        31,
        28,
        27,
        28,
        32,
        38,
        45,
        50,
        46,
        34,
        19,
    ],
    dtype=np.float64,
)
_WEEKDAYS = np.array([18, 17, 17, 18, 22, 30, 28], dtype=np.float64)  # from Monday

_CATEGORIES = {
    "books": ["novel", "atlas", "cookbook", "diary"],
    "music": ["record", "songbook", "metronome", "ukulele"],
    "films": ["documentary", "thriller", "comedy", "series"],
    "games": ["puzzle", "card game", "dice set", "board game"],
    "toys": ["kite", "train", "doll", "robot"],
    "garden": ["rake", "planter", "hose", "lantern"],
    "kitchen": ["kettle", "pan", "teapot", "grater"],
    "furniture": ["lamp", "shelf", "stool", "desk"],
    "sport": ["racket", "mat", "helmet", "ball"],
    "clothing": ["scarf", "jacket", "sock pair", "cap"],
    "computers": ["keyboard", "monitor", "cable", "speaker"],
    "tools": ["drill", "hammer", "level", "clamp"],
}
_ADJECTIVES = ["plain", "bright", "folding", "oak", "blue", "small", "heavy", "quiet"]
_BRANDS = [
    *("Alder", "Bramble", "Corvid", "Dunlin", "Ember", "Fathom", "Gannet", "Harrow"),
    *("Isthmus", "Juniper", "Kestrel", "Larch", "Marram", "Nettle", "Osprey"),
]
_EDITIONS = ["", "", "", "", ", set of two", ', 24" wide', " (café)", " | outlet"]
_COUNTRIES = ["DE", "FR", "NL", "PL", "SE", "ES", "IT", "AT", "IN", "BR", "JP", "US"]
_CITIES = ["Lyon", "Leiden", "Porto, PT", "Gdańsk", "Pune", "Recife", "Austin", "Graz"]
_MISSING = [None, "N/A", "null"]


class SampleSizeError(InputError, ValueError):
    """An argument of the sample that cannot be met; the sentence names it."""


@dataclass(frozen=True)
class SampleSize:
    """How much to make.

    ``users`` and ``items`` are the sizes of the catalogues (not all of them occur in
    interactions), ``interactions`` the number of clean ones, ``days`` the length of
    time that they cover, ``seed`` any whole number from 0. ``dirty_share`` is the part
    of each file's rows that is dirty, from 0 (none) to 0.5; above 0 each kind of dirt
    occurs at least once, so that very small files have a greater part.

    Raises SampleSizeError for values that cannot be met.
    """

    users: int = 10_000
    items: int = 5_000
    interactions: int = 100_000
    days: int = 90
    seed: int = 7
    dirty_share: float = 0.01

    def __post_init__(self) -> None:
        """Refuse what no sample can have."""
        for name, least in [
            ("users", 1),
            ("items", 1),
            ("interactions", 1),
            ("days", 1),
            ("seed", 0),
        ]:
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise SampleSizeError(
                    f"{name} must be a whole number from {least}, not {value!r}"
                )
        most_days = (LAST_DAY - FIRST_DAY).days + 1
        if self.days > most_days:
            raise SampleSizeError(
                f"days must be at most {most_days}, because samples end on {LAST_DAY} "
                f"and contracts begin on {FIRST_DAY}; {self.days} was asked"
            )
        if not 0 <= self.dirty_share <= 0.5:
            raise SampleSizeError(
                f"dirty_share must lie between 0 and 0.5, not {self.dirty_share!r}"
            )
        most = self.users * self.items * self.days * 24 * 60
        if self.interactions > most:
            raise SampleSizeError(
                f"interactions must be at most {most}, one per minute for each pair of "
                f"user and item, so that all can differ; {self.interactions} was asked"
            )


@dataclass(frozen=True)
class _File:
    """One file to write: its place, its clean rows in chunks, and its kinds of dirt."""

    path: str
    clean: int
    chunks: Callable[[np.random.Generator], Iterator[Columns]]
    dirt: dict[str, Spoil]

    def dirty_counts(self, share: float) -> dict[str, int]:
        """Rows of each kind, so that ``share`` of all the file's rows are dirty."""
        if share == 0:
            return dict.fromkeys(self.dirt, 0)
        total = round(self.clean * share / (1 - share))
        each, rest = divmod(total, len(self.dirt))
        return {
            kind: max(1, each + (number < rest))
            for number, kind in enumerate(self.dirt)
        }


def write_sample_data(
    out: Path,
    size: SampleSize,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, Any]:
    """Write the sample into the folder ``out`` and return what its manifest holds.

    The folder gets ``canonical/`` (interactions.csv, items.csv, users.csv) and
    ``recomart/`` (users.csv, products.json, transactions.csv, a tenth of the size), all
    UTF-8 but for the rows spoilt on purpose, and last ``manifest.json``: the arguments
    and per file source, entity, ``records`` (without header), ``clean``, ``duplicates``
    (byte-identical copies of clean rows) and ``rejected`` by reason, where
    records = clean + duplicates + all rejected. An earlier sample is replaced.

    ``progress`` is called after every chunk with the rows written and to be written.

    Raises InputError when ``out`` cannot be a folder to write to.
    """
    files = _files(size)
    counts = [file.dirty_counts(size.dirty_share) for file in files]
    total = sum(file.clean for file in files) + sum(
        sum(of_file.values()) for of_file in counts
    )
    done = 0

    def report(rows: int) -> None:
        nonlocal done
        done += rows
        if progress is not None:
            progress(done, total)

    try:
        for file in files:
            (out / file.path).parent.mkdir(parents=True, exist_ok=True)
        (out / MANIFEST).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"{out} cannot hold the sample: {error.filename}: {error.strerror}"
        ) from error

    described = {}
    for number, (file, of_file) in enumerate(zip(files, counts, strict=True)):
        rng = np.random.Generator(np.random.PCG64([size.seed, number]))
        _write(out / file.path, file, of_file, rng, report)
        described[file.path] = _described(file, of_file)
    manifest = {"arguments": asdict(size), "files": described}
    text = json.dumps(manifest, indent=2) + "\n"
    (out / MANIFEST).write_text(text, encoding="utf-8")
    return manifest


def _described(file: _File, counts: dict[str, int]) -> dict[str, Any]:
    source, name = file.path.split("/")
    return {
        "source": source,
        "entity": Path(name).stem,
        "records": file.clean + sum(counts.values()),
        "clean": file.clean,
        "duplicates": counts.get(DUPLICATE, 0),
        "rejected": {kind: n for kind, n in counts.items() if kind != DUPLICATE},
    }


# Writing: lines, and dirty lines between them


def _write(
    path: Path,
    file: _File,
    counts: dict[str, int],
    rng: np.random.Generator,
    report: Report,
) -> None:
    """Write one file; each dirty row stands before a clean row drawn by ``rng``."""
    kinds = rng.permutation(np.repeat(np.arange(len(counts)), list(counts.values())))
    places = np.sort(rng.integers(0, file.clean, len(kinds)))
    is_json = path.suffix == ".json"
    lines_of = _json_lines if is_json else _csv_lines
    spoils = list(file.dirt.values())
    written = 0
    with path.open("wb") as stream:
        for columns in file.chunks(rng):
            if written == 0:
                stream.write(b"[\n" if is_json else ",".join(columns).encode() + b"\n")
            lines = lines_of(columns)
            rows = len(lines)
            here = slice(*np.searchsorted(places, [written, written + rows]))
            parts, before = [lines], []
            for kind in np.unique(kinds[here]):
                of_kind = places[here][kinds[here] == kind] - written
                sources = pa.array(rng.integers(0, rows, len(of_kind)))
                copies = {
                    name: values.take(sources) for name, values in columns.items()
                }
                parts.append(lines_of(spoils[kind](copies)))
                before.append(of_kind)
            if before:
                dirty = np.arange(rows, sum(map(len, parts)))
                order = np.insert(np.arange(rows), np.concatenate(before), dirty)
                lines = pa.concat_arrays(parts).take(pa.array(order))
            stream.write(_bytes_of(lines))
            written += rows
            report(len(lines))
        if is_json:
            stream.seek(-len(b",\n"), io.SEEK_END)
            stream.write(b"\n]\n")


def _csv_lines(columns: Columns) -> pa.Array:
    """One binary value per row: the fields as they are, commas, and a line feed."""
    gaps = {"null_handling": "replace", "null_replacement": b""}
    *fields, last = columns.values()
    ended = pc.binary_join_element_wise(last, b"\n", b"", **gaps)
    return pc.binary_join_element_wise(*fields, ended, b",", **gaps)


def _json_lines(columns: Columns) -> pa.Array:
    """One binary value per row: a JSON object, comma and line feed after it."""

    def shown(value: bytes | float | None) -> str | float | None:
        return value.decode() if isinstance(value, bytes) else value

    rows = zip(*(values.to_pylist() for values in columns.values()), strict=True)
    return pa.array(
        [
            json.dumps(
                {name: shown(value) for name, value in zip(columns, row, strict=True)},
                ensure_ascii=False,
            ).encode()
            + b",\n"
            for row in rows
        ],
        pa.binary(),
    )


def _bytes_of(lines: pa.Array) -> memoryview:
    """All values of a binary array one after the other, without a copy."""
    _, offsets, data = lines.buffers()
    bounds = np.frombuffer(offsets, np.int32)[[lines.offset, lines.offset + len(lines)]]
    return memoryview(data)[bounds[0] : bounds[1]]


# Kinds of dirt


def _instead(column: str, *values: str | None) -> Spoil:
    """Rows with ``values``, by turns, in place of what ``column`` had."""

    def spoil(columns: Columns) -> Columns:
        turns = np.arange(len(columns[column])) % len(values)
        return columns | {column: _pick(list(values), turns)}

    return spoil


def _wrapped(column: str, before: bytes, after: bytes) -> Spoil:
    """Rows with bytes put around what ``column`` had."""
    return lambda columns: columns | {column: _joined(before, columns[column], after)}


def _cut(columns: Columns) -> Columns:
    return dict(list(columns.items())[:2])


def _lengthened(columns: Columns) -> Columns:
    spare = _pick(["spare"], np.zeros(len(next(iter(columns.values()))), np.int64))
    return columns | {"spare": spare, "another": spare}


def _same(columns: Columns) -> Columns:
    return columns


_INTERACTION_DIRT: dict[str, Spoil] = {
    "user_id.required": _instead("user_id", None, "NULL", " "),
    "item_id.required": _instead("item_id", None, "N/A", "nan"),
    "event_type.accepted_values": _instead("event_type", "teleport"),
    "interacted_at.type": _instead("interacted_at", "not-a-time"),
    "interacted_at.maximum": _instead("interacted_at", "2150-01-01T00:00:00Z"),
    "interacted_at.minimum": _instead("interacted_at", "1899-12-30T00:00:00Z"),
    "rating.type": _instead("rating", "five"),
    "rating.maximum": _instead("rating", "1000"),
    DUPLICATE: _same,
    "record.too_few_fields": _cut,
    "record.too_many_fields": _lengthened,
    "record.broken_quoting": _wrapped("user_id", b'"', b'"x'),
    "record.invalid_encoding": _wrapped("user_id", b"", b"\xff"),
}
_ITEM_DIRT: dict[str, Spoil] = {
    "item_id.required": _instead("item_id", None, "none"),
    "price.type": _instead("price", "on request"),
    "price.minimum": _instead("price", "-1.00"),
}
_USER_DIRT: dict[str, Spoil] = {
    "user_id.required": _instead("user_id", None, "undefined"),
    "age.maximum": _instead("age", "200"),
}
_PRODUCT_DIRT: dict[str, Spoil] = {
    "product_id.required": _instead("product_id", None, ""),
    "price.type": _instead("price", "free"),
}
_TRANSACTION_DIRT: dict[str, Spoil] = {
    "quantity.minimum": _instead("quantity", "-1"),
    "timestamp.type": _instead("timestamp", "yesterday"),
    "product_id.required": _instead("product_id", None, "NULL"),
    DUPLICATE: _same,
}


# Columns


def _pick(vocabulary: list[Any] | pa.Array, index: npt.NDArray[Any]) -> pa.Array:
    """The words of ``vocabulary`` (text, or binary values) at the places ``index``."""
    if isinstance(vocabulary, list):
        vocabulary = pa.array(vocabulary, pa.string()).cast(pa.binary())
    return vocabulary.take(pa.array(index))


def _joined(*parts: pa.Array | bytes | str) -> pa.Array:
    """Parts of one value put together row by row; null where a part is null."""
    return pc.binary_join_element_wise(*map(_as_binary, parts), b"")


def _as_binary(part: pa.Array | bytes | str) -> pa.Array | bytes:
    if isinstance(part, str):
        return part.encode()
    if isinstance(part, bytes) or pa.types.is_binary(part.type):
        return part
    return part.cast(pa.string()).cast(pa.binary())


def _keys(prefix: str, first: int, count: int) -> pa.Array:
    """``count`` keys: the prefix and the numbers from ``first``."""
    return _joined(prefix, pa.array(np.arange(first, first + count)))


def _cents(cents: Whole) -> pa.Array:
    """Amounts of money with two decimals, from whole cents."""
    fractions = _pick([f".{n:02d}" for n in range(100)], cents % 100)
    return _joined(pa.array(cents // 100), fractions)


def _quoted(text: pa.Array) -> pa.Array:
    """Text as a quoted CSV field."""
    return _joined('"', pc.replace_substring(text, b'"', b'""'), '"')


def _days(first: dt.date, count: int) -> pa.Array:
    """ISO dates of ``count`` days."""
    stamps = np.datetime64(first, "D") + np.arange(count)
    return pa.array(np.datetime_as_string(stamps)).cast(pa.binary())


@cache
def _clock() -> pa.Array:
    """The second half of an instant, for every second of a day."""
    return pa.array(
        [
            f"T{hour:02d}:{minute:02d}:{second:02d}Z".encode()
            for hour in range(24)
            for minute in range(60)
            for second in range(60)
        ],
        pa.binary(),
    )


def _instants(days: pa.Array, seconds: Whole) -> pa.Array:
    """ISO 8601 instants in UTC, from seconds since the first of ``days`` began."""
    day, second = np.divmod(seconds, 86_400)
    return _joined(_pick(days, day), _pick(_clock(), second))


def _drawn(rng: np.random.Generator, rows: int, shares: list[int]) -> Whole:
    """Numbers 0..len-1, ``shares[i]`` in a hundred of them i."""
    by_hundredth = np.repeat(np.arange(len(shares)), shares)
    return by_hundredth.take(rng.integers(0, 100, rows, np.uint8))


def _zipf(count: int, exponent: float) -> Callable[[np.random.Generator, int], Whole]:
    """Draws ranks 0..count-1 with probabilities like (rank + 1) ** -exponent."""
    weights = np.arange(1, count + 1, dtype=np.float64) ** -exponent
    until = np.cumsum(weights / weights.sum())
    until[-1] = 1.0
    return lambda rng, rows: np.searchsorted(until, rng.random(rows), side="right")


def _minutes(rng: np.random.Generator, rows: int, days: int) -> Iterator[Whole]:
    """The minute of every row since the first day began, ascending, in chunks.

    Activity follows the hour and the weekday. No minute is in two chunks; a chunk has
    CHUNK_ROWS rows at most, unless one minute alone has more.
    """
    weekday = (_first_day(days).weekday() + np.arange(days)) % 7
    by_hour = np.outer(_WEEKDAYS[weekday], _HOURS).ravel()
    by_minute = np.repeat(by_hour, 60)
    counts = rng.multinomial(rows, by_minute / by_minute.sum())
    until = np.cumsum(counts)
    first = written = 0
    while written < rows:
        end = max(
            first + 1, int(np.searchsorted(until, written + CHUNK_ROWS, side="right"))
        )
        if until[end - 1] > written:
            yield np.repeat(np.arange(first, end), counts[first:end])
        first, written = end, int(until[end - 1])


def _first_day(days: int) -> dt.date:
    return LAST_DAY - dt.timedelta(days=days - 1)


def _chunks(count: int) -> Iterator[tuple[int, int]]:
    """Start and length of the chunks of ``count`` rows."""
    for start in range(0, count, CHUNK_ROWS):
        yield start, min(CHUNK_ROWS, count - start)


# Files


def _files(size: SampleSize) -> list[_File]:
    users, items, interactions = size.users, size.items, size.interactions
    shop = [max(1, n // RECOMART_PART) for n in (users, items, interactions)]
    item_prices = _prices(items, size.seed, "canonical")
    product_prices = _prices(shop[1], size.seed, "recomart")
    return [
        _File(
            "canonical/interactions.csv",
            interactions,
            lambda rng: _interactions(rng, size, item_prices),
            _INTERACTION_DIRT,
        ),
        _File(
            "canonical/items.csv",
            items,
            lambda rng: _items(rng, item_prices, size.days),
            _ITEM_DIRT,
        ),
        _File(
            "canonical/users.csv",
            users,
            lambda rng: _users(rng, users, size.days),
            _USER_DIRT,
        ),
        _File(
            "recomart/users.csv",
            shop[0],
            lambda rng: _customers(rng, shop[0], size.days),
            _USER_DIRT,
        ),
        _File(
            "recomart/products.json",
            shop[1],
            lambda rng: _products(rng, product_prices),
            _PRODUCT_DIRT,
        ),
        _File(
            "recomart/transactions.csv",
            shop[2],
            lambda rng: _transactions(rng, shop, size.days, product_prices),
            _TRANSACTION_DIRT,
        ),
    ]


def _interactions(
    rng: np.random.Generator, size: SampleSize, prices: pa.Array
) -> Iterator[Columns]:
    """Distinct interactions by minute; who and what are drawn apart, both by Zipf."""
    # Ranks say who is busy and what is popular; the keys stand in another order.
    order_of_users = rng.permutation(size.users)
    order_of_items = rng.permutation(size.items)
    user_keys = _keys("u", 1, size.users).take(pa.array(order_of_users))
    item_keys = _keys("i", 1, size.items).take(pa.array(order_of_items))
    prices = prices.take(pa.array(order_of_items))
    days = _days(_first_day(size.days), size.days)
    user_of, item_of = (
        _zipf(size.users, USER_EXPONENT),
        _zipf(size.items, ITEM_EXPONENT),
    )
    names = list(EVENT_SHARES)
    spellings = [
        way for name in names for way in (name, name.upper(), name.title(), f" {name} ")
    ]
    may_be_rated = np.array([name in ("like", "purchase") for name in names])
    has_price = np.array([name in ("purchase", "add_to_cart") for name in names])
    ratings = [None, "1", "1.5", "2", "2.5", "3", "3.5", "4.0", "4.5", "5"]

    for minutes in _minutes(rng, size.interactions, size.days):
        rows = len(minutes)
        event = _drawn(rng, rows, list(EVENT_SHARES.values()))
        second = minutes * 60 + rng.integers(0, 60, rows)
        user, item = user_of(rng, rows), item_of(rng, rows)
        while len(again := _repeats((second, event, user, item), size)):
            # Evenly now, so that a few busy pairs cannot make this endless.
            second[again] = minutes[again] * 60 + rng.integers(0, 60, len(again))
            user[again] = rng.integers(0, size.users, len(again))
            item[again] = rng.integers(0, size.items, len(again))

        rated = may_be_rated[event] & (rng.random(rows) < RATED_SHARE)
        stars = 1 + _drawn(rng, rows, [3, 1, 5, 2, 13, 8, 28, 12, 28])
        priced = has_price[event]
        pieces = 1 + _drawn(rng, rows, [70, 18, 7, 3, 2])
        yield {
            "user_id": _pick(user_keys, user),
            "item_id": _pick(item_keys, item),
            "event_type": _pick(
                spellings, event * 4 + _drawn(rng, rows, [97, 1, 1, 1])
            ),
            "rating": _pick(ratings, np.where(rated, stars, 0)),
            "interacted_at": _instants(days, second),
            "device": _pick(
                ["mobile", "web", "tablet", None, "NULL"],
                _drawn(rng, rows, [52, 30, 12, 4, 2]),
            ),
            "quantity": _pick(
                [None, "1", "2", "3", "4", "5"], np.where(priced, pieces, 0)
            ),
            "price": pc.if_else(pa.array(priced), _pick(prices, item), None),
        }


def _repeats(key: tuple[Whole, Whole, Whole, Whole], size: SampleSize) -> Whole:
    """Places of rows whose (second, event, user, item) another row has too.

    The four are packed into 64 bits. Should they overflow, two different rows may be
    taken for the same, which costs a needless redraw; equal ones are always found.
    """
    packed = key[0].astype(np.uint64)
    for part, choices in zip(
        key[1:], (len(EVENT_SHARES), size.users, size.items), strict=True
    ):
        packed = packed * np.uint64(choices) + part.astype(np.uint64)
    ordered = np.sort(packed)
    more_than_once = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    return np.flatnonzero(np.isin(packed, more_than_once))


def _prices(count: int, seed: int, shop: str) -> pa.Array:
    """The price of every item of one shop, as text with two decimals."""
    rng = np.random.Generator(np.random.PCG64([seed, *shop.encode()]))
    cents = np.clip(100 * rng.lognormal(3.0, 0.8, count), 50, 200_000)
    return _cents(cents.astype(np.int64))


def _catalogue(rng: np.random.Generator, start: int, count: int) -> Columns:
    """Title, category, second category (null mostly) and brand of ``count`` items."""
    names = list(_CATEGORIES)
    category = rng.integers(0, len(names), count)
    noun = category * 4 + rng.integers(0, 4, count)
    second = (category + rng.integers(1, len(names), count)) % len(names)
    has_second = pa.array(rng.random(count) < 0.1)
    brands = [*_BRANDS, *_MISSING]
    missing = rng.integers(len(_BRANDS), len(brands), count)
    brand = np.where(
        rng.random(count) < 0.03, missing, rng.integers(0, len(_BRANDS), count)
    )
    return {
        "title": _joined(
            _pick(_ADJECTIVES, rng.integers(0, len(_ADJECTIVES), count)),
            " ",
            _pick([word for nouns in _CATEGORIES.values() for word in nouns], noun),
            _keys(" ", start + 1, count),
            _pick(_EDITIONS, rng.integers(0, len(_EDITIONS), count)),
        ),
        "category": _pick(names, category),
        "second": pc.if_else(has_second, _pick(names, second), None),
        "brand": _pick(brands, brand),
    }


def _items(rng: np.random.Generator, prices: pa.Array, days: int) -> Iterator[Columns]:
    """The catalogue; some items are in two categories, some have no brand."""
    ten_years = _days(_first_day(days) - dt.timedelta(days=3650), 3650)
    for start, rows in _chunks(len(prices)):
        item = _catalogue(rng, start, rows)
        both = _joined(item["category"], "|", item["second"])
        yield {
            "item_id": _keys("i", start + 1, rows),
            "title": _quoted(item["title"]),
            "category": pc.coalesce(both, item["category"]),
            "brand": item["brand"],
            "price": prices.slice(start, rows),
            "released_on": _pick(ten_years, rng.integers(0, 3650, rows)),
        }


def _products(rng: np.random.Generator, prices: pa.Array) -> Iterator[Columns]:
    """The products of the RecoMart shop, prices as numbers."""
    for start, rows in _chunks(len(prices)):
        product = _catalogue(rng, start, rows)
        yield {
            "product_id": _keys("P", start + 1, rows),
            "name": product["title"],
            "category": product["category"],
            "brand": product["brand"],
            "price": prices.slice(start, rows).cast(pa.string()).cast(pa.float64()),
        }


def _person(rng: np.random.Generator, rows: int, days: int) -> Columns:
    """Age, gender, and when registered: in the two years before the sample."""
    ages = [*map(str, range(16, 90)), *_MISSING]
    age = np.clip(rng.normal(24, 14, rows), 0, 73).astype(np.int64)
    missing = rng.integers(74, len(ages), rows)
    two_years = _days(_first_day(days) - dt.timedelta(days=730), 730)
    return {
        "age": _pick(ages, np.where(rng.random(rows) < 0.03, missing, age)),
        "gender": _pick(
            ["f", "m", "x", "F", None], _drawn(rng, rows, [46, 46, 3, 2, 3])
        ),
        "registered_at": _instants(two_years, rng.integers(0, 730 * 86_400, rows)),
    }


def _users(rng: np.random.Generator, count: int, days: int) -> Iterator[Columns]:
    for start, rows in _chunks(count):
        person = _person(rng, rows, days)
        yield {
            "user_id": _keys("u", start + 1, rows),
            "age": person["age"],
            "gender": person["gender"],
            "country": _pick([*_COUNTRIES, None], rng.integers(0, 13, rows)),
            "registered_at": person["registered_at"],
        }


def _customers(rng: np.random.Generator, count: int, days: int) -> Iterator[Columns]:
    for start, rows in _chunks(count):
        person = _person(rng, rows, days)
        cities = _pick(_CITIES, rng.integers(0, len(_CITIES), rows))
        yield {
            "user_id": _keys("C", start + 1, rows),
            "age": person["age"],
            "gender": person["gender"],
            "location": _quoted(cities),
            "signup_date": person["registered_at"],
        }


def _transactions(
    rng: np.random.Generator, shop: list[int], days: int, prices: pa.Array
) -> Iterator[Columns]:
    """Orders by time; one of several rows has other products of the same customer.

    The first product of an order is drawn by Zipf and the others are the next ones by
    popularity, so that no order has a product twice.
    """
    customers, products, rows_in_all = shop
    order_of_products = rng.permutation(products)
    product_keys = _keys("P", 1, products).take(pa.array(order_of_products))
    prices = prices.take(pa.array(order_of_products))
    customer_keys = _keys("C", 1, customers).take(pa.array(rng.permutation(customers)))
    dates = _days(_first_day(days), days)
    customer_of = _zipf(customers, USER_EXPONENT)
    product_of = _zipf(products, ITEM_EXPONENT)
    orders_before = 0
    for minutes in _minutes(rng, rows_in_all, days):
        rows = len(minutes)
        row = np.arange(rows)
        starts = rng.random(rows) < 0.6
        starts[0] = True
        since_start = row - np.maximum.accumulate(np.where(starts, row, 0))
        starts |= since_start % min(3, products) == 0
        first = np.maximum.accumulate(np.where(starts, row, 0))
        order = np.cumsum(starts)
        second = minutes * 60 + rng.integers(0, 60, rows)
        product = (product_of(rng, rows)[first] + row - first) % products
        rated = rng.random(rows) < RATED_SHARE
        stars = 1 + _drawn(rng, rows, [4, 7, 17, 38, 34])
        yield {
            "transaction_id": _joined("T", pa.array(orders_before + order)),
            "user_id": _pick(customer_keys, customer_of(rng, rows)[first]),
            "product_id": _pick(product_keys, product),
            "quantity": _pick(
                ["1", "2", "3", "4", "5"], _drawn(rng, rows, [70, 18, 7, 3, 2])
            ),
            "price": _pick(prices, product),
            "rating": _pick([None, "1", "2", "3", "4", "5"], np.where(rated, stars, 0)),
            "timestamp": _instants(dates, second[first]),
        }
        orders_before += int(order[-1])
