"""Overview: whose data is there, how much, and how far it came."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from winnow.dashboard import charts, data, frame
from winnow.dashboard.data import Generation

_STATISTICS = """
select
    tenant_id, users, items, interactions, positives, negatives, density,
    item_gini, span_days, first_interacted_at, last_interacted_at
from training.dataset_statistics
where $1 is null or tenant_id = $1
order by interactions desc, tenant_id
"""

_LANDED = """
select
    tenant_id,
    cast(sum(landed_count) as bigint) as landed,
    {sums}
from quality.reconciliation
where $1 is null or tenant_id = $1
group by tenant_id
order by tenant_id
"""

# What becomes of a landed record that is not accepted, and what its bar is called.
_LEFT_OUT = {
    "rejected": "rejected",
    "duplicate": "duplicates left out",
    "held": "held by the gate",
    "replaced": "replaced by newer files",
    "erased": "erased on request",
}
_MOST_TENANTS = 40


def overview(generation: Generation, tenant: str | None) -> None:
    """Draw the page."""
    data.require(generation, "training.dataset_statistics", "quality.reconciliation")
    statistics = data.read(generation, _STATISTICS, [tenant])
    verdicts = data.verdicts(generation, [*_LEFT_OUT, "accepted"])
    sums = ", ".join(
        f"cast(sum({verdict}_count) as bigint) as {verdict}" for verdict in verdicts
    )
    landed = data.read(generation, _LANDED.format(sums=sums), [tenant])
    if statistics.empty and landed.empty:
        frame.nothing(
            "There are no tenants yet: load some data with `winnow load`, then run "
            "`winnow build`."
        )
        return
    _tiles(generation, statistics)
    frame.older(
        generation, [verdict for verdict in _LEFT_OUT if verdict not in verdicts]
    )
    frame.picture(
        _flow(statistics, landed),
        "From files to training data",
        "Rows. Rejected records keep their reasons; the share next to a bar is of the "
        "records that landed.",
    )
    if len(statistics) > 1:
        most = statistics.head(_MOST_TENANTS)
        note = None
        if len(most) < len(statistics):
            note = f"The {_MOST_TENANTS} largest of {len(statistics):,} tenants."
        frame.picture(
            charts.labelled_bars(
                most,
                value="interactions",
                label="tenant_id",
                value_title="interactions",
            ),
            "Interactions of each tenant",
            note,
        )
    st.subheader("Data sets", anchor=False)
    frame.table(
        statistics,
        {
            "density": st.column_config.NumberColumn(
                format="percent",
                help="Interactions / (users x items); repeats count as well.",
            ),
            "item_gini": st.column_config.NumberColumn(
                "Gini of items",
                format="%.2f",
                help="0: all items are equally popular; 1: one item has everything.",
            ),
            "span_days": st.column_config.NumberColumn("days", format="%.0f"),
            "first_interacted_at": "first interaction (UTC)",
            "last_interacted_at": "last interaction (UTC)",
        },
    )


def _tiles(generation: Generation, statistics: pd.DataFrame) -> None:
    noted = data.publication(generation)
    tiles = {
        "Tenants": f"{len(statistics):,}",
        "Users": f"{statistics['users'].sum():,}",
        "Items": f"{statistics['items'].sum():,}",
        "Interactions": f"{statistics['interactions'].sum():,}",
        "Generation": f"{generation.number}",
    }
    if noted.size is not None:
        tiles["Size"] = f"{noted.size / 1e6:,.0f} MB"
    frame.tiles(tiles)


def _flow(statistics: pd.DataFrame, landed: pd.DataFrame) -> Any:
    total = int(landed["landed"].sum())
    parts = {name: said for name, said in _LEFT_OUT.items() if name in landed}
    parts["accepted"] = "accepted"
    stages = [
        ("records landed", total, charts.BLUE),
        *(
            (said, int(landed[name].sum()), charts.VERDICTS[name])
            for name, said in parts.items()
        ),
        ("interactions", int(statistics["interactions"].sum()), charts.GREEN),
        ("positives", int(statistics["positives"].sum()), charts.GREEN),
        ("negatives drawn", int(statistics["negatives"].sum()), charts.PURPLE),
    ]
    rows = pd.DataFrame(stages, columns=["stage", "rows", "colour"])
    share = rows["rows"] / max(total, 1)
    rows["text"] = [
        f"{count:,}  ({part:.1%})" if 0 < number <= len(parts) else f"{count:,}"
        for number, (count, part) in enumerate(zip(rows["rows"], share, strict=True))
    ]
    base = alt.Chart(rows).encode(
        y=alt.Y("stage:N", sort=list(rows["stage"]), title=None),
        x=alt.X(
            "rows:Q",
            title="rows",
            axis=alt.Axis(format="~s", tickCount=8),
            scale=charts.room(rows["rows"]),
        ),
        tooltip=[
            alt.Tooltip("stage:N"),
            alt.Tooltip("rows:Q", format=","),
        ],
    )
    bars = base.mark_bar().encode(color=alt.Color("colour:N", scale=None))
    texts = base.mark_text(align="left", dx=4, color=charts.GREY).encode(text="text:N")
    chart = (bars + texts).properties(height=charts.height(len(rows), 30))
    return charts.finish(chart)


if __name__ == "__main__":
    frame.show("Overview", overview)
