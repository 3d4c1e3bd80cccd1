"""The published baselines of ml-100k, from the real files through the real models."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks import evaluate_ml100k
from benchmarks.evaluate_ml100k import Figure, evaluate, scratch_settings, table_of
from winnow.core.errors import InputError


def silent(_what: str) -> None:
    """Say nothing."""


def measured_of(figures: list[Figure]) -> dict[tuple[str, str, str], float]:
    """What was measured, by experiment, model and metric; all must agree."""
    assert not [one for one in figures if not one.agrees]
    return {(one.experiment, one.model, one.metric): one.measured for one in figures}


@pytest.mark.scale
def test_the_random_split_of_recommenders_gives_its_published_figures(
    real_data: Callable[[str], Path], tmp_path: Path
) -> None:
    settings = scratch_settings(tmp_path)
    figures = evaluate(real_data("ml-100k"), settings, silent, "recommenders")
    assert measured_of(figures) == {
        ("recommenders", "user_mean", "rmse"): pytest.approx(1.044885, abs=5e-7),
        ("recommenders", "user_mean", "mae"): pytest.approx(0.836925, abs=5e-7),
        ("recommenders", "most_popular", "precision"): pytest.approx(0.2246, abs=1e-3),
        ("recommenders", "most_popular", "recall"): pytest.approx(0.1117, abs=1e-3),
        ("recommenders", "most_popular", "ndcg"): pytest.approx(0.2529, abs=1e-3),
    }


@pytest.mark.scale
def test_every_published_figure_is_reproduced(
    real_data: Callable[[str], Path], tmp_path: Path
) -> None:
    said: list[str] = []
    settings = scratch_settings(tmp_path)
    figures = evaluate(real_data("ml-100k"), settings, said.append)
    assert len(figures) == 13
    found = measured_of(figures)
    assert found["u1", "user_mean", "rmse"] == pytest.approx(1.062995, abs=5e-7)
    assert found["u1", "user_mean", "mae"] == pytest.approx(0.850191, abs=5e-7)
    assert found["five-fold", "bias", "rmse"] == pytest.approx(0.944, abs=5e-4)
    assert found["five-fold", "bias", "mae"] == pytest.approx(0.748, abs=5e-4)
    assert table_of(figures).count("\n") == 14
    assert said[-1] == "building"


def test_a_figure_that_is_too_far_off_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "u.data").touch()
    near = Figure("u1", "user_mean", "rmse", 1.063, 1.0626, 5e-4, "digits")
    far = replace(near, measured=1.0624)
    assert near.agrees and not far.agrees
    monkeypatch.setattr("sys.argv", ["evaluate", "--data", str(tmp_path)])
    monkeypatch.setattr(evaluate_ml100k, "evaluate", lambda *_: [near])
    assert evaluate_ml100k.main() == 0
    monkeypatch.setattr(evaluate_ml100k, "evaluate", lambda *_: [near, far])
    assert evaluate_ml100k.main() == 1
    out, err = capsys.readouterr()
    assert "| u1 | user_mean | rmse | 1.063 | 1.062400 |" in out
    assert err == ("rmse of user_mean (u1) is 1.062400, published is 1.063.\n")


def test_without_the_data_one_sentence_and_status_2(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("sys.argv", ["evaluate", "--data", str(tmp_path)])
    assert evaluate_ml100k.main() == 2
    assert capsys.readouterr().err == (
        f"There is no ml-100k in {tmp_path}: no u.data.\n"
    )
    (tmp_path / "u.data").write_text("1\t1\t5\t0\n")
    with pytest.raises(InputError, match=r"u1\.base cannot be read"):
        evaluate(tmp_path, scratch_settings(tmp_path / "scratch"), silent)
