{#-
    One row per tenant and item of prepared.items: what users did with it up to the
    tenant's newest interaction; counts are 0 for an item that nobody touched.
    rating_count and the rating statistics are of the ratings given with any event;
    rating_event_count is of the events that are ratings.
-#}

{%- set event_types = counted_event_types() -%}

with

items as (
    select
        tenant_id,
        item_id,
        item_key
    from {{ ref('items') }}
),

interactions as (
    select
        user_key,
        item_key,
        event_type,
        rating,
        event_weight,
        is_positive,
        interacted_at
    from {{ ref('interactions') }}
),

tenants as (
    select
        tenant_id,
        last_interacted_at
    from {{ ref('tenants') }}
),

item_totals as (

    select
        item_key,
        count(*) as interaction_count,
        count(distinct user_key) as unique_user_count,
        count(*) filter (where is_positive) as positive_count,
        {{ sum_of_millionths('event_weight') }} as weight_millionths,
        count(rating) as rating_count,
        {{ sum_of_millionths('rating') }} as rating_millionths,
        -- Squares of whole millionths: the variance is exact until it is divided.
        sum(
            cast(round(rating * 1000000) as hugeint)
            * cast(round(rating * 1000000) as hugeint)
        ) as squared_rating_sum,
        min(rating) as minimum_rating,
        max(rating) as maximum_rating,
        {% for event_type in event_types -%}
        count(*) filter (where event_type = '{{ event_type }}')
            as {{ event_type }}_events,
        {% endfor -%}
        count(*) filter (
            where event_type not in (
                {% for event_type in event_types -%}
                '{{ event_type }}'{{ "," if not loop.last }}
                {% endfor -%}
            )
        ) as other_events,
        min(interacted_at) as first_interacted_at,
        max(interacted_at) as last_interacted_at

    from interactions

    group by item_key

),

most_popular as (
    select
        items.tenant_id,
        max(item_totals.interaction_count) as interaction_count
    from item_totals
    inner join items
        on item_totals.item_key = items.item_key
    group by items.tenant_id
),

item_features as (

    select
        items.tenant_id,
        items.item_id,
        coalesce(item_totals.interaction_count, 0) as interaction_count,
        coalesce(item_totals.unique_user_count, 0) as unique_user_count,
        coalesce(item_totals.positive_count, 0) as positive_count,
        coalesce(
            ln(1 + item_totals.interaction_count)
            / ln(1 + most_popular.interaction_count),
            0
        ) as popularity_score,
        item_totals.weight_millionths
        / item_totals.interaction_count / 1000000 as engagement_score,
        item_totals.purchase_events
        / item_totals.interaction_count as purchase_rate,
        item_totals.click_events
        / nullif(item_totals.view_events, 0) as click_through_rate,
        coalesce(item_totals.rating_count, 0) as rating_count,
        item_totals.rating_millionths
        / nullif(item_totals.rating_count, 0) / 1000000 as average_rating,
        sqrt(
            (
                item_totals.rating_count * item_totals.squared_rating_sum
                - item_totals.rating_millionths * item_totals.rating_millionths
            ) / nullif(item_totals.rating_count * (item_totals.rating_count - 1), 0)
        ) / 1000000 as rating_stddev,
        item_totals.minimum_rating,
        item_totals.maximum_rating,
        {% for event_type in event_types + ['other'] -%}
        {%- set prefix = 'rating_event' if event_type == 'rating' else event_type -%}
        coalesce(item_totals.{{ event_type }}_events, 0) as {{ prefix }}_count,
        {% endfor -%}
        item_totals.first_interacted_at,
        item_totals.last_interacted_at,
        {{ first_instant_after('tenants.last_interacted_at') }} as as_of

    from items

    left join item_totals
        on items.item_key = item_totals.item_key

    left join most_popular
        on items.tenant_id = most_popular.tenant_id

    left join tenants
        on items.tenant_id = tenants.tenant_id

)

select * from item_features
