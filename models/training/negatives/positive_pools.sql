{#-
    One row per positive of a tenant with time-aware negatives: how many items had
    appeared when it happened (first touched, or released, at that instant or before it),
    and how much of them the user has never seen, in items and in slots. Items that nobody
    touched and that have no release date never appear.
-#}

with

positives as (
    select
        tenant_id,
        interaction_id,
        user_key,
        interacted_at
    from {{ ref('positives') }}
),

user_pools as (
    select
        user_key,
        user_number
    from {{ ref('user_pools') }}
    where time_aware_negatives
),

item_slots as (
    select
        tenant_id,
        item_position,
        slot_count,
        first_slot,
        appeared_at
    from {{ ref('item_slots') }}
    where appeared_at is not null
),

seen_items as (
    select
        user_number,
        item_position,
        slot_count
    from {{ ref('seen_items') }}
),

catalogue_sizes as (
    select
        tenant_id,
        appeared_at,
        max(item_position) + 1 as item_count,
        max(first_slot + slot_count) as slot_count
    from item_slots
    group by all
),

timed_positives as (
    select
        positives.tenant_id,
        positives.interaction_id,
        user_pools.user_number,
        positives.interacted_at
    from positives
    inner join user_pools
        on positives.user_key = user_pools.user_key
),

sized_positives as (
    select
        timed_positives.tenant_id,
        timed_positives.interaction_id,
        timed_positives.user_number,
        catalogue_sizes.item_count,
        catalogue_sizes.slot_count
    from timed_positives
    asof inner join catalogue_sizes
        on timed_positives.tenant_id = catalogue_sizes.tenant_id
        and timed_positives.interacted_at >= catalogue_sizes.appeared_at
),

seen_so_far as (

    select
        seen_items.user_number,
        seen_items.item_position,
        row_number() over user_line as seen_count,
        sum(seen_items.slot_count) over user_line as seen_slot_count

    from seen_items

    semi join user_pools
        on seen_items.user_number = user_pools.user_number

    window user_line as (
        partition by seen_items.user_number
        order by seen_items.item_position asc
        rows between unbounded preceding and current row
    )

),

positive_pools as (

    select
        sized_positives.tenant_id,
        sized_positives.interaction_id,
        sized_positives.user_number,
        sized_positives.item_count,
        sized_positives.item_count - coalesce(seen_so_far.seen_count, 0) as pool_size,
        sized_positives.slot_count - cast(
            coalesce(seen_so_far.seen_slot_count, 0) as bigint
        ) as free_slot_count

    from sized_positives

    asof left join seen_so_far
        on sized_positives.user_number = seen_so_far.user_number
        and sized_positives.item_count > seen_so_far.item_position

)

select * from positive_pools
