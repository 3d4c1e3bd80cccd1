{#-
    One row per positive and draw: an item of the tenant that the user has never touched,
    in any split and by any event. Drawn by the gap method: with the user's touched items
    at sorted positions s_0 < s_1 < ..., s_i - i untouched items lie before s_i, so that the
    r-th untouched item stands at r plus the number of touched items whose gap is at most r.
    Nothing is drawn twice and nothing is refused.

    The pool of P untouched items is cut into k strata with one draw in each, and all draws
    are turned by one uniform offset modulo P: each draw is then uniform over the pool, the
    draws of a positive differ, and every untouched item is drawn with probability k / P.
    The draws depend on the seed, the tenant, the user, the interaction and the pool, and on
    nothing else.
-#}

with

positives as (

    select
        tenant_id,
        interaction_id,
        user_id

    from {{ ref('positives') }}

),

user_pools as (

    select
        tenant_id,
        user_id,
        pool_size,
        draw_count,
        user_number

    from {{ ref('user_pools') }}

    where draw_count > 0

),

numbered_items as (

    select
        tenant_id,
        item_id,
        row_number() over (order by tenant_id asc, item_id asc) - 1 as item_number

    from {{ ref('items') }}

),

first_items as (

    select
        tenant_id,
        min(item_number) as first_item_number

    from numbered_items

    group by tenant_id

),

touched_items as (

    select
        tenant_id,
        user_id,
        item_id

    from {{ ref('interactions') }}

    group by
        tenant_id,
        user_id,
        item_id

),

touched_positions as (

    select
        user_pools.user_number,
        numbered_items.item_number - first_items.first_item_number as item_position

    from touched_items

    inner join user_pools
        on touched_items.tenant_id = user_pools.tenant_id
        and touched_items.user_id = user_pools.user_id

    inner join numbered_items
        on touched_items.tenant_id = numbered_items.tenant_id
        and touched_items.item_id = numbered_items.item_id

    inner join first_items
        on touched_items.tenant_id = first_items.tenant_id

),

ranked_positions as (

    select
        user_number,
        item_position,
        row_number() over (
            partition by user_number
            order by item_position asc
        ) as touched_rank

    from touched_positions

),

gaps as (

    select
        user_number,
        item_position - touched_rank + 1 as gap,
        max(touched_rank) as touched_count

    from ranked_positions

    group by
        user_number,
        gap

),

keyed_positives as (

    select
        positives.tenant_id,
        positives.interaction_id,
        positives.user_id,
        user_pools.pool_size,
        user_pools.draw_count,
        user_pools.user_number,
        {{ text_key(
            "'" ~ sampling_seed() ~ "' || chr(31) || positives.tenant_id || chr(31) "
            ~ "|| positives.user_id || chr(31) || positives.interaction_id"
        ) }} as positive_key

    from positives

    inner join user_pools
        on positives.tenant_id = user_pools.tenant_id
        and positives.user_id = user_pools.user_id

),

turned_positives as (

    select
        *,
        {{ scaled_draw(mixed_bits('positive_key'), 'pool_size') }} as turn

    from keyed_positives

),

strata as (

    select
        *,
        unnest(range(1, draw_count + 1)) as draw

    from turned_positives

),

seeded_strata as (

    select
        *,
        {{ stratum_start('draw - 1', 'draw_count', 'pool_size') }} as stratum_start,
        {{ stratum_start('draw', 'draw_count', 'pool_size') }} as stratum_end,
        {{ bitwise_xor(
            'positive_key', '(draw * 2654435769) & 4294967295'
        ) }} as draw_key

    from strata

),

draws as (

    select
        tenant_id,
        interaction_id,
        user_id,
        draw,
        user_number,
        draw_count / pool_size as sampling_probability,
        (
            stratum_start
            + {{ scaled_draw(mixed_bits('draw_key'), 'stratum_end - stratum_start') }}
            + turn
        ) % pool_size as untouched_rank

    from seeded_strata

),

drawn_positions as (

    select
        draws.tenant_id,
        draws.interaction_id,
        draws.user_id,
        draws.draw,
        draws.sampling_probability,
        draws.untouched_rank + coalesce(gaps.touched_count, 0) as item_position

    from draws

    asof left join gaps
        on draws.user_number = gaps.user_number
        and draws.untouched_rank >= gaps.gap

),

negatives as (

    select
        drawn_positions.tenant_id,
        drawn_positions.interaction_id,
        drawn_positions.user_id,
        numbered_items.item_id,
        drawn_positions.draw,
        drawn_positions.sampling_probability

    from drawn_positions

    inner join first_items
        on drawn_positions.tenant_id = first_items.tenant_id

    inner join numbered_items
        on numbered_items.item_number
        = first_items.first_item_number + drawn_positions.item_position

)

select * from negatives
