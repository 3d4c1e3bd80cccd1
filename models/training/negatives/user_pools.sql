{#-
    One row per tenant and user with a positive: how much of the tenant's catalogue the
    user has never seen, in items and in slots. Time-aware tenants draw from less:
    training.positive_pools.
-#}

with

sampling_users as (
    select * from {{ ref('sampling_users') }}
),

tenants as (
    select
        tenant_id,
        negative_strategy,
        candidate_strategy,
        negative_ratio,
        candidate_count,
        time_aware_negatives
    from {{ ref('tenants') }}
),

item_slots as (
    select
        tenant_id,
        tenant_number,
        item_number,
        slot_count
    from {{ ref('item_slots') }}
),

seen_items as (
    select
        user_number,
        slot_count
    from {{ ref('seen_items') }}
),

catalogues as (
    select
        tenant_id,
        tenant_number,
        count(*) as item_count,
        cast(sum(slot_count) as bigint) as slot_count,
        min(item_number) as first_item_number
    from item_slots
    group by all
),

seen_totals as (
    select
        user_number,
        count(*) as seen_count,
        cast(sum(slot_count) as bigint) as seen_slot_count
    from seen_items
    group by user_number
),

user_pools as (

    select
        sampling_users.tenant_id,
        sampling_users.user_id,
        tenants.negative_strategy,
        tenants.candidate_strategy,
        sampling_users.positive_count,
        sampling_users.test_positive_count,
        catalogues.item_count,
        catalogues.item_count - seen_totals.seen_count as pool_size,
        catalogues.slot_count - seen_totals.seen_slot_count as free_slot_count,
        tenants.negative_ratio,
        tenants.candidate_count,
        catalogues.tenant_number,
        catalogues.first_item_number,
        sampling_users.user_number,
        sampling_users.user_index,
        sampling_users.user_key,
        tenants.time_aware_negatives

    from sampling_users

    inner join tenants
        on sampling_users.tenant_id = tenants.tenant_id

    inner join catalogues
        on sampling_users.tenant_id = catalogues.tenant_id

    inner join seen_totals
        on sampling_users.user_number = seen_totals.user_number

)

select * from user_pools
