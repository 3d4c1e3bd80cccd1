{#-
    The CTE `requests`, which drawn_items needs: one row per positive with how many items
    to draw for it, by what strategy, from what. The key, and with it every draw, is
    that of the seed, the purpose, the tenant and the interaction. It is the one CTE with a
    row per positive that is kept in memory. Needs the CTEs
    `user_pools` and `positive_pools` (as the models of that name) and the positives'.
-#}
{% macro sampling_requests(positives, strategy, draws, purpose) -%}
    {%- if purpose not in ["negatives", "evaluation_candidates"] -%}
        {{ exceptions.raise_compiler_error(
            "sampling_requests: purpose must be negatives or evaluation_candidates, "
            ~ "not '" ~ purpose ~ "'"
        ) }}
    {%- endif -%}
    {%- set strategy = checked_expression("sampling_requests", "strategy", strategy) -%}
    {%- set draws = checked_expression("sampling_requests", "draws", draws) -%}
tenant_keys as (

    select
        tenant_number,
        {{ text_key(
            "'" ~ sampling_seed() ~ "' || chr(31) || '" ~ purpose
            ~ "' || chr(31) || min(tenant_id)"
        ) }} as tenant_key

    from user_pools

    group by tenant_number

),

static_requests as (

    select
        {{ positives }}.interaction_id,
        {{ positives }}.interaction_order,
        user_pools.user_number,
        user_pools.tenant_number,
        user_pools.first_item_number,
        user_pools.{{ strategy }} as strategy,
        user_pools.{{ draws }} as wanted_count,
        user_pools.item_count,
        user_pools.pool_size,
        user_pools.free_slot_count

    from {{ positives }}

    inner join user_pools
        on {{ positives }}.user_key = user_pools.user_key

    where not user_pools.time_aware_negatives

),

time_aware_requests as (

    select
        {{ positives }}.interaction_id,
        {{ positives }}.interaction_order,
        user_pools.user_number,
        user_pools.tenant_number,
        user_pools.first_item_number,
        user_pools.{{ strategy }} as strategy,
        user_pools.{{ draws }} as wanted_count,
        positive_pools.item_count,
        positive_pools.pool_size,
        positive_pools.free_slot_count

    from {{ positives }}

    inner join user_pools
        on {{ positives }}.user_key = user_pools.user_key

    inner join positive_pools
        on {{ positives }}.tenant_id = positive_pools.tenant_id
        and {{ positives }}.interaction_id = positive_pools.interaction_id

),

wanted_requests as {{ inlined() }} (

    select * from static_requests
    union all
    select * from time_aware_requests

),

keyed_requests as {{ inlined() }} (

    select
        wanted_requests.interaction_order,
        wanted_requests.user_number,
        wanted_requests.tenant_number,
        wanted_requests.first_item_number,
        wanted_requests.strategy = 'popularity' as is_weighted,
        least(wanted_requests.wanted_count, wanted_requests.pool_size) as draw_count,
        wanted_requests.item_count,
        wanted_requests.pool_size,
        wanted_requests.free_slot_count,
        {{ bitwise_xor(
            text_key('wanted_requests.interaction_id'), 'tenant_keys.tenant_key'
        ) }} as request_key

    from wanted_requests

    inner join tenant_keys
        on wanted_requests.tenant_number = tenant_keys.tenant_number

    where
        wanted_requests.pool_size > 0
        and wanted_requests.wanted_count > 0

),

requests as (

    select
        *,
        -- Equal numbers of two requests of a user mean equal draws.
        user_number * 4294967296 + request_key as request_number,
        not is_weighted
        and draw_count * (2 * (item_count - pool_size) + draw_count) <= item_count
            as is_drawn_first

    from keyed_requests

)
{%- endmacro %}
