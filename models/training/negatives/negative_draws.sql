{#-
    One row per positive and draw: an item of the tenant that the user has never seen, in
    any split and by any event that counts as seen; all in numbers, training.negatives
    shows the same rows with ids. Drawn by the tenant's own strategy, see
    macros/sampling/drawn_items.sql. The draws depend on the seed, the tenant, the
    interaction and the pool (the user's unseen items and, for draws by popularity, the
    slots of all items), and on nothing else.
-#}

with recursive

positives as {{ inlined() }} (
    select
        tenant_id,
        interaction_id,
        user_key,
        interaction_order
    from {{ ref('positives') }}
),

user_pools as (

    select
        tenant_id,
        negative_strategy,
        item_count,
        pool_size,
        free_slot_count,
        negative_ratio,
        tenant_number,
        first_item_number,
        user_number,
        user_index,
        user_key,
        time_aware_negatives

    from {{ ref('user_pools') }}

),

positive_pools as (
    select
        tenant_id,
        interaction_id,
        item_count,
        pool_size,
        free_slot_count
    from {{ ref('positive_pools') }}
),

seen_items as {{ inlined() }} (
    select
        user_number,
        item_number,
        item_position,
        slot_count,
        first_slot
    from {{ ref('seen_items') }}
),

item_slots as (
    select
        tenant_number,
        item_number,
        item_index,
        item_position,
        slot_count,
        first_slot,
        largest_slot_count
    from {{ ref('item_slots') }}
),

{{ sampling_requests(
    'positives', 'negative_strategy', 'negative_ratio', 'negatives'
) }},

{{ drawn_items() }},

negative_draws as (

    select
        user_pools.tenant_id,
        user_pools.user_index,
        drawn_items.interaction_order,
        item_slots.item_index,
        drawn_items.draw,
        drawn_items.sampling_probability

    from drawn_items

    inner join user_pools
        on drawn_items.user_number = user_pools.user_number

    inner join item_slots
        on drawn_items.item_number = item_slots.item_number

)

select * from negative_draws
