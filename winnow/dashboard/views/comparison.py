"""A/B results: models against each other, with intervals and verdicts."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from winnow.dashboard import charts, data, evaluation, frame
from winnow.dashboard.data import Generation
from winnow.dashboard.evaluation import Choice

TABLE = "evaluation.model_comparisons"
BUSINESS = "evaluation.business_metrics"

_TENANTS = (
    "select distinct tenant_id from evaluation.model_comparisons order by tenant_id"
)
_COMPARISONS = """
select * exclude (tenant_id)
from evaluation.model_comparisons
where tenant_id = $1
order by all
"""
_BUSINESS = """
select * exclude (tenant_id)
from evaluation.business_metrics
where tenant_id = $1
order by all
"""

_NOTHING = (
    "No models have been compared yet: two are needed. `winnow build` makes the "
    "baselines, and `winnow load canonical FILE --entity predictions` brings a model's "
    "own predictions."
)
_MOST_PAIRS = 40
_ALPHA = 0.05

BETTER, WORSE, OPEN = "B better", "B worse", "no difference shown"
_VERDICTS = {BETTER: charts.BLUE, WORSE: charts.VERMILLION, OPEN: charts.GREY}


def comparison(generation: Generation, tenant: str | None) -> None:
    """Draw the page."""
    data.require(generation, TABLE)
    names = [str(one) for one in data.read(generation, _TENANTS)["tenant_id"]]
    if not names:
        frame.nothing(_NOTHING)
        return
    tenant = frame.one_tenant(generation, names, tenant)
    pairs = data.read(generation, _COMPARISONS, [tenant])
    if pairs.empty:
        frame.nothing(f"Tenant {tenant} has none. {_NOTHING}")
        return
    for side in ("a", "b"):
        pairs[f"label_{side}"] = [
            evaluation.model_label(model, "" if pd.isna(version) else version)
            for model, version in zip(
                pairs[f"model_{side}"], pairs[f"model_version_{side}"], strict=True
            )
        ]
    choice, rows = evaluation.choose(pairs, "comparison")
    models = sorted({*rows["label_a"], *rows["label_b"]})
    only = st.multiselect("Only pairs with", models, key="comparison models")
    if only:
        rows = rows[rows["label_a"].isin(only) | rows["label_b"].isin(only)]
    rows = _shown(rows, choice)
    note = (
        "B minus A per user: the mean, its 95 % interval (thick: paired t; thin: "
        f"bootstrap). {choice.note}"
    )
    if len(rows) > _MOST_PAIRS:
        note = f"The {_MOST_PAIRS} clearest of {len(rows):,} pairs. {note}"
        rows = rows.head(_MOST_PAIRS)
    frame.picture(_forest(rows, choice), f"{choice.title}: differences of means", note)
    st.subheader("Verdicts", anchor=False)
    _verdicts(rows)
    _business(generation, tenant)


def _shown(rows: pd.DataFrame, choice: Choice) -> pd.DataFrame:
    """The rows with their verdict's kind, the surest first."""
    sign = -1 if choice.metric in evaluation.LOWER_IS_BETTER else 1
    rows = rows.copy()
    gain = sign * rows["difference"].astype(float)
    is_sure = rows["p_value_holm"].astype(float) < _ALPHA
    rows["kind"] = OPEN
    rows.loc[is_sure & (gain > 0), "kind"] = BETTER
    rows.loc[is_sure & (gain < 0), "kind"] = WORSE
    rows["pair"] = rows["label_b"] + "  (B) against  " + rows["label_a"] + "  (A)"
    return rows.sort_values(["p_value_holm", "pair"], na_position="last")


