{#-
    One row per tenant and user with at least one interaction: what the user did up
    to the tenant's newest interaction. rating_count and average_rating are of the
    ratings given with any event; rating_event_count is of the events that are ratings.
-#}

{%- set event_types = counted_event_types() -%}

with

interactions as (
    select
        user_key,
        item_key,
        event_type,
        rating,
        is_positive,
        interacted_at
    from {{ ref('interactions') }}
),

users as (
    select
        tenant_id,
        user_id,
        user_key
    from {{ ref('users') }}
),

tenants as (
    select
        tenant_id,
        last_interacted_at
    from {{ ref('tenants') }}
),

recent_items as (
    select
        tenant_id,
        user_id,
        list(item_id order by recency_rank asc) as recent_item_ids
    from {{ ref('user_recent_items') }}
    where recency_rank <= 10
    group by all
),

favourite_categories as (
    select
        tenant_id,
        user_id,
        category
    from {{ ref('user_category_affinity') }}
    where category_rank = 1
),

user_totals as (

    select
        user_key,
        count(*) as interaction_count,
        count(distinct item_key) as unique_item_count,
        count(*) filter (where is_positive) as positive_count,
        count(rating) as rating_count,
        {{ sum_of_millionths('rating') }} as rating_millionths,
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
        count(interacted_at) as timed_interaction_count,
        count(distinct cast(interacted_at as date)) as active_day_count,
        min(interacted_at) as first_interacted_at,
        max(interacted_at) as last_interacted_at

    from interactions

    group by user_key

),

user_features as (

    select
        users.tenant_id,
        users.user_id,
        favourite_categories.category as favourite_category,
        recent_items.recent_item_ids,
        user_totals.interaction_count,
        user_totals.unique_item_count,
        user_totals.positive_count,
        user_totals.rating_count,
        user_totals.rating_millionths
        / nullif(user_totals.rating_count, 0) / 1000000 as average_rating,
        user_totals.purchase_events
        / nullif(user_totals.view_events + user_totals.click_events, 0)
            as conversion_rate,
        {% for event_type in event_types + ['other'] -%}
        {%- set prefix = 'rating_event' if event_type == 'rating' else event_type -%}
        user_totals.{{ event_type }}_events as {{ prefix }}_count,
        user_totals.{{ event_type }}_events / user_totals.interaction_count
            as {{ prefix }}_share,
        {% endfor -%}
        user_totals.active_day_count,
        user_totals.timed_interaction_count
        / nullif(user_totals.active_day_count, 0) as interactions_per_active_day,
        {{ days_between(
            'user_totals.last_interacted_at', 'tenants.last_interacted_at'
        ) }} as recency_days,
        user_totals.first_interacted_at,
        user_totals.last_interacted_at,
        {{ first_instant_after('tenants.last_interacted_at') }} as as_of

    from user_totals

    inner join users
        on user_totals.user_key = users.user_key

    left join tenants
        on users.tenant_id = tenants.tenant_id

    left join recent_items
        on users.tenant_id = recent_items.tenant_id
        and users.user_id = recent_items.user_id

    left join favourite_categories
        on users.tenant_id = favourite_categories.tenant_id
        and users.user_id = favourite_categories.user_id

)

select * from user_features
