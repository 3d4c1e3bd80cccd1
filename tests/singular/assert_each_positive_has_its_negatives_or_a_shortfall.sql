{#-
    Conservation: for every tenant, negatives = ratio x positives - shortfall, and no
    positive has more or fewer than its user's pool allows.
-#}

with

drawn as (

    select
        tenant_id,
        user_id,
        count(*) as negative_count,
        count(distinct interaction_id) as interaction_count

    from {{ ref('negatives') }}

    group by
        tenant_id,
        user_id

),

expected as (

    select
        tenant_id,
        user_id,
        positive_count,
        draw_count

    from {{ ref('user_pools') }}

)

select
    expected.tenant_id,
    expected.user_id,
    expected.positive_count,
    expected.draw_count,
    drawn.negative_count

from expected

full outer join drawn
    on expected.tenant_id = drawn.tenant_id
    and expected.user_id = drawn.user_id

where
    coalesce(drawn.negative_count, 0)
    != coalesce(expected.positive_count * expected.draw_count, 0)
    or (
        expected.draw_count > 0
        and drawn.interaction_count != expected.positive_count
    )