def _forest(rows: pd.DataFrame, choice: Choice) -> Any:
    base = alt.Chart(rows).encode(
        y=alt.Y("pair:N", sort=list(rows["pair"]), title=None),
        color=alt.Color(
            "kind:N", scale=charts.colours(_VERDICTS), legend=charts.legend()
        ),
        tooltip=[
            alt.Tooltip("label_a:N", title="A"),
            alt.Tooltip("label_b:N", title="B"),
            alt.Tooltip("mean_a:Q", title="mean of A", format=".5f"),
            alt.Tooltip("mean_b:Q", title="mean of B", format=".5f"),
            alt.Tooltip("difference:Q", format="+.5f"),
            alt.Tooltip("improvement_percent:Q", title="improvement %", format="+.2f"),
            alt.Tooltip("interval_low:Q", title="95 % from", format="+.5f"),
            alt.Tooltip("interval_high:Q", title="95 % to", format="+.5f"),
            alt.Tooltip("p_value_holm:Q", title="p after Holm", format=".3g"),
            alt.Tooltip("effect_size:Q", title="effect size", format="+.3f"),
            alt.Tooltip("user_count:Q", title="users", format=","),
        ],
    )
    title = f"difference of {choice.title} (B - A)"
    zero = (
        alt.Chart(pd.DataFrame({"x": [0.0]}))
        .mark_rule(color=charts.GREY, strokeDash=[4, 3])
        .encode(x=alt.X("x:Q", title=title))
    )
    bootstrap = base.mark_rule(strokeWidth=1.5).encode(
        x=alt.X("bootstrap_low:Q", title=title), x2="bootstrap_high:Q"
    )
    interval = base.mark_rule(strokeWidth=5, opacity=0.55).encode(
        x=alt.X("interval_low:Q", title=title), x2="interval_high:Q"
    )
    points = base.mark_point(filled=True, size=110, opacity=1).encode(
        x=alt.X("difference:Q", title=title),
        shape=alt.Shape(
            "kind:N",
            scale=alt.Scale(
                domain=list(_VERDICTS),
                range=["triangle-right", "triangle-left", "circle"],
            ),
        ),
    )
    layers = zero + bootstrap + interval + points
    return charts.finish(layers.properties(height=charts.height(len(rows), 34) + 40))


def _verdicts(rows: pd.DataFrame) -> None:
    st.dataframe(
        rows[
            [
                *("label_a", "label_b", "verdict", "improvement_percent", "mean_a"),
                *("mean_b", "difference", "interval_low", "interval_high"),
                *("bootstrap_low", "bootstrap_high", "p_value", "p_value_holm"),
                *("effect_size", "user_count"),
            ]
        ],
        hide_index=True,
        column_config={
            "label_a": "A",
            "label_b": "B",
            "verdict": st.column_config.TextColumn(width="large"),
            "improvement_percent": st.column_config.NumberColumn(
                "improvement", format="%+.2f %%"
            ),
            **{
                name: st.column_config.NumberColumn(name.replace("_", " "), format=form)
                for name, form in {
                    "mean_a": "%.5f",
                    "mean_b": "%.5f",
                    "difference": "%+.5f",
                    "interval_low": "%+.5f",
                    "interval_high": "%+.5f",
                    "bootstrap_low": "%+.5f",
                    "bootstrap_high": "%+.5f",
                    "p_value": "%.4g",
                    "p_value_holm": "%.4g",
                    "effect_size": "%+.3f",
                    "user_count": "localized",
                }.items()
            },
        },
    )


def _business(generation: Generation, tenant: str) -> None:
    """The business view, in whatever columns it has."""
    if BUSINESS not in data.tables(generation):
        return
    rows = data.read(generation, _BUSINESS, [tenant])
    if rows.empty:
        return
    st.subheader("Business view", anchor=False)
    st.caption(data.tables(generation)[BUSINESS].description)
    st.dataframe(
        rows,
        hide_index=True,
        column_config={
            one.name: st.column_config.Column(help=one.description or None)
            for one in data.tables(generation)[BUSINESS].columns
        },
    )


if __name__ == "__main__":
    frame.show("A/B results", comparison)
