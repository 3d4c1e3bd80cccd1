{#-
    One row per tenant, item and instant at which the item was interacted with: what had
    happened to it up to and with that instant. Whoever asks for an instant takes the
    newest row whose as_of is not after it, and so never sees that instant itself.
    Tenants without times are left out.
-#}

with

interaction_inputs as (
    select
        item_key,
        rating_millionths,
        is_positive,
        is_first_of_pair,
        as_of as interacted_at
    from {{ ref('interaction_inputs') }}
    where as_of is not null
),

items as (
    select
        tenant_id,
        item_id,
        item_key
    from {{ ref('items') }}
),

instants as (
    select
        item_key,
        interacted_at,
        count(*) as interactions,
        count(*) filter (where is_positive) as positives,
        count(*) filter (where is_first_of_pair) as new_users,
        count(rating_millionths) as ratings,
        sum(rating_millionths) as rating_millionths
    from interaction_inputs
    group by all
),

running_totals as (

    select
        item_key,
        interacted_at,
        sum(interactions) over so_far as interaction_count,
        sum(positives) over so_far as positive_count,
        sum(new_users) over so_far as unique_user_count,
        sum(ratings) over so_far as rating_count,
        sum(rating_millionths) over so_far as rating_millionths,
        first_value(interacted_at) over so_far as first_interacted_at

    from instants

    window so_far as (
        partition by item_key
        order by interacted_at asc
        rows between unbounded preceding and current row
    )

),

item_timeline as (

    select
        items.tenant_id,
        items.item_id,
        cast(running_totals.interaction_count as bigint) as interaction_count,
        cast(running_totals.positive_count as bigint) as positive_count,
        cast(running_totals.unique_user_count as bigint) as unique_user_count,
        cast(running_totals.rating_count as bigint) as rating_count,
        cast(coalesce(running_totals.rating_millionths, 0) as bigint)
            as rating_millionths,
        running_totals.first_interacted_at,
        running_totals.interacted_at as last_interacted_at,
        {{ first_instant_after('running_totals.interacted_at') }} as as_of

    from running_totals

    inner join items
        on running_totals.item_key = items.item_key

)

select * from item_timeline
