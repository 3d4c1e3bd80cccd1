{#-
    One row per tenant, user with a positive and item that the user has seen, in any split:
    what is never drawn for that user. Users and items are numbers here, as
    training.sampling_users and training.item_slots give them.
-#}

with

interactions as (

    select
        tenant_id,
        user_id,
        item_id

    from {{ ref('interactions') }}

    where is_seen

),

sampling_users as (

    select
        tenant_id,
        user_id,
        user_number

    from {{ ref('sampling_users') }}

),

item_slots as (

    select
        tenant_id,
        item_id,
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
        on interactions.tenant_id = sampling_users.tenant_id
        and interactions.user_id = sampling_users.user_id

    inner join item_slots
        on interactions.tenant_id = item_slots.tenant_id
        and interactions.item_id = item_slots.item_id

    group by
        sampling_users.user_number,
        item_slots.item_number

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
