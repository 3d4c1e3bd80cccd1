{#-
    One row per interaction: its user, its item and the user in the item's category as
    they stood strictly before it. Interactions of the same instant never count, also
    the user's own: nothing says which of them came first. Every figure of an entity
    comes from one frame, `earlier`, or one that ends where it ends. Texts stay out of
    the sorts and are joined to the result, but for interaction_id.

    For tenants without times, strictly before means earlier in the user's own history;
    item features are null there, because nothing orders different users' interactions.
-#}

{%- set day = 86400000000 -%}
{%- set windows = {'1d': day, '7d': 7 * day, '30d': 30 * day} -%}

with

interaction_inputs as (

    select
        interaction_id,
        user_key,
        item_key,
        version_number,
        category_number,
        moment,
        rating_millionths,
        cast(is_positive as integer) as positive,
        cast(is_first_of_pair as integer) as first_of_pair,
        item_valid_from,
        as_of

    from {{ ref('interaction_inputs') }}

),

item_versions as (
    select
        version_number,
        category,
        brand,
        price
    from {{ ref('item_versions') }}
),

users as (
    select
        tenant_id,
        user_id,
        user_key
    from {{ ref('users') }}
),

items as (
    select
        item_id,
        item_key
    from {{ ref('items') }}
),

with_categories as (

    select
        *,
        count(*) over earlier as category_interactions,
        cast(sum(positive) over earlier as bigint) as category_positives,
        last_value(as_of) over earlier as category_last_at

    from interaction_inputs

    window earlier as (
        partition by user_key, category_number
        order by moment asc
        range between unbounded preceding and 1 preceding
    )

),

with_users as (

    select
        *,
        count(*) over earlier as user_interactions,
        cast(sum(positive) over earlier as bigint) as user_positives,
        cast(sum(first_of_pair) over earlier as bigint) as user_items,
        count(rating_millionths) over earlier as user_ratings,
        cast(sum(rating_millionths) over earlier as bigint) as user_rating_millionths,
        {% for name, length in windows.items() -%}
        count(*) over (
            partition by user_key
            order by moment asc
            range between {{ length }} preceding and 1 preceding
        ) as user_interactions_{{ name }},
        {% endfor -%}
        first_value(as_of) over earlier as user_first_at,
        last_value(as_of) over earlier as user_last_at

    from with_categories

    window earlier as (
        partition by user_key
        order by moment asc
        range between unbounded preceding and 1 preceding
    )

),

with_items as (

    select
        *,
        count(*) over earlier as item_interactions,
        cast(sum(positive) over earlier as bigint) as item_positives,
        cast(sum(first_of_pair) over earlier as bigint) as item_users,
        count(rating_millionths) over earlier as item_ratings,
        cast(sum(rating_millionths) over earlier as bigint) as item_rating_millionths,
        {% for name, length in windows.items() -%}
        count(*) over (
            partition by item_key
            order by moment asc
            range between {{ length }} preceding and 1 preceding
        ) as item_interactions_{{ name }},
        {% endfor -%}
        first_value(as_of) over earlier as item_first_at,
        last_value(as_of) over earlier as item_last_at

    from with_users

    window earlier as (
        partition by item_key
        order by moment asc
        range between unbounded preceding and 1 preceding
    )

),

interaction_features as (

    select
        users.tenant_id,
        with_items.interaction_id,
        users.user_id,
        items.item_id,
        item_versions.category as item_category,
        item_versions.brand as item_brand,
        with_items.user_interactions as user_interaction_count,
        coalesce(with_items.user_positives, 0) as user_positive_count,
        coalesce(with_items.user_items, 0) as user_unique_item_count,
        with_items.user_ratings as user_rating_count,
        with_items.user_rating_millionths
        / nullif(with_items.user_ratings, 0) / 1000000 as user_average_rating,
        {% for name in windows -%}
        case
            when with_items.as_of is not null
                then with_items.user_interactions_{{ name }}
        end as user_interaction_count_{{ name }},
        {% endfor -%}
        {{ days_between('with_items.user_last_at', 'with_items.as_of') }}
            as user_days_since_last,
        {{ days_between('with_items.user_first_at', 'with_items.as_of') }}
            as user_days_since_first,
        {{ item_state_features(
            'with_items', 'item_versions', 'with_items.user_interactions',
            windows.keys() | list
        ) }},
        with_items.item_valid_from,
        with_items.user_last_at as user_last_interacted_at,
        with_items.item_last_at as item_last_interacted_at,
        case
            when item_versions.category is not null then with_items.category_last_at
        end as user_category_last_interacted_at,
        with_items.as_of

    from with_items

    inner join users
        on with_items.user_key = users.user_key

    inner join items
        on with_items.item_key = items.item_key

    left join item_versions
        on with_items.version_number = item_versions.version_number

)

select * from interaction_features
