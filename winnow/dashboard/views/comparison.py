"""A/B results: models against each other, with intervals and verdicts."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from winnow.dashboard import charts, data, evaluation, frame
from winnow.dashboard.data import Generation
from winnow.dashboard.evaluation import Choice
from winnow.dashboard.text import prose

TABLE = "evaluation.model_comparisons"
DAILY = "evaluation.daily_comparisons"
BUSINESS = "evaluation.business_metrics"
RATIOS = "evaluation.sample_ratio_checks"

_TENANTS = (
    "select distinct tenant_id from evaluation.model_comparisons order by tenant_id"
)
_COMPARISONS = """
select * exclude (tenant_id)
from evaluation.model_comparisons
where tenant_id = $1
order by all
"""
_DAILY = """
select * exclude (tenant_id)
from evaluation.daily_comparisons
where
    tenant_id = $1 and split_name = $2 and fold = $3 and candidates = $4
    and metric = $5 and k is not distinct from $6
order by day, model_a, model_version_a, model_b, model_version_b
"""
_BUSINESS = """
select * exclude (tenant_id, split_name, fold, candidates)
from evaluation.business_metrics
where tenant_id = $1 and split_name = $2 and fold = $3 and candidates = $4
order by model, model_version
"""
_RATIOS = """
select * exclude (tenant_id)
from evaluation.sample_ratio_checks
where tenant_id = $1
order by model
"""

_NOTHING = (
    "No models have been compared yet: two are needed. `winnow build` makes the "
    "baselines, and `winnow load canonical FILE --entity predictions` brings a model's "
    "own predictions."
)
_MOST_PAIRS = 40

_VERDICTS = {
    "B better": charts.BLUE,
    "B worse": charts.VERMILLION,
    "different, neither end is better": charts.PURPLE,
    "no difference shown": charts.GREY,
}
_BETTER, _WORSE, _DIFFERENT, _OPEN = _VERDICTS
_SHAPES = ["triangle-right", "triangle-left", "diamond", "circle"]

_METRICS = {
    "revenue_per_user": ("Revenue per user", ",.2f"),
    "conversion_rate": ("Conversion rate", ".2%"),
    "satisfaction_share": ("Satisfaction (share of good ratings)", ".2%"),
    "daily_active_users": ("Daily active users", ",.1f"),
}
# Metrics of what was bought. (Streamlit draws a text that stands alone.)
_SOLD = ("revenue_per_user", "conversion_rate")


def comparison(generation: Generation, tenant: str | None) -> None:
    """Draw the page."""
    data.require(generation, TABLE)
    names = [str(name) for name in data.read(generation, _TENANTS)["tenant_id"]]
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
    if rows.empty:
        frame.nothing("No pair has been chosen: `winnow build` compares all of them.")
        return
    rows = _shown(rows)
    note = (
        "B minus A per user: the mean and its 95 % intervals, each by itself (thick: "
        f"paired t; thin: bootstrap). The colour is after Holm. {choice.note}"
    )
    if len(rows) > _MOST_PAIRS:
        note = f"The {_MOST_PAIRS} clearest of {len(rows):,} pairs. {note}"
        rows = rows.head(_MOST_PAIRS)
    frame.picture(_forest(rows, choice), f"{choice.title}: B minus A", note)
    _verdicts(rows)
    _looks(generation, tenant, choice, rows)
    _business(generation, tenant, choice)
    _ratios(generation, tenant)


def _shown(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with the kind of their verdict, the surest first."""
    rows = rows.copy()
    is_shown = rows["is_significant"].fillna(False).astype(bool)
    gain = (
        rows["difference"]
        .astype(float)
        .where(rows["better_when"] != "lower", -rows["difference"].astype(float))
    )
    has_direction = rows["better_when"].notna()
    rows["kind"] = _OPEN
    rows.loc[is_shown & has_direction & (gain > 0), "kind"] = _BETTER
    rows.loc[is_shown & has_direction & (gain < 0), "kind"] = _WORSE
    rows.loc[is_shown & ~has_direction, "kind"] = _DIFFERENT
    rows["pair"] = rows["label_b"] + " (B), " + rows["label_a"] + " (A)"
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
                range=_SHAPES,
            ),
        ),
    )
    layers = zero + bootstrap + interval + points
    return charts.finish(layers.properties(height=charts.height(len(rows), 34) + 40))


