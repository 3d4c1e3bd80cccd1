{#-
    The CTEs of drawn_items that say what is left for its second way, `gap_requests`, and
    which items are drawn for certain there, because they have more slots than a stratum:
    `certain_items`, and by user and items there were what is left of slots and draws,
    `certain_pools`. Needs the CTEs of first_draws, `seen_items` and `item_slots`.
-#}
{% macro certain_items() -%}
gap_requests as (

    select requests.*

    from requests

    left join refused_requests_2
        on requests.request_number = refused_requests_2.request_number

    where
        not requests.is_drawn_first
        or refused_requests_2.request_number is not null

),

-- Items too heavy for one stratum, by user and items there were.
weighted_pools as (

    select
        user_number,
        item_count,
        draw_count,
        free_slot_count,
        tenant_number,
        first_item_number + item_count as end_item_number

    from gap_requests

    where is_weighted

    group by all

),

heavy_pools as (

    select weighted_pools.*

    from weighted_pools

    inner join item_slots
        on weighted_pools.end_item_number - 1 = item_slots.item_number

    where
        item_slots.largest_slot_count * weighted_pools.draw_count
        > weighted_pools.free_slot_count

),

heavy_seen_items as (

    select seen_items.*

    from seen_items

    semi join heavy_pools
        on seen_items.user_number = heavy_pools.user_number

),

weighted_items as (

    select
        item_slots.item_number,
        item_slots.item_position,
        item_slots.slot_count,
        item_slots.first_slot,
        item_slots.tenant_number * 4294967296 + item_slots.slot_count as weight_order

    from item_slots

    semi join heavy_pools
        on item_slots.tenant_number = heavy_pools.tenant_number

),

thresholds as (

    select
        user_number,
        item_count,
        tenant_number,
        end_item_number,
        draw_count as draws_left,
        free_slot_count as free_slots_left,
        4294967295 as certain_above

    from heavy_pools

    union all

    -- Every item above the threshold is taken for certain, which lowers the threshold.
    select
        thresholds.user_number,
        thresholds.item_count,
        thresholds.tenant_number,
        thresholds.end_item_number,
        thresholds.draws_left - count(*) as draws_left,
        thresholds.free_slots_left - cast(sum(weighted_items.slot_count) as bigint)
            as free_slots_left,
        thresholds.free_slots_left // thresholds.draws_left as certain_above

    from thresholds

    inner join weighted_items
        on thresholds.end_item_number > weighted_items.item_number
        and thresholds.tenant_number * 4294967296
        + thresholds.free_slots_left // nullif(thresholds.draws_left, 0)
        < weighted_items.weight_order
        and thresholds.certain_above >= weighted_items.slot_count

    anti join heavy_seen_items
        on thresholds.user_number = heavy_seen_items.user_number
        and weighted_items.item_number = heavy_seen_items.item_number

    where thresholds.draws_left > 0

    group by
        thresholds.user_number,
        thresholds.item_count,
        thresholds.tenant_number,
        thresholds.end_item_number,
        thresholds.draws_left,
        thresholds.free_slots_left

),

certain_pools as (

    select *

    from thresholds

    where certain_above < 4294967295

    qualify row_number() over (
        partition by user_number, item_count
        order by certain_above asc
    ) = 1

),

certain_items as (

    select
        certain_pools.user_number,
        certain_pools.item_count,
        weighted_items.item_number,
        weighted_items.item_position,
        weighted_items.slot_count,
        weighted_items.first_slot,
        row_number() over (
            partition by certain_pools.user_number, certain_pools.item_count
            order by weighted_items.slot_count desc, weighted_items.item_number asc
        ) as draw

    from certain_pools

    inner join weighted_items
        on certain_pools.end_item_number > weighted_items.item_number
        and certain_pools.tenant_number * 4294967296 + certain_pools.certain_above
        < weighted_items.weight_order

    anti join heavy_seen_items
        on certain_pools.user_number = heavy_seen_items.user_number
        and weighted_items.item_number = heavy_seen_items.item_number

)
{%- endmacro %}
