{#-
    The CTEs of the second way of drawn_items, by the gap method; the last is `gap_draws`.
    Needs the CTEs of certain_items, `seen_items` and `item_slots`.
-#}
{% macro gap_draws() -%}
-- Gaps: by user, and by user and items there were where some are taken for certain.
placed_requests as (

    select
        gap_requests.interaction_order,
        gap_requests.user_number,
        gap_requests.is_weighted,
        gap_requests.request_key,
        gap_requests.tenant_number,
        gap_requests.first_item_number,
        gap_requests.item_count,
        coalesce(certain_pools.item_count, 0) as gap_item_count,
        gap_requests.draw_count
        - coalesce(certain_pools.draws_left, gap_requests.draw_count) as certain_count,
        coalesce(certain_pools.draws_left, gap_requests.draw_count) as draws_left,
        case
            when gap_requests.is_weighted
                then
                    coalesce(
                        certain_pools.free_slots_left, gap_requests.free_slot_count
                    )
            else gap_requests.pool_size
        end as free_count

    from gap_requests

    left join certain_pools
        on gap_requests.user_number = certain_pools.user_number
        and gap_requests.item_count = certain_pools.item_count

),

gap_users as (

    select
        user_number,
        is_weighted,
        gap_item_count

    from placed_requests

    group by
        user_number,
        is_weighted,
        gap_item_count

),

taken_places as (

    select
        seen_items.user_number,
        gap_users.gap_item_count,
        case
            when gap_users.is_weighted then seen_items.first_slot
            else seen_items.item_position
        end as place,
        case
            when gap_users.is_weighted then seen_items.slot_count
            else 1
        end as width

    from seen_items

    inner join gap_users
        on seen_items.user_number = gap_users.user_number

    where
        gap_users.gap_item_count = 0
        or seen_items.item_position < gap_users.gap_item_count

    union all

    select
        user_number,
        item_count as gap_item_count,
        first_slot as place,
        slot_count as width

    from certain_items

),

counted_places as (

    select
        user_number,
        gap_item_count,
        place,
        width,
        cast(
            sum(width) over (
                partition by user_number, gap_item_count
                order by place asc
                rows between unbounded preceding and current row
            ) as bigint
        ) as taken_count

    from taken_places

),

gaps as (

    select
        user_number,
        gap_item_count,
        place - taken_count + width as gap,
        max(taken_count) as taken_count

    from counted_places

    group by
        user_number,
        gap_item_count,
        gap

),

turned_requests as (

    select
        *,
        {{ mixed_bits(bitwise_xor('request_key', '1540483477')) }} as gap_key

    from placed_requests

    where draws_left > 0

),

strata as (

    select
        *,
        {{ scaled_draw(mixed_bits('gap_key'), 'free_count') }} as turn,
        {{ numbers_below('1', 'draws_left + 1') }} as stratum

    from turned_requests

),

bounded_strata as (

    select
        *,
        {{ stratum_start('stratum - 1', 'draws_left', 'free_count') }}
            as stratum_start,
        {{ stratum_start('stratum', 'draws_left', 'free_count') }} as stratum_end,
        {{ bitwise_xor('gap_key', numbered_bits('stratum')) }} as draw_key

    from strata

),

free_places as (

    select
        interaction_order,
        user_number,
        is_weighted,
        tenant_number,
        first_item_number,
        gap_item_count,
        draws_left,
        free_count,
        certain_count + stratum as draw,
        (
            stratum_start
            + turn
            + case
                when not is_weighted
                    then {{ scaled_draw(
                        mixed_bits('draw_key'), 'stratum_end - stratum_start'
                    ) }}
                else 0
            end
        ) % free_count as free_place

    from bounded_strata

),

places as (

    select
        free_places.*,
        free_places.free_place + coalesce(gaps.taken_count, 0) as place

    from free_places

    asof left join gaps
        on free_places.user_number = gaps.user_number
        and free_places.gap_item_count = gaps.gap_item_count
        and free_places.free_place >= gaps.gap

),

-- Which items have slots in each run of 2^14: two or so, so that finding the item of a
-- slot is one hash join and the draws need no order.
slot_guide as (

    select
        item_number,
        slot_count,
        first_slot,
        {{ numbers_below(
            'tenant_number * 1048576 + ' ~ shifted_right('first_slot', 14),
            'tenant_number * 1048576 + '
            ~ shifted_right('first_slot + slot_count - 1', 14) ~ ' + 1'
        ) }} as bucket

    from item_slots

    semi join weighted_pools
        on item_slots.tenant_number = weighted_pools.tenant_number

),

gap_draws as (

    select
        interaction_order,
        user_number,
        draw,
        first_item_number + place as item_number,
        draws_left / free_count as sampling_probability

    from places

    where not is_weighted

    union all

    select
        places.interaction_order,
        places.user_number,
        places.draw,
        slot_guide.item_number,
        places.draws_left * slot_guide.slot_count / places.free_count
            as sampling_probability

    from places

    inner join slot_guide
        on places.tenant_number * 1048576 + {{ shifted_right('places.place', 14) }}
        = slot_guide.bucket
        and places.place >= slot_guide.first_slot
        and places.place < slot_guide.first_slot + slot_guide.slot_count

    where places.is_weighted

    union all

    select
        placed_requests.interaction_order,
        placed_requests.user_number,
        certain_items.draw,
        certain_items.item_number,
        1 as sampling_probability

    from placed_requests

    inner join certain_items
        on placed_requests.user_number = certain_items.user_number
        and placed_requests.gap_item_count = certain_items.item_count

)
{%- endmacro %}
