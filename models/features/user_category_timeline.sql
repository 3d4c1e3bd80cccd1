{#-
    One row per tenant, user, category and moment at which the user interacted with an
    item of the category: how often that had happened up to and with that moment. The
    category is the item's first, as it was at each interaction. For tenants without
    times a moment is a place in the user's history, and as_of is null.
-#}

with

interaction_inputs as (
    select
        user_key,
        category_number,
        moment,
        interaction_order,
        is_positive,
        as_of as interacted_at
    from {{ ref('interaction_inputs') }}
    where category_number is not null
),

item_versions as (
    select
        category_number,
        category
    from {{ ref('item_versions') }}
),

users as (
    select
        tenant_id,
        user_id,
        user_key
    from {{ ref('users') }}
),

categories as (
    select
        category_number,
        category
    from item_versions
    where category_number is not null
    group by all
),

moments as (
    select
        user_key,
        category_number,
        moment,
        interacted_at,
        count(*) as interactions,
        count(*) filter (where is_positive) as positives,
        max(interaction_order) as last_interaction_order
    from interaction_inputs
    group by all
),

running_totals as (

    select
        user_key,
        category_number,
        interacted_at,
        last_interaction_order,
        sum(interactions) over so_far as interaction_count,
        sum(positives) over so_far as positive_count

    from moments

    window so_far as (
        partition by user_key, category_number
        order by moment asc
        rows between unbounded preceding and current row
    )

),

user_category_timeline as (

    select
        users.tenant_id,
        users.user_id,
        categories.category,
        cast(running_totals.interaction_count as bigint) as interaction_count,
        cast(running_totals.positive_count as bigint) as positive_count,
        running_totals.last_interaction_order,
        running_totals.interacted_at as last_interacted_at,
        {{ first_instant_after('running_totals.interacted_at') }} as as_of

    from running_totals

    inner join users
        on running_totals.user_key = users.user_key

    inner join categories
        on running_totals.category_number = categories.category_number

)

select * from user_category_timeline
