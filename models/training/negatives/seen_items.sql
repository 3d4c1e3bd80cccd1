{#-
    One row per tenant, user with a positive and item that the user has seen, in any split:
    what is never drawn for that user. Users and items are numbers here, as
    training.sampling_users and training.item_slots give them.
-#}

with

interactions as (
    select
        user_key,
        item_key
    from {{ ref('interactions') }}
    where is_seen
),

sampling_users as (
    select
        user_key,
        user_number
    from {{ ref('sampling_users') }}
),

item_slots as (
    select
        tenant_id,
        item_key,
        item_number,
        item_position,
        slot_count,
        first_slot
    from {{ ref('item_slots') }}
),

seen_pairs as (
    select
        sampling_users.user_number,
        item_slots.item_number
    from interactions
    inner join sampling_users
        on interactions.user_key = sampling_users.user_key
    inner join item_slots
        on interactions.item_key = item_slots.item_key
    group by all
),

seen_items as (
    select
        item_slots.tenant_id,
        seen_pairs.user_number,
        seen_pairs.item_number,
        item_slots.item_position,
        item_slots.slot_count,
        item_slots.first_slot
    from seen_pairs
    inner join item_slots
        on seen_pairs.item_number = item_slots.item_number
)

select * from seen_items
