"""Models: every metric of every model, at each k and in each segment."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from winnow.dashboard import charts, data, evaluation, frame
from winnow.dashboard.data import Generation
from winnow.dashboard.evaluation import Choice

TABLE = "evaluation.model_metrics"

_TENANTS = "select distinct tenant_id from evaluation.model_metrics order by tenant_id"

_METRICS = """
select
    split_name, fold, model, coalesce(model_version, '') as model_version, candidates,
    metric, segment_kind, segment, k, user_count, value
from evaluation.model_metrics
where tenant_id = $1
order by all
"""

_SEGMENTS = {
    "activity": "user's activity",
    "popularity": "user's taste",
    "user_age": "user's age",
}
# Names of segments, the least first.
_RISING = [
    *("no_history", "new", "old", "low", "medium", "high"),
    *("niche", "diverse", "blockbuster"),
]
_NOTHING = (
    "No model has been evaluated yet: `winnow build` evaluates the baselines, and "
    "`winnow load canonical FILE --entity predictions` brings what a model predicted."
)


def models(generation: Generation, tenant: str | None) -> None:
    """Draw the page."""
    data.require(generation, TABLE)
    names = [str(name) for name in data.read(generation, _TENANTS)["tenant_id"]]
    if not names:
        frame.nothing(_NOTHING)
        return
    tenant = frame.one_tenant(generation, names, tenant)
    metrics = data.read(generation, _METRICS, [tenant])
    if metrics.empty:
        frame.nothing(f"Tenant {tenant} has none. {_NOTHING}")
        return
    metrics["label"] = [
        evaluation.model_label(model, version)
        for model, version in zip(
            metrics["model"], metrics["model_version"], strict=True
        )
    ]
    everybody = metrics[metrics["segment_kind"] == "all"]
    choice, rows = evaluation.choose(everybody, "models")
    order = _best_first(rows, choice)
    frame.picture(_bars(rows, order, choice), choice.title, choice.note)
    scope = metrics[
        (metrics["split_name"] == choice.split_name)
        & (metrics["fold"] == choice.fold)
        & (metrics["candidates"] == choice.candidates)
    ]
    of_metric = scope[scope["metric"] == choice.metric]
    by_k = of_metric[of_metric["segment_kind"] == "all"]
    if by_k["k"].nunique() > 1:
        frame.picture(_by_k(by_k), f"{choice.title.split('@')[0]} by k")
    _segments(of_metric, choice)
    _table(scope[scope["segment_kind"] == "all"])


def _best_first(rows: pd.DataFrame, choice: Choice) -> list[str]:
    lower = choice.metric in evaluation.LOWER_IS_BETTER
    ranked = rows.sort_values(["value", "label"], ascending=[lower, True])
    return [str(label) for label in ranked["label"]]


def _bars(rows: pd.DataFrame, order: list[str], choice: Choice) -> Any:
    ranked = rows.set_index("label").loc[order].reset_index()
    return charts.labelled_bars(
        ranked,
        value="value",
        label="label",
        value_title=choice.title,
        number_format=".4f",
        axis_format="~g",
        tooltip=[
            alt.Tooltip("label:N", title="model"),
            alt.Tooltip("value:Q", title=choice.title, format=".6f"),
            alt.Tooltip("user_count:Q", title="users", format=","),
        ],
    )


def _by_k(rows: pd.DataFrame) -> Any:
    names = sorted(set(rows["label"]))
    base = alt.Chart(rows).encode(
        x=alt.X("k:O", title="k", axis=alt.Axis(labelAngle=0)),
        y=alt.Y("value:Q", title="value", axis=alt.Axis(tickCount=6)),
        color=alt.Color("label:N", scale=charts.series(names)),
        tooltip=[
            alt.Tooltip("label:N", title="model"),
            alt.Tooltip("k:O"),
            alt.Tooltip("value:Q", format=".6f"),
        ],
    )
    points = base.mark_point(filled=True, size=80, opacity=1).encode(
        shape=alt.Shape("label:N", scale=alt.Scale(domain=names))
    )
    return charts.finish((base.mark_line() + points).properties(height=280))


def _segments(rows: pd.DataFrame, choice: Choice) -> None:
    segments = rows[rows["segment_kind"] != "all"].copy()
    if choice.k is not None:
        segments = segments[segments["k"] == choice.k]
    if segments.empty:
        return
    segments["place"] = [
        _segment_label(kind, segment)
        for kind, segment in zip(
            segments["segment_kind"], segments["segment"], strict=True
        )
    ]
    pairs = sorted(set(zip(segments["segment_kind"], segments["segment"], strict=True)))
    pairs.sort(key=lambda pair: (pair[0], _segment_place(pair[1])))
    order = [_segment_label(kind, segment) for kind, segment in pairs]
    frame.picture(_segment_chart(segments, order, choice), f"{choice.title} by segment")


def _segment_label(kind: str, segment: str) -> str:
    return f"{_SEGMENTS.get(kind, kind)}: {segment.replace('_', ' ')}"


def _segment_place(segment: str) -> int:
    return _RISING.index(segment) if segment in _RISING else len(_RISING)


def _segment_chart(rows: pd.DataFrame, order: list[str], choice: Choice) -> Any:
    names = sorted(set(rows["label"]))
    chart = (
        alt.Chart(rows)
        .mark_point(filled=True, size=110, opacity=0.9)
        .encode(
            x=alt.X(
                "value:Q", title=choice.title, scale=alt.Scale(zero=False, padding=12)
            ),
            y=alt.Y("place:N", sort=order, title=None, axis=alt.Axis(grid=True)),
            color=alt.Color("label:N", scale=charts.series(names)),
            shape=alt.Shape("label:N", scale=alt.Scale(domain=names)),
            tooltip=[
                alt.Tooltip("label:N", title="model"),
                alt.Tooltip("place:N", title="segment"),
                alt.Tooltip("value:Q", title=choice.title, format=".6f"),
                alt.Tooltip("user_count:Q", title="users", format=","),
            ],
        )
        .properties(height=charts.height(len(order), 30) + 40)
    )
    return charts.finish(chart)


def _table(rows: pd.DataFrame) -> None:
    st.subheader("All metrics", anchor=False)
    named = rows.assign(
        metric=[
            evaluation.metric_title(metric, k)
            for metric, k in zip(rows["metric"], rows["k"], strict=True)
        ]
    )
    wide = named.pivot_table(
        index="metric", columns="label", values="value", sort=False, aggfunc="first"
    )
    st.dataframe(
        wide,
        placeholder="",
        column_config={
            name: st.column_config.NumberColumn(format="%.4f") for name in wide.columns
        },
    )


if __name__ == "__main__":
    frame.show("Models", models)
