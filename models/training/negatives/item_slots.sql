{#-
    One row per tenant and item: its place in the line of items that negatives are drawn
    from, and its run of slots for draws by popularity. The line is in order of item_id;
    of tenants with time-aware negatives in order of first appearance, so that the
    items there were at an instant are the beginning of the line.

    Popularity is the item's positives in train, at least 1, so that what only the
    test knows does not guide a draw and no item is left out. An item gets slots in
    proportion to popularity ^ popularity_alpha, about 2^30 for the tenant in all and at
    least one each: whole numbers, so that every draw is exact, whatever the engine.
-#}

{%- set slots_per_tenant = 1073741824 -%}

with

items as (
    select
        tenant_id,
        item_id,
        item_index,
        item_key,
        released_on
    from {{ ref('items') }}
),

tenants as (
    select
        tenant_id,
        popularity_alpha,
        time_aware_negatives,
        row_number() over (order by tenant_id asc) as tenant_number
    from {{ ref('tenants') }}
),

interactions as (
    select
        tenant_id,
        item_key,
        interacted_at
    from {{ ref('interactions') }}
),

positives as (
    select item_key
    from {{ ref('positives') }}
    where split = 'train'
),

first_interactions as (
    select
        interactions.item_key,
        min(interactions.interacted_at) as first_interacted_at
    from interactions
    inner join tenants
        on interactions.tenant_id = tenants.tenant_id
    where tenants.time_aware_negatives
    group by interactions.item_key
),

train_counts as (
    select
        item_key,
        count(*) as train_positive_count
    from positives
    group by item_key
),

counted_items as (

    select
        items.tenant_id,
        items.item_id,
        items.item_index,
        items.item_key,
        tenants.tenant_number,
        tenants.time_aware_negatives,
        greatest(coalesce(train_counts.train_positive_count, 0), 1) as popularity,
        tenants.popularity_alpha,
        case
            when tenants.time_aware_negatives then
                least(
                    first_interactions.first_interacted_at,
                    cast(items.released_on as timestamp)
                )
        end as appeared_at

    from items

    inner join tenants
        on items.tenant_id = tenants.tenant_id

    left join train_counts
        on items.item_key = train_counts.item_key

    left join first_interactions
        on items.item_key = first_interactions.item_key

),

powered_items as (

    select
        *,
        -- Whole millionths: a sum of doubles depends on the order of the rows.
        cast(round(1000000 * power(popularity, popularity_alpha)) as bigint)
            as weight_millionths

    from counted_items

),

placed_items as (

    select
        tenant_id,
        item_id,
        item_index,
        item_key,
        tenant_number,
        popularity,
        greatest(
            1,
            cast(
                round(
                    cast(weight_millionths as double)
                    / sum(weight_millionths) over (partition by tenant_id)
                    * {{ slots_per_tenant }}
                ) as bigint
            )
        ) as slot_count,
        row_number() over (
            partition by tenant_id
            order by appeared_at asc nulls last, item_id asc
        ) - 1 as item_position,
        row_number() over (
            order by tenant_number asc, appeared_at asc nulls last, item_id asc
        ) - 1 as item_number,
        appeared_at

    from powered_items

),

item_slots as (

    select
        tenant_id,
        item_id,
        tenant_number,
        item_number,
        item_index,
        item_key,
        item_position,
        popularity,
        slot_count,
        cast(
            sum(slot_count) over (
                partition by tenant_id
                order by item_position asc
                rows between unbounded preceding and current row
            ) as bigint
        ) - slot_count as first_slot,
        max(slot_count) over (
            partition by tenant_id
            order by item_position asc
            rows between unbounded preceding and current row
        ) as largest_slot_count,
        appeared_at

    from placed_items

)

select * from item_slots