def _verdicts(rows: pd.DataFrame) -> None:
    st.subheader("Verdicts", anchor=False)
    st.dataframe(
        rows[
            [
                *("verdict", "label_a", "label_b", "improvement_percent", "mean_a"),
                *("mean_b", "difference", "interval_low", "interval_high"),
                *("bootstrap_low", "bootstrap_high", "p_value", "p_value_holm"),
                *("effect_size", "user_count"),
            ]
        ],
        hide_index=True,
        placeholder="",
        column_config={
            "label_a": "A",
            "label_b": "B",
            "verdict": _sentences(rows["verdict"]),
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


def _sentences(column: pd.Series) -> Any:
    """A column of sentences, wide enough for the longest."""
    longest = int(column.fillna("").str.len().max()) if len(column) else 0
    return st.column_config.TextColumn(width=min(900, max(160, 7 * longest + 24)))


def _looks(
    generation: Generation, tenant: str, choice: Choice, pairs: pd.DataFrame
) -> None:
    """How the difference of a pair went as the days brought more users."""
    if DAILY not in data.tables(generation):
        return
    daily = data.read(
        generation,
        _DAILY,
        [
            *(tenant, choice.split_name, choice.fold, choice.candidates),
            *(choice.metric, choice.k),
        ],
    )
    if daily.empty:
        return
    names = list(pairs["pair"])
    keys = ["model_a", "model_version_a", "model_b", "model_version_b"]
    pair = st.selectbox("Day by day", names, key="daily pair")
    chosen = pairs[pairs["pair"] == pair].iloc[0]
    days = daily[(daily[keys] == chosen[keys].to_list()).all(axis=1)]
    if days.empty:
        st.caption("No looks by day are there for this pair.")
        return
    frame.picture(
        _looks_chart(days, choice),
        f"{choice.title}, day by day: {pair}",
        "B minus A of the users that had come by each day, with its 95 % interval. "
        "Whoever stops at the first day that looks good finds differences that are not "
        "there; a triangle is shown even so.",
    )


def _looks_chart(days: pd.DataFrame, choice: Choice) -> Any:
    title = f"{choice.title}, B - A"
    shown = days.assign(
        finding=days["is_significant"]
        .fillna(False)
        .map({True: "difference shown", False: "not shown"})
    )
    base = alt.Chart(shown).encode(
        x=alt.X("day:O", title="day", axis=alt.Axis(labelAngle=0))
    )
    band = base.mark_area(opacity=0.25, color=charts.BLUE).encode(
        y=alt.Y("interval_low:Q", title=title), y2="interval_high:Q"
    )
    line = base.mark_line(color=charts.BLUE).encode(
        y=alt.Y("difference:Q", title=title)
    )
    findings = {"difference shown": charts.ORANGE, "not shown": charts.GREY}
    points = base.mark_point(filled=True, size=90, opacity=1).encode(
        y=alt.Y("difference:Q", title=title),
        color=alt.Color("finding:N", scale=charts.colours(findings)),
        shape=alt.Shape(
            "finding:N",
            scale=alt.Scale(domain=list(findings), range=["triangle-up", "circle"]),
        ),
        tooltip=[
            alt.Tooltip("day:O"),
            alt.Tooltip("user_count:Q", title="users", format=","),
            alt.Tooltip("difference:Q", format="+.5f"),
            alt.Tooltip("interval_low:Q", title="95 % from", format="+.5f"),
            alt.Tooltip("interval_high:Q", title="95 % to", format="+.5f"),
            alt.Tooltip("p_value:Q", title="p", format=".3g"),
            alt.Tooltip("verdict:N"),
        ],
    )
    zero = (
        alt.Chart(pd.DataFrame({"y": [0.0]}))
        .mark_rule(color=charts.GREY, strokeDash=[4, 3])
        .encode(y=alt.Y("y:Q", title=title))
    )
    return charts.finish((band + zero + line + points).properties(height=280))


def _business(generation: Generation, tenant: str, choice: Choice) -> None:
    if BUSINESS not in data.tables(generation):
        return
    rows = data.read(
        generation,
        _BUSINESS,
        [tenant, choice.split_name, choice.fold, choice.candidates],
    )
    metrics = [column for column in _METRICS if rows[column].notna().any()]
    if not metrics:
        return
    # Where nobody bought anything, there is nothing to compare in bars of no length.
    drawn = [
        column for column in metrics if column not in _SOLD or (rows[column] > 0).any()
    ]
    rows["label"] = [
        evaluation.model_label(model, "" if pd.isna(version) else version)
        for model, version in zip(rows["model"], rows["model_version"], strict=True)
    ]
    st.subheader("Business view", anchor=False)
    if "conversion_rate" in metrics and "conversion_rate" not in drawn:
        st.caption(
            "No purchase is put down to a list, so that there is no conversion to draw."
        )
    if drawn:
        _business_bars(rows, drawn)
    described = data.tables(generation)[BUSINESS]
    frame.table(
        rows.drop(columns=["label"]),
        {
            column.name: st.column_config.Column(help=prose(column.description) or None)
            for column in described.columns
            if column.name in rows.columns
        },
    )


def _business_bars(rows: pd.DataFrame, metrics: list[str]) -> None:
    metric = st.selectbox(
        "Metric",
        metrics,
        format_func=lambda column: _METRICS[column][0],
        key="business",
    )
    title, number_format = _METRICS[metric]
    measured = rows[rows[metric].notna()].sort_values(
        [metric, "label"], ascending=[False, True]
    )
    st.altair_chart(
        charts.labelled_bars(
            measured,
            value=metric,
            label="label",
            value_title=title,
            colour=charts.GREEN,
            number_format=number_format,
            axis_format="~%" if number_format.endswith("%") else "~s",
        ),
        width="stretch",
        alt=title,
    )


def _ratios(generation: Generation, tenant: str) -> None:
    """Whether the users of an experiment fell to its models as planned."""
    if RATIOS not in data.tables(generation):
        return
    rows = data.read(generation, _RATIOS, [tenant])
    if rows.empty:
        return
    st.subheader("Shares of the users", anchor=False)
    for verdict in rows[rows["is_mismatch"].fillna(False)]["verdict"].unique():
        frame.failed(str(verdict))
    frame.table(rows, {"verdict": _sentences(rows["verdict"])})


if __name__ == "__main__":
    frame.show("A/B results", comparison)
