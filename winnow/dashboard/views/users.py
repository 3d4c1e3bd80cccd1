"""Users: what the features say of one user."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd
import streamlit as st

from winnow.dashboard import charts, data, entity, frame
from winnow.dashboard.data import Generation

_BUSIEST = """
select user_id, interaction_count
from features.user_features
where tenant_id = $1
order by interaction_count desc, user_id
limit 50
"""

_USER = "select * from features.user_features where tenant_id = $1 and user_id = $2"

_PROFILE = "select * from prepared.users where tenant_id = $1 and user_id = $2"

_AFFINITY = """
select category, affinity_share, interaction_count, positive_count, last_interacted_at
from features.user_category_affinity
where tenant_id = $1 and user_id = $2
order by category_rank, category
limit 20
"""

_RECENT = """
select
    recent.recency_rank, recent.interacted_at, recent.event_type, recent.item_id,
    items.title, items.category
from features.user_recent_items as recent
left join prepared.items as items
    on recent.tenant_id = items.tenant_id and recent.item_id = items.item_id
where recent.tenant_id = $1 and recent.user_id = $2
order by recent.recency_rank
"""


def users(generation: Generation, tenant: str | None) -> None:
    """Draw the page."""
    data.require(
        generation,
        *("features.user_features", "features.user_category_affinity"),
        *("features.user_recent_items", "prepared.items", "prepared.users"),
    )
    chosen = entity.choose(generation, tenant, "user", _BUSIEST)
    if chosen is None:
        return
    of = data.read(generation, _USER, chosen)
    if of.empty:
        frame.nothing(
            f"Tenant {chosen[0]} has no user {chosen[1]!r} with an interaction; "
            "`winnow load` more data and `winnow build`, or choose another."
        )
        return
    user = of.iloc[0]
    frame.tiles(
        {
            "Interactions": f"{user['interaction_count']:,}",
            "Items": f"{user['unique_item_count']:,}",
            "Positives": f"{user['positive_count']:,}",
            "Average rating": entity.number(user["average_rating"], ".2f"),
            "Active days": f"{user['active_day_count']:,}",
            "Days since the last": entity.number(user["recency_days"], ",.1f"),
        }
    )
    left, right = st.columns(2)
    with left:
        frame.picture(entity.events_chart(user), "What the user did")
    with right:
        affinity = data.read(generation, _AFFINITY, chosen)
        if affinity.empty:
            st.subheader("Categories", anchor=False)
            st.caption("None of the user's items has a category.")
        else:
            frame.picture(_affinity_chart(affinity), "Categories")
    recent = data.read(generation, _RECENT, chosen)
    if recent["interacted_at"].notna().any():
        frame.picture(
            _recent_chart(recent),
            "Recent interactions",
            f"The newest {len(recent)}; the table has the titles.",
        )
    frame.table(
        recent,
        {
            "recency_rank": "newest first",
            "interacted_at": "at (UTC)",
            "event_type": "event",
            "item_id": "item",
        },
    )
    entity.all_columns(
        generation,
        {
            "features.user_features": of,
            "prepared.users": data.read(generation, _PROFILE, chosen),
        },
    )


def _affinity_chart(affinity: pd.DataFrame) -> Any:
    return charts.labelled_bars(
        affinity,
        value="affinity_share",
        label="category",
        value_title="share of the user's interactions",
        colour=charts.GREEN,
        number_format=".0%",
        axis_format="%",
        tooltip=[
            alt.Tooltip("category:N"),
            alt.Tooltip("affinity_share:Q", title="share", format=".1%"),
            alt.Tooltip("interaction_count:Q", title="interactions", format=","),
            alt.Tooltip("positive_count:Q", title="positives", format=","),
        ],
    )


def _recent_chart(recent: pd.DataFrame) -> Any:
    events = sorted(recent["event_type"].unique())
    chart = (
        alt.Chart(recent)
        .mark_tick(thickness=3, size=20)
        .encode(
            x=alt.X(
                "interacted_at:T",
                title="time (UTC)",
                axis=alt.Axis(format="%d %b %H:%M", tickCount=8),
            ),
            y=alt.Y("event_type:N", sort=events, title=None),
            color=alt.Color("event_type:N", scale=charts.series(events), legend=None),
            tooltip=[
                alt.Tooltip(
                    "interacted_at:T", title="at (UTC)", format="%Y-%m-%d %H:%M"
                ),
                alt.Tooltip("event_type:N", title="event"),
                alt.Tooltip("item_id:N", title="item"),
                alt.Tooltip("title:N"),
            ],
        )
        .properties(height=charts.height(len(events), 34))
    )
    return charts.finish(chart)


if __name__ == "__main__":
    frame.show("Users", users)
