"""Items: what the features say of one item."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from winnow.dashboard import charts, data, entity, frame
from winnow.dashboard.data import Generation

_MOST_POPULAR = """
select item_id, interaction_count
from features.item_features
where tenant_id = $1
order by interaction_count desc, item_id
limit 50
"""

_ITEM = "select * from features.item_features where tenant_id = $1 and item_id = $2"

_CATALOGUE = "select * from prepared.items where tenant_id = $1 and item_id = $2"

_SELLS = """
select coalesce(bool_or(purchase_count > 0), false) as sells
from features.item_features
where tenant_id = $1
"""

_PLACE = """
select
    bucket,
    cast(min(interaction_count) as bigint) as least,
    cast(max(interaction_count) as bigint) as most,
    count(*) as items,
    coalesce(bool_or(item_id = $2), false) as has_this
from (
    select
        item_id, interaction_count,
        ntile(40) over (order by interaction_count desc, item_id) as bucket
    from features.item_features
    where tenant_id = $1
)
group by bucket
order by bucket
"""


def items(generation: Generation, tenant: str | None) -> None:
    """Draw the page."""
    data.require(generation, "features.item_features", "prepared.items")
    chosen = entity.choose(generation, tenant, "item", _MOST_POPULAR)
    if chosen is None:
        return
    of = data.read(generation, _ITEM, chosen)
    if of.empty:
        frame.nothing(
            f"Tenant {chosen[0]} has no item {chosen[1]!r}; `winnow load` more data "
            "and `winnow build`, or choose another."
        )
        return
    item = of.iloc[0]
    sells = bool(data.read(generation, _SELLS, [chosen[0]])["sells"].iloc[0])
    catalogue = data.read(generation, _CATALOGUE, chosen)
    entity.headline(catalogue)
    frame.tiles(
        {
            "Interactions": f"{item['interaction_count']:,}",
            "Users": f"{item['unique_user_count']:,}",
            "Positives": f"{item['positive_count']:,}",
            "Average rating": entity.number(item["average_rating"], ".2f"),
            "Popularity score": entity.number(item["popularity_score"], ".2f"),
        }
        | (
            {"Purchase rate": entity.number(item["purchase_rate"], ".1%")}
            if sells
            else {}
        )
    )
    frame.picture(entity.events_chart(item), "What users did with it")
    frame.picture(
        _place_chart(data.read(generation, _PLACE, chosen)),
        "Its place among the tenant's items",
        "Items by popularity, in groups of equal size, the most popular at the left; "
        "the orange group holds this item.",
    )
    entity.all_columns(
        generation, {"features.item_features": of, "prepared.items": catalogue}
    )


def _place_chart(groups: pd.DataFrame) -> Any:
    chart = (
        alt.Chart(groups)
        .mark_bar()
        .encode(
            x=alt.X(
                "bucket:O", title="items by popularity", axis=alt.Axis(labels=False)
            ),
            y=alt.Y(
                "most:Q",
                title="interactions (most of the group)",
                axis=alt.Axis(format="~s"),
            ),
            color=alt.condition(
                "datum.has_this", alt.value(charts.ORANGE), alt.value(charts.BLUE)
            ),
            tooltip=[
                alt.Tooltip("items:Q", format=","),
                alt.Tooltip("least:Q", title="fewest interactions", format=","),
                alt.Tooltip("most:Q", title="most interactions", format=","),
            ],
        )
        .properties(height=260)
    )
    return charts.finish(chart)


if __name__ == "__main__":
    frame.show("Items", items)
