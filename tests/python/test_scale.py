"""Millions of rows: memory stays flat, and the build stays exact."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from homes import make_environment, make_winnow, query

from benchmarks.load_and_build import run
from winnow.demo.sample_data import SampleSize, write_sample_data

ROWS = 3_000_000


@pytest.mark.scale
def test_millions_of_rows_load_in_flat_memory_and_build_exactly(tmp_path: Path) -> None:
    out = tmp_path / "sample"
    size = SampleSize(users=50_000, items=20_000, interactions=ROWS)
    manifest = write_sample_data(out, size)
    data = out / "canonical" / "interactions.csv"
    loaded = run(
        [sys.executable, "-m", "winnow", "load", "canonical", data],
        make_environment(tmp_path),
        tmp_path / "load.log",
    )
    assert loaded.peak_gib < 2
    make_winnow(tmp_path)("build")
    expected = manifest["files"]["canonical/interactions.csv"]
    rejected = sum(expected["rejected"].values())
    assert query(
        tmp_path,
        "select landed_count, accepted_count, rejected_count, duplicate_count "
        "from quality.reconciliation",
    ) == [(expected["records"], ROWS, rejected, expected["duplicates"])]
    assert query(
        tmp_path,
        "select negatives = 4 * positives - shortfall and positives > 1000000 "
        "from training.dataset_statistics",
    ) == [(True,)]
