{#-
    The query of a model of draws, all in numbers: one row per positive (of the `split`,
    where one is given) and draw, by the columns `strategy` and `draws` of
    training.user_pools. See drawn_items.
-#}
{% macro stored_draws(strategy, draws, purpose, split=none) %}
with recursive

positives as {{ inlined() }} (
    select
        tenant_id,
        interaction_id,
        user_key,
        interaction_order
    from {{ ref('positives') }}
    {% if split -%}
    where split = '{{ split }}'
    {%- endif %}
),

user_pools as (

    select
        tenant_id,
        {{ strategy }},
        item_count,
        pool_size,
        free_slot_count,
        {{ draws }},
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

{{ sampling_requests('positives', strategy, draws, purpose) }},

{{ drawn_items() }},

stored_draws as (

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

select * from stored_draws
{% endmacro %}
