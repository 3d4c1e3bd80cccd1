"""Quality: the metrics of every build against their thresholds, and drift."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from winnow.dashboard import charts, data, frame
from winnow.dashboard.data import Generation
from winnow.dashboard.text import age, prose
from winnow.warehouse.builds import SHARES

_NEWEST = """
select
    tenant_id, source, entity, dimension, status, severity, value, threshold,
    kept_count, checked_count, built_at
from quality.metrics
where
    built_at = (select max(built_at) from quality.metrics)
    and ($1 is null or tenant_id = $1)
order by tenant_id, source, entity, dimension
"""

_BUILDS = """
select count(distinct built_at) as builds
from quality.metrics
where $1 is null or tenant_id = $1
"""

_FEED = """
select dimension, status, severity, value, threshold, built_at
from quality.metrics
where
    tenant_id = $1 and source = $2 and entity = $3 and value is not null
    and built_at in (
        select distinct built_at
        from quality.metrics
        order by built_at desc
        limit $4
    )
order by built_at, dimension
"""

_DRIFT = """
select variable, bucket, baseline_count, current_count, stability_index
from quality.drift
where tenant_id = $1 and source = $2 and entity = $3
"""

_TIMES = ("freshness", "latency")
_DURATIONS = (
    *(("years", 365.2425 * 86400), ("days", 86400), ("hours", 3600)),
    *(("minutes", 60), ("seconds", 1)),
)
_STATUS = {
    "passed": charts.BLUE,
    "failed": charts.VERMILLION,
    "not_judged": charts.GREY,
    "insufficient_history": charts.GREY,
}
_DAY_AND_TIME = "slice(datum.label, 5, 16)"
_COLUMNS = 3
_MOST_BUILDS = 60
_WIDE = 8


def quality(generation: Generation, tenant: str | None) -> None:
    """Draw the page."""
    data.require(generation, "quality.metrics", "quality.drift")
    newest = data.read(generation, _NEWEST, [tenant])
    if newest.empty:
        frame.nothing(
            "Nothing has been measured yet: `winnow load` some data, then every "
            "`winnow build` adds its metrics."
        )
        return
    builds = int(data.read(generation, _BUILDS, [tenant])["builds"].iloc[0])
    _tiles(builds, newest)
    feeds = (
        newest.groupby(["tenant_id", "source", "entity"], as_index=False)[
            "checked_count"
        ]
        .max()
        .sort_values(
            ["checked_count", "tenant_id", "source", "entity"],
            ascending=[False, True, True, True],
        )
    )
    names = {
        f"{row.tenant_id}, {row.source}.{row.entity}": row for row in feeds.itertuples()
    }
    chosen = names[st.selectbox("Feed", list(names), key="feed")]
    feed = (chosen.tenant_id, chosen.source, chosen.entity)
    of_feed = data.read(generation, _FEED, [*feed, _MOST_BUILDS])
    if of_feed.empty:
        frame.nothing(
            "There was too little to measure in this feed; metrics need more loads and "
            "another `winnow build`."
        )
    else:
        _trends(of_feed, builds)
    _drift(data.read(generation, _DRIFT, feed))
    _newest(newest)


def _tiles(builds: int, newest: pd.DataFrame) -> None:
    failed = newest[newest["status"] == "failed"]
    errors = int((failed["severity"] == "error").sum())
    tiles = {
        "Builds measured": f"{builds:,}",
        "Metrics of the newest": f"{len(newest):,}",
        "Passed": f"{(newest['status'] == 'passed').sum():,}",
        "Warnings": f"{len(failed) - errors:,}",
        "Errors": f"{errors:,}",
    }
    frame.tiles(tiles)


def _trends(metrics: pd.DataFrame, builds: int) -> None:
    rows = metrics.copy()
    rows["build"] = rows["built_at"].dt.strftime("%Y-%m-%d %H:%M:%S")
    there = set(rows["dimension"])
    st.subheader("Metrics over the builds", anchor=False)
    cut = "" if builds <= _MOST_BUILDS else f"The newest {_MOST_BUILDS} builds. "
    st.caption(
        f"{cut}The dashed line is the threshold: a share must not lie below it, any "
        "other metric not above. A red diamond failed; grey is not judged."
    )
    order = [dimension for dimension in SHARES if dimension in there]
    _small_multiples(rows, [*order, *sorted(there.difference(SHARES))])


def _small_multiples(rows: pd.DataFrame, dimensions: list[str]) -> None:
    """A small chart of each dimension: the metric of each build, and its threshold."""
    for first in range(0, len(dimensions), _COLUMNS):
        places = st.columns(_COLUMNS)
        for cell, dimension in zip(places, dimensions[first:], strict=False):
            title = dimension.replace("_", " ")
            chart = _trend(*_in_units(rows[rows["dimension"] == dimension]))
            cell.markdown(f"**{prose(title.capitalize())}**")
            cell.altair_chart(chart, width="stretch", alt=f"{title} over the builds")


def _in_units(rows: pd.DataFrame) -> tuple[pd.DataFrame, str]:
    """The rows of a dimension in a unit that people read, and its name."""
    dimension = str(rows["dimension"].iloc[0])
    if dimension in SHARES:
        return rows, "share"
    if dimension in _TIMES:
        longest = float(rows["value"].max())
        unit, seconds = next(
            (duration for duration in _DURATIONS if longest >= 2 * duration[1]),
            _DURATIONS[-1],
        )
        scaled = rows[["value", "threshold"]].astype(float) / seconds
        return rows.assign(value=scaled["value"], threshold=scaled["threshold"]), unit
    return rows, "standard deviations" if dimension == "volume" else "stability index"


def _trend(rows: pd.DataFrame, unit: str) -> Any:
    builds = sorted(rows["build"])
    limits = rows["threshold"].dropna()
    base = alt.Chart(rows).encode(
        x=alt.X(
            "build:O",
            sort=builds,
            title="build (UTC)",
            axis=alt.Axis(
                labelAngle=-35, labelOverlap="greedy", labelExpr=_DAY_AND_TIME
            ),
        )
    )
    scale = alt.Scale(zero=False, nice=True, padding=8)
    y = alt.Y("value:Q", title=unit, scale=scale, axis=alt.Axis(tickCount=5))
    line = base.mark_line(color=charts.GREY, strokeWidth=1.5).encode(y=y)
    points = base.mark_point(size=80, filled=True, opacity=1).encode(
        y=y,
        color=alt.Color("status:N", scale=charts.colours(_STATUS), legend=None),
        shape=alt.Shape(
            "status:N",
            scale=alt.Scale(
                domain=list(_STATUS),
                range=[
                    "diamond" if status == "failed" else "circle" for status in _STATUS
                ],
            ),
            legend=None,
        ),
        tooltip=[
            alt.Tooltip("dimension:N"),
            alt.Tooltip("value:Q", title=f"value ({unit})", format=",.4f"),
            alt.Tooltip("threshold:Q", title=f"threshold ({unit})", format=",.4f"),
            alt.Tooltip("status:N"),
            alt.Tooltip("severity:N"),
            alt.Tooltip("build:N", title="build (UTC)"),
        ],
    )
    if limits.nunique() > 1:  # The threshold was changed between the builds.
        limit = base.mark_line(
            color=charts.PURPLE, strokeDash=[6, 4], interpolate="step"
        ).encode(y="threshold:Q")
    else:
        limit = (
            alt.Chart(rows.loc[limits.index].head(1))
            .mark_rule(color=charts.PURPLE, strokeDash=[6, 4], strokeWidth=2)
            .encode(y="threshold:Q")
        )
    return charts.finish((line + limit + points).properties(height=190))


def _drift(drift: pd.DataFrame) -> None:
    if drift.empty:
        st.caption(
            "Drift compares interactions of the newest load with those of the loads "
            "before it: this feed has none to compare."
        )
        return
    for variable, rows in drift.groupby("variable"):
        index = rows["stability_index"].sum()
        frame.picture(
            _drift_chart(rows),
            f"{str(variable).replace('_', ' ').capitalize()}: before and now",
            f"Share of the interactions in each bucket. Stability index {index:.3f}; "
            "below 0.1 is usually called stable, above 0.25 a shift.",
        )


def _drift_chart(rows: pd.DataFrame) -> Any:
    shares = pd.DataFrame(
        {
            "bucket": rows["bucket"],
            "all loads before": rows["baseline_count"]
            / max(rows["baseline_count"].sum(), 1),
            "newest load": rows["current_count"] / max(rows["current_count"].sum(), 1),
        }
    )
    order = sorted(shares["bucket"], key=_bucket_place)
    long = shares.melt(id_vars=["bucket"], var_name="when", value_name="share")
    scale = charts.colours(
        {"all loads before": charts.GREY, "newest load": charts.BLUE}
    )
    chart = (
        alt.Chart(long)
        .mark_bar()
        .encode(
            x=alt.X(
                "bucket:N",
                sort=order,
                title=None,
                axis=alt.Axis(labelAngle=0 if len(order) <= _WIDE else -35),
            ),
            xOffset=alt.XOffset("when:N"),
            y=alt.Y("share:Q", axis=alt.Axis(format="%"), title="interactions"),
            color=alt.Color("when:N", scale=scale),
            tooltip=["bucket:N", "when:N", alt.Tooltip("share:Q", format=".2%")],
        )
        .properties(height=260)
    )
    return charts.finish(chart)


def _bucket_place(bucket: str) -> tuple[int, int, str]:
    """Tenths by number, with what lies below them before and the rest behind."""
    word, _, number = bucket.partition(" ")
    if word == "tenth" and number.isdigit():
        return 1, int(number), bucket
    return (0 if bucket in ("below", "new") else 2), 0, bucket


def _newest(newest: pd.DataFrame) -> None:
    st.subheader("Metrics of the newest build", anchor=False)
    rows = newest.drop(columns=["built_at"]).sort_values(
        "status", key=lambda status: status != "failed", kind="stable"
    )
    for column in ("value", "threshold"):
        rows[column] = [
            _said(dimension, metric)
            for dimension, metric in zip(rows["dimension"], rows[column], strict=True)
        ]
    for column in ("dimension", "status"):
        rows[column] = rows[column].str.replace("_", " ")
    frame.table(
        rows,
        {
            "status": st.column_config.TextColumn(width="medium"),
            "value": st.column_config.TextColumn(width="medium"),
            "kept_count": "kept",
            "checked_count": "checked",
        },
    )


def _said(dimension: str, metric: float | None) -> str:
    """A metric in the unit in which people think of it; empty where there is none."""
    if metric is None or pd.isna(metric):
        return ""
    if dimension in _TIMES:
        return age(metric)
    if dimension in SHARES:
        return f"{metric:.2%}"
    if dimension == "volume":
        return f"{metric:+.1f} standard deviations"
    return f"{metric:.3f}"


if __name__ == "__main__":
    frame.show("Data quality", quality)
