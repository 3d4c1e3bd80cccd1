"""MovieLens: ml-latest (CSV), ml-1m and ml-10m (``::``), ml-100k (``u.*``)."""

from __future__ import annotations

import codecs
import gzip
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc

from winnow.readers import Batch, TextLayout
from winnow.readers.source_files import ReadOptions, SourceFile, plain_name

_CSV = {
    "ratings.csv": "ratings",
    "movies.csv": "movies",
    "tags.csv": "tags",
    "users.csv": "users",
}

_GENRE_FLAGS = tuple(f"genre_{number}" for number in range(19))

# name: entity, delimiter, columns in the order of the file
_HEADERLESS: dict[str, tuple[str, str, tuple[str, ...]]] = {
    "ratings.dat": ("ratings", "::", ("user_id", "movie_id", "rating", "timestamp")),
    "movies.dat": ("movies", "::", ("movie_id", "title", "genres")),
    "tags.dat": ("tags", "::", ("user_id", "movie_id", "tag", "timestamp")),
    "users.dat": (
        "users",
        "::",
        ("user_id", "gender", "age", "occupation", "zip_code"),
    ),
    "u.data": ("ratings", "\t", ("user_id", "movie_id", "rating", "timestamp")),
    "u.item": (
        "movies",
        "|",
        (
            "movie_id",
            "title",
            "release_date",
            "video_release_date",
            "imdb_url",
            *_GENRE_FLAGS,
        ),
    ),
    "u.user": ("users", "|", ("user_id", "age", "gender", "occupation", "zip_code")),
}

READS = ", ".join((*_CSV, *_HEADERLESS))


def recognise(path: Path, options: ReadOptions) -> SourceFile | None:
    """A MovieLens file by its name; anything else in a release's folder is None."""
    name = plain_name(path)
    if name in _CSV:
        return SourceFile(path, _CSV[name])
    if name not in _HEADERLESS:
        return None
    entity, delimiter, columns = _HEADERLESS[name]
    if options.header or options.mapping:
        return SourceFile(path, entity)
    layout = TextLayout(
        delimiter=options.delimiter or delimiter,
        encoding=options.encoding or _encoding_of(path),
        quoting=False,
        header=False,
        columns=columns,
    )
    reshape = _join_genre_flags if name == "u.item" else None
    return SourceFile(path, entity, layout, reshape)


def _encoding_of(path: Path) -> str:
    """UTF-8 where the whole file is (ml-10m), else Latin-1 (ml-100k, ml-1m)."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    with path.open("rb") as raw:
        zipped = raw.read(2) == b"\x1f\x8b"
    try:
        with gzip.open(path) if zipped else path.open("rb") as file:
            while chunk := file.read(1 << 20):
                decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "latin-1"
    except (OSError, EOFError):
        return "utf-8"  # broken gzip: the reader says what is wrong with it
    return "utf-8"


def _join_genre_flags(batches: Iterator[Batch]) -> Iterator[Batch]:
    for batch in batches:
        records: pa.Table = batch.records
        flags = (records[name] for name in _GENRE_FLAGS)
        joined = pc.binary_join_element_wise(*flags, "|")
        records = records.append_column("genre_flags", joined)
        yield batch._replace(records=records.drop_columns(list(_GENRE_FLAGS)))
