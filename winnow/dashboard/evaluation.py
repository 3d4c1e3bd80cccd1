"""What the pages of evaluation share: the choice of scope, metric and k."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pandas as pd
import streamlit as st

LOWER_IS_BETTER = ("rmse", "mae", "mse")
HIGHER_IS_BETTER = ("precision", "recall", "ndcg", "mrr", "map", "hit_rate")

_TITLES = {
    "rmse": "RMSE",
    "mae": "MAE",
    "mse": "MSE",
    "precision": "Precision",
    "recall": "Recall",
    "ndcg": "NDCG",
    "mrr": "MRR",
    "map": "MAP",
    "hit_rate": "Hit rate",
    "coverage": "Coverage of the catalogue",
    "novelty": "Novelty",
    "diversity": "Diversity",
    "popularity_bias": "Popularity bias",
    "exposure_gini": "Gini of exposure",
    "user_coverage": "Coverage of users",
}
"""Metrics by name, in the order of the choice."""


@dataclass(frozen=True)
class Choice:
    """The rows to show: of one scope, one kind of candidates, one metric, one k."""

    split_name: str
    fold: int
    candidates: str
    metric: str
    k: int | None

    @property
    def title(self) -> str:
        """The metric with its k, as papers write it."""
        return metric_title(self.metric, self.k)

    @property
    def note(self) -> str:
        """Which end is better, and what the metrics are of."""
        of = f"Split {self.split_name}, fold {self.fold}."
        if self.candidates == "sampled":
            of += " Sampled: ranked among stored candidates, not among all items."
        if self.metric in LOWER_IS_BETTER:
            return f"Lower is better. {of}"
        return f"Higher is better. {of}" if self.metric in HIGHER_IS_BETTER else of


def metric_title(metric: str, k: Any) -> str:
    """A metric's name with its k, where it has one."""
    title = _TITLES.get(metric, metric.replace("_", " "))
    return title if k is None or pd.isna(k) else f"{title}@{int(k)}"


def choose(rows: pd.DataFrame, key: str) -> tuple[Choice, pd.DataFrame]:
    """Let the reader choose of rows with the columns of a scope, candidates, metric and
    k; the choice and its rows. ``rows`` may not be empty.
    """
    places = st.columns([3, 2, 3, 1])
    scopes = scopes_of(rows)
    split_name, fold = places[0].selectbox(
        "Split",
        scopes,
        format_func=scope_label,
        key=f"{key} scope",
    )
    rows = rows[(rows["split_name"] == split_name) & (rows["fold"] == fold)]
    candidates = places[1].selectbox(
        "Candidates", sorted(set(rows["candidates"])), key=f"{key} candidates"
    )
    rows = rows[rows["candidates"] == candidates]
    known = list(_TITLES)
    metrics = sorted(
        set(rows["metric"]),
        key=lambda name: (known.index(name) if name in known else len(known), name),
    )
    preferred = next((name for name in ("ndcg", "rmse") if name in metrics), metrics[0])
    metric = places[2].selectbox(
        "Metric",
        metrics,
        index=metrics.index(preferred),
        format_func=lambda name: metric_title(name, None),
        key=f"{key} metric",
    )
    rows = rows[rows["metric"] == metric]
    ks = sorted(int(k) for k in rows["k"].dropna().unique())
    k = None
    if ks:
        k = places[3].selectbox(
            "k", ks, index=ks.index(10) if 10 in ks else 0, key=f"{key} k"
        )
        rows = rows[rows["k"] == k]
    else:
        places[3].selectbox("k", ["-"], disabled=True, key=f"{key} no k")
    return Choice(split_name, fold, candidates, metric, k), rows


def scopes_of(rows: pd.DataFrame) -> list[tuple[str, int]]:
    """The splits and folds that there are, in order."""
    pairs = zip(rows["split_name"], rows["fold"], strict=True)
    return sorted({(str(name), int(fold)) for name, fold in pairs})


def scope_label(scope: tuple[str, int]) -> str:
    """A split and its fold, in words."""
    return f"{scope[0]}, fold {scope[1]}"


def model_label(model: str, version: str) -> str:
    """A model with its version, where it has one."""
    return f"{model} {version}" if version else model
