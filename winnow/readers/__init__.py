"""Readers: files of every shape as batches of text records, with what could not be read
beside them.
"""

from winnow.readers.batches import (
    FAULT_SCHEMA,
    POSITION_COLUMNS,
    RAW_RECORD_LENGTH,
    Batch,
    column_name,
    cut_detail,
    normalise_name,
    own_name,
    sha256_of,
)
from winnow.readers.delimited import read_delimited
from winnow.readers.json_records import is_json, read_json
from winnow.readers.layout import TextLayout, find_layout
from winnow.readers.parquet import is_parquet, parquet_columns, read_parquet

__all__ = [
    "FAULT_SCHEMA",
    "POSITION_COLUMNS",
    "RAW_RECORD_LENGTH",
    "Batch",
    "TextLayout",
    "column_name",
    "cut_detail",
    "find_layout",
    "is_json",
    "is_parquet",
    "normalise_name",
    "own_name",
    "parquet_columns",
    "read_delimited",
    "read_json",
    "read_parquet",
    "sha256_of",
]
