"""Readers: files of every shape as batches of text records, with what could not be read
beside them.
"""

from ingest.readers.batches import (
    FAULT_SCHEMA,
    POSITION_COLUMNS,
    RAW_RECORD_LENGTH,
    Batch,
    cut_detail,
    normalise_name,
    sha256_of,
)
from ingest.readers.delimited import read_delimited
from ingest.readers.json_records import read_json
from ingest.readers.layout import TextLayout, find_layout
from ingest.readers.parquet import parquet_columns, read_parquet

__all__ = [
    "FAULT_SCHEMA",
    "POSITION_COLUMNS",
    "RAW_RECORD_LENGTH",
    "Batch",
    "TextLayout",
    "cut_detail",
    "find_layout",
    "normalise_name",
    "parquet_columns",
    "read_delimited",
    "read_json",
    "read_parquet",
    "sha256_of",
]
