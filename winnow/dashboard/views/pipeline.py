"""Pipeline: what was loaded, where every record went, and how long the build took."""

from __future__ import annotations

from contextlib import suppress
from functools import lru_cache
from pathlib import Path
from typing import Any

import altair as alt
import duckdb
import pandas as pd
import streamlit as st

from winnow.core.errors import InputError
from winnow.core.settings import settings
from winnow.dashboard import charts, data, frame
from winnow.dashboard.data import Generation
from winnow.warehouse.builds import Build, newest_build
from winnow.warehouse.reading import read_only

_LOADS = """
select
    counts.loaded_at, went.tenant_id, went.source, went.entity, went.load_id,
    went.landed_count as landed, {counts},
    went.landed_count = {sum} as is_balanced,
    coalesce(counts.is_replaced, false) as is_replaced
from quality.reconciliation as went
left join quality.load_counts as counts
    on
        went.tenant_id = counts.tenant_id
        and went.source = counts.source
        and went.entity = counts.entity
        and went.load_id = counts.load_id
where $1 is null or went.tenant_id = $1
order by
    counts.loaded_at desc nulls last, went.load_id desc, went.tenant_id,
    went.source, went.entity
"""

_REASONS = """
select reason, count(*) as records
from validated.rejected_records, unnest(reasons) as unnested (reason)
where $1 is null or tenant_id = $1
group by reason
order by records desc, reason
limit 15
"""

_BUILT_AT = "select max(built_at) as built_at from quality.metrics"

_MOST_LOADS = 30
_MOST_ROWS = 2000


def pipeline(generation: Generation, tenant: str | None) -> None:
    """Draw the page."""
    data.require(
        generation,
        *("quality.reconciliation", "quality.load_counts", "quality.metrics"),
        "validated.rejected_records",
    )
    verdicts = data.verdicts(generation, list(charts.VERDICTS))
    sql = _LOADS.format(
        counts=", ".join(f"went.{verdict}_count as {verdict}" for verdict in verdicts),
        sum=" + ".join(f"went.{verdict}_count" for verdict in verdicts),
    )
    loads = data.read(generation, sql, [tenant])
    if loads.empty:
        frame.nothing(
            "Nothing is loaded yet: `winnow load SOURCE PATH` loads files, and "
            "`winnow build` says where their records went."
        )
        return
    _tiles(generation, loads)
    frame.older(
        generation, [verdict for verdict in charts.VERDICTS if verdict not in verdicts]
    )
    if not loads["is_balanced"].all():
        frame.failed(
            "Some records of a load are unaccounted for: see the loads below where "
            "`balanced` is not ticked."
        )
    frame.picture(*_loads_chart(loads, verdicts))
    reasons = data.read(generation, _REASONS, [tenant])
    if reasons.empty:
        st.caption("No record was rejected.")
    else:
        frame.picture(
            charts.labelled_bars(
                reasons,
                value="records",
                label="reason",
                value_title="records",
                colour=charts.VERMILLION,
            ),
            "Why records were rejected",
            "The column and the rule of its contract. A record with several reasons "
            "counts for each; `winnow rejected` shows and mends them.",
        )
    st.subheader("Loads", anchor=False)
    if len(loads) > _MOST_ROWS:
        st.caption(f"The newest {_MOST_ROWS:,} of {len(loads):,}.")
    frame.table(
        loads.head(_MOST_ROWS),
        {
            "load_id": "load",
            "is_balanced": "balanced",
            "is_replaced": "a newer load stands for it",
            "loaded_at": "loaded at (UTC)",
        },
    )


def _tiles(generation: Generation, loads: pd.DataFrame) -> None:
    landed = int(loads["landed"].sum())
    newest = loads["loaded_at"].max()
    seconds, said = _build(generation)
    frame.tiles(
        {
            "Loads": f"{loads['load_id'].nunique():,}",
            "Records landed": f"{landed:,}",
            "Rejected": f"{loads['rejected'].sum() / max(landed, 1):.2%}",
            "Duplicates": f"{loads['duplicate'].sum() / max(landed, 1):.2%}",
            "Newest load (UTC)": "-" if pd.isna(newest) else f"{newest:%Y-%m-%d %H:%M}",
            "Build": seconds,
        }
    )
    st.caption(said)


def _build(generation: Generation) -> tuple[str, str]:
    """How long the build took, as it noted itself (else from its beginning to the
    publication), or that a newer one has failed, where this is its machine.
    """
    newest = _newest_build(settings().warehouse)
    if newest is not None and not newest.passed:
        word = "failed" if newest.verdict == "failed" else "not ended"
        return word, (
            f"The newest build {newest.outcome}. What is shown is what was published "
            "before."
        )
    build = None
    with suppress(duckdb.Error):  # Earlier versions noted builds otherwise.
        build = newest_build(generation.cursor())
    if build is not None and build.seconds is not None:
        return f"{build.seconds:,.1f} s", f"The build {build.outcome}."
    began = data.read(generation, _BUILT_AT)["built_at"].iloc[0]
    ended = data.publication(generation).created_at
    if ended is None or pd.isna(began):
        return "-", "The generation does not say."
    seconds = (ended.replace(tzinfo=None) - began).total_seconds()
    return f"{seconds:,.0f} s", "From the beginning of the build to its publication."


def _newest_build(warehouse: Path) -> Build | None:
    """The newest build, published or not; None where the warehouse is not here, or is
    being written. It is opened only when it has changed: readers stop writers.
    """
    with suppress(OSError, InputError, duckdb.Error):
        stat = warehouse.stat()
        return _build_of(warehouse, stat.st_ino, stat.st_mtime_ns)
    return None


@lru_cache(8)
def _build_of(warehouse: Path, _inode: int, _mtime: int) -> Build | None:
    with read_only(warehouse) as connection:
        return newest_build(connection)


def _loads_chart(loads: pd.DataFrame, verdicts: list[str]) -> tuple[Any, str, str]:
    by_load = (
        loads.groupby(["load_id", "tenant_id", "source"], as_index=False)
        .agg({**dict.fromkeys(verdicts, "sum"), "loaded_at": "max"})
        .sort_values(["loaded_at", "load_id"], ascending=False)
    )
    newest = by_load.head(_MOST_LOADS).copy()
    newest["load"] = [
        f"{row.tenant_id}, {row.source}, "
        + ("?" if pd.isna(row.loaded_at) else f"{row.loaded_at:%Y-%m-%d %H:%M:%S}")
        for row in newest.itertuples()
    ]
    order = list(newest["load"])
    rows = newest.melt(
        id_vars=["load"], value_vars=verdicts, var_name="verdict", value_name="records"
    )
    rows["place"] = rows["verdict"].map(verdicts.index)
    chart = (
        alt.Chart(rows)
        .mark_bar()
        .encode(
            y=alt.Y("load:N", sort=order, title=None),
            x=alt.X(
                "records:Q",
                title="records",
                axis=alt.Axis(format="~s", tickCount=8),
            ),
            color=alt.Color(
                "verdict:N", scale=charts.colours(charts.VERDICTS), sort=verdicts
            ),
            order=alt.Order("place:Q"),
            tooltip=["load:N", "verdict:N", alt.Tooltip("records:Q", format=",")],
        )
        .properties(height=charts.height(len(order)) + 40)
    )
    several = f"The newest {len(newest)} of {len(by_load):,} loads. "
    note = (several if len(newest) < len(by_load) else "") + (
        "Every landed record is one of these."
    )
    return charts.finish(chart), "Where the records of each load went", note


if __name__ == "__main__":
    frame.show("Pipeline and loads", pipeline)
