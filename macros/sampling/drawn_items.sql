{#-
    The CTEs that draw items for requests; the last is `drawn_items`: one row per request
    and draw with item_number and sampling_probability. Nothing that the user has seen is
    drawn, and nothing twice for one request.

    Requests with strategy `uniform` whose user has seen little are drawn from the whole
    line of items first. Where one of a request's draws was seen or came twice, all its
    draws are thrown away and made once more, and where that fails as well it goes the
    second way. Unseen items are alike in this procedure, so each is as likely as any other.

    The second way draws from the unseen items alone and refuses nothing, by the gap
    method: with seen items of widths w_0, w_1, ... that start at s_0 < s_1 < ..., the free
    places before s_i are s_i - (w_0 + ... + w_(i-1)), so that the free place r stands at r
    plus the widths of the seen items with at most r free places before them. `uniform`
    counts in items (each of width 1), `popularity` in slots. The F free places are cut into
    k strata and turned by one uniform offset modulo F. `uniform` draws once in each stratum;
    `popularity` takes where each begins, which is Madow's systematic sampling: an item of w
    slots is drawn with probability k w / F (Madow 1949, Annals of Mathematical Statistics
    20, 333-354). An item with more than F / k slots would have to be drawn twice: it is
    drawn for certain instead, counts as seen for the others, and so on until none is
    left that large.

    Needs the CTEs `requests` (of sampling_requests), `seen_items` and `item_slots` (as the models of that name).
-#}
{% macro drawn_items() -%}
{%- set seen_pair = "user_number * 2147483648 + item_position" -%}
{%- for attempt in [1, 2] %}
open_requests_{{ attempt }} as {{ inlined() if attempt == 1 else '' }} (

    {% if attempt == 1 -%}
    select
        *,
        request_key as attempt_key

    from requests

    where is_drawn_first
    {%- else -%}
    select
        open_requests_{{ attempt - 1 }}.* exclude (attempt_key),
        {{ mixed_bits(bitwise_xor(
            'open_requests_' ~ (attempt - 1) ~ '.attempt_key', '2246822507'
        )) }} as attempt_key

    from open_requests_{{ attempt - 1 }}

    semi join refused_requests_{{ attempt - 1 }}
        on open_requests_{{ attempt - 1 }}.request_number
        = refused_requests_{{ attempt - 1 }}.request_number
    {%- endif %}

),

-- Up to eight draws are compared one by one, several times as fast as in a list.
first_keys_{{ attempt }} as (

    select
        {% for draw in range(1, 9) -%}
        {{ bitwise_xor('attempt_key', numbered_bits(draw | string)) }} as key_{{ draw }},
        {% endfor -%}
        request_number,
        draw_count,
        item_count,
        attempt_key

    from open_requests_{{ attempt }}

),

first_positions_{{ attempt }} as (

    select
        {% for draw in range(1, 9) -%}
        case
            when draw_count >= {{ draw }}
                then {{ scaled_draw(mixed_bits('key_' ~ draw), 'item_count') }}
        end as position_{{ draw }},
        {% endfor -%}
        request_number,
        draw_count,
        item_count,
        attempt_key

    from first_keys_{{ attempt }}

),

repeating_requests_{{ attempt }} as (

    select request_number

    from first_positions_{{ attempt }}

    where
        {% for draw in range(2, 9) -%}
        {% for earlier in range(1, draw) -%}
        position_{{ earlier }} = position_{{ draw }} or {% endfor %}
        {% endfor -%}
        case
            when draw_count > 8
                then
                    list_unique({{ independent_draws(
                        'attempt_key', 'draw_count', 'item_count'
                    ) }}) < draw_count
            else false
        end

),

keyed_draws_{{ attempt }} as {{ inlined() }} (

    select
        interaction_order,
        user_number,
        request_number,
        draw_count,
        item_count,
        pool_size,
        first_item_number,
        attempt_key,
        {{ numbers_below('1', 'draw_count + 1') }} as draw

    from open_requests_{{ attempt }}

),

mixed_draws_{{ attempt }} as {{ inlined() }} (

    select
        *,
        {{ bitwise_xor('attempt_key', numbered_bits('draw')) }} as draw_key

    from keyed_draws_{{ attempt }}

),

draws_{{ attempt }} as {{ inlined() }} (

    select
        *,
        {{ scaled_draw(mixed_bits('draw_key'), 'item_count') }} as item_position

    from mixed_draws_{{ attempt }}

),

refused_requests_{{ attempt }} as (

    select request_number

    from draws_{{ attempt }}

    where
        {{ seen_pair }} in (select {{ seen_pair }} from seen_items)
        {%- if attempt == 1 %}
        -- Never true. DuckDB takes the draws for few and would hash them instead of
        -- what was seen; with an `or` it cannot.
        or draw is null
        {%- endif %}

    union

    select request_number

    from repeating_requests_{{ attempt }}

),

kept_draws_{{ attempt }} as (

    select
        draws_{{ attempt }}.interaction_order,
        draws_{{ attempt }}.user_number,
        draws_{{ attempt }}.draw,
        draws_{{ attempt }}.first_item_number + draws_{{ attempt }}.item_position
            as item_number,
        draws_{{ attempt }}.draw_count / draws_{{ attempt }}.pool_size
            as sampling_probability

    from draws_{{ attempt }}

    anti join refused_requests_{{ attempt }}
        on draws_{{ attempt }}.request_number
        = refused_requests_{{ attempt }}.request_number

),
{% endfor %}
-- From here on the second way.
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

),

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

),

drawn_items as (

    select * from kept_draws_1
    union all
    select * from kept_draws_2
    union all
    select * from gap_draws

)
{%- endmacro %}
