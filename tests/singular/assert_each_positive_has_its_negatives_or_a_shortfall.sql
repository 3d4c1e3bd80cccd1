{#-
    Conservation: every positive has as many negatives as its tenant's ratio says, or else
    as its user's row of the shortfall report says.
-#}

with

positives as (

    select
        tenant_id,
        interaction_id,
        user_id

    from {{ ref('positives') }}

),

tenants as (

    select
        tenant_id,
        negative_ratio

    from {{ ref('tenants') }}

),

sampling_shortfall as (

    select
        tenant_id,
        user_id,
        drawn_count // positive_count as draw_count

    from {{ ref('sampling_shortfall') }}

),

drawn as (

    select
        tenant_id,
        interaction_id,
        user_id,
        count(*) as negative_count

    from {{ ref('negatives') }}

    group by
        tenant_id,
        interaction_id,
        user_id

),

expected as (

    select
        positives.tenant_id,
        positives.interaction_id,
        positives.user_id,
        coalesce(sampling_shortfall.draw_count, tenants.negative_ratio)
            as negative_count

    from positives

    inner join tenants
        on positives.tenant_id = tenants.tenant_id

    left join sampling_shortfall
        on positives.tenant_id = sampling_shortfall.tenant_id
        and positives.user_id = sampling_shortfall.user_id

)

select
    expected.tenant_id,
    expected.interaction_id,
    expected.user_id,
    expected.negative_count as expected_count,
    drawn.negative_count

from expected

full outer join drawn
    on expected.tenant_id = drawn.tenant_id
    and expected.interaction_id = drawn.interaction_id
    and expected.user_id = drawn.user_id

where coalesce(expected.negative_count, 0) != coalesce(drawn.negative_count, 0)
