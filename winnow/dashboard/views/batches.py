"""Batches: how far a tenant's test split has been replayed as days of traffic."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from winnow.dashboard import charts, data, evaluation, frame
from winnow.dashboard.data import Generation

TABLE = "evaluation.batch_progress"

_TENANTS = "select distinct tenant_id from evaluation.batch_progress order by tenant_id"
_DAYS = """
select
    split_name, fold, day, state, rows, seconds, rows_per_second, error_rate,
    quality_score, message, started_at, finished_at
from evaluation.batch_progress
where tenant_id = $1
order by split_name, fold, day
"""
_NOTHING = (
    "No batches are planned: `winnow batches plan` cuts the test split into days, "
    "`winnow batches simulate` runs them, and `winnow publish` shows them here."
)
_COLOURS = {"done": charts.BLUE, "failed": charts.VERMILLION, "running": charts.ORANGE}
_METRICS = {
    "seconds": "seconds",
    "rows_per_second": "rows per second",
    "error_rate": "error rate",
    "quality_score": "quality score",
}
_AXES = {
    "seconds": ",.4~f",
    "rows_per_second": "~s",
    "error_rate": ".1~%",
    "quality_score": ".4~f",
}


def batches(generation: Generation, tenant: str | None) -> None:
    """Draw the page."""
    data.require(generation, TABLE)
    names = [
        str(tenant_id) for tenant_id in data.read(generation, _TENANTS)["tenant_id"]
    ]
    if not names:
        frame.nothing(_NOTHING)
        return
    tenant = frame.one_tenant(generation, names, tenant)
    days = data.read(generation, _DAYS, [tenant])
    if days.empty:
        frame.nothing(f"Tenant {tenant} has none. {_NOTHING}")
        return
    scopes = evaluation.scopes_of(days)
    name, fold = scopes[0]
    if len(scopes) > 1:
        name, fold = st.selectbox("Split", scopes, format_func=evaluation.scope_label)
    days = days[(days["split_name"] == name) & (days["fold"] == fold)]
    _tiles(days)
    for day in days[days["state"] == "failed"].itertuples():
        frame.failed(
            f"Day {day.day} failed: {day.message or 'it does not say why'} "
            "`winnow batches run --continue` goes on from there."
        )
    frame.picture(
        _rows_chart(days),
        "Rows of each day",
        f"Split {name}, fold {fold}: what of its test data each day brings.",
    )
    measured = [column for column in _METRICS if days[column].notna().any()]
    for first in range(0, len(measured), 2):
        for cell, metric in zip(st.columns(2), measured[first:], strict=False):
            cell.markdown(f"**{_METRICS[metric].capitalize()}**")
            cell.altair_chart(
                _metric_chart(days[days[metric].notna()], metric),
                width="stretch",
                alt=f"{_METRICS[metric]} of each day",
            )
    st.subheader("Days", anchor=False)
    frame.table(days.drop(columns=["split_name", "fold"]))


def _tiles(days: pd.DataFrame) -> None:
    done = days[days["state"] == "done"]
    rows, all_rows = int(done["rows"].sum()), int(days["rows"].sum())
    seconds = done["seconds"].astype(float).sum()
    tiles = {
        "Days done": f"{len(done):,} of {len(days):,}",
        "Rows done": f"{rows:,} of {all_rows:,}",
        "Failed": f"{(days['state'] == 'failed').sum():,}",
        "Seconds": f"{seconds:,.1f}",
        "Rows per second": f"{rows / seconds:,.0f}" if seconds else "-",
    }
    frame.tiles(tiles)
    st.progress(len(done) / len(days), f"{len(done) / len(days):.0%} of the days")


def _states(days: pd.DataFrame) -> alt.Color:
    states = sorted(
        set(days["state"]), key=lambda state: [*_COLOURS, state].index(state)
    )
    scale = charts.colours(
        {state: _COLOURS.get(state, charts.GREY) for state in states}
    )
    return alt.Color("state:N", scale=scale)


def _rows_chart(days: pd.DataFrame) -> Any:
    chart = (
        alt.Chart(days)
        .mark_bar()
        .encode(
            x=alt.X("day:O", title="day", axis=alt.Axis(labelAngle=0)),
            y=alt.Y("rows:Q", title="rows", axis=alt.Axis(format="~s")),
            color=_states(days),
            tooltip=[
                alt.Tooltip("day:O"),
                alt.Tooltip("rows:Q", format=","),
                alt.Tooltip("state:N"),
                alt.Tooltip("message:N"),
            ],
        )
        .properties(height=260)
    )
    return charts.finish(chart)


def _metric_chart(days: pd.DataFrame, metric: str) -> Any:
    scale = alt.Scale(zero=metric != "quality_score", nice=True)
    chart = (
        alt.Chart(days)
        .mark_line(
            color=charts.BLUE, point=alt.OverlayMarkDef(color=charts.BLUE, size=50)
        )
        .encode(
            x=alt.X("day:O", title="day", axis=alt.Axis(labelAngle=0)),
            y=alt.Y(
                f"{metric}:Q",
                title=_METRICS[metric],
                scale=scale,
                axis=alt.Axis(format=_AXES[metric], tickCount=5),
            ),
            tooltip=["day:O", alt.Tooltip(f"{metric}:Q", format=",.4f")],
        )
        .properties(height=190)
    )
    return charts.finish(chart)


if __name__ == "__main__":
    frame.show("Daily batches", batches)
