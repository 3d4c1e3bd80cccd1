{#-
    Conservation: every user has as many negatives, and as many evaluation candidates, as
    the user's positives should get, less what the shortfall report says; and no positive
    has more than it should.
-#}

with

positives as (

    select
        tenant_id,
        interaction_id,
        user_id,
        split

    from {{ ref('positives') }}

),

tenants as (

    select
        tenant_id,
        negative_ratio,
        candidate_count

    from {{ ref('tenants') }}

),

sampling_shortfall as (

    select
        tenant_id,
        user_id,
        purpose,
        shortfall_count

    from {{ ref('sampling_shortfall') }}

),

wanted_draws as (

    select
        positives.tenant_id,
        positives.user_id,
        'negatives' as purpose,
        count(*) * tenants.negative_ratio as wanted_count

    from positives

    inner join tenants
        on positives.tenant_id = tenants.tenant_id

    group by
        positives.tenant_id,
        positives.user_id,
        tenants.negative_ratio

    union all

    select
        positives.tenant_id,
        positives.user_id,
        'evaluation_candidates' as purpose,
        count(*) * tenants.candidate_count as wanted_count

    from positives

    inner join tenants
        on positives.tenant_id = tenants.tenant_id

    where positives.split = 'test'

    group by
        positives.tenant_id,
        positives.user_id,
        tenants.candidate_count

),

draws as (

    select
        tenant_id,
        user_index,
        'negatives' as purpose,
        draw

    from {{ ref('negative_draws') }}

    union all

    select
        tenant_id,
        user_index,
        'evaluation_candidates' as purpose,
        draw

    from {{ ref('candidate_draws') }}

),

draw_counts as (

    select
        tenant_id,
        user_index,
        purpose,
        count(*) as drawn_count,
        max(draw) as last_draw

    from draws

    group by
        tenant_id,
        user_index,
        purpose

),

drawn as (

    select
        draw_counts.tenant_id,
        users.user_id,
        draw_counts.purpose,
        draw_counts.drawn_count,
        draw_counts.last_draw

    from draw_counts

    left join {{ ref('users') }} as users
        on draw_counts.tenant_id = users.tenant_id
        and draw_counts.user_index = users.user_index

),

compared as (

    select
        coalesce(wanted_draws.tenant_id, drawn.tenant_id) as tenant_id,
        coalesce(wanted_draws.user_id, drawn.user_id) as user_id,
        coalesce(wanted_draws.purpose, drawn.purpose) as purpose,
        coalesce(wanted_draws.wanted_count, 0) as wanted_count,
        coalesce(drawn.drawn_count, 0) as drawn_count,
        coalesce(drawn.last_draw, 0) as last_draw

    from wanted_draws

    full outer join drawn
        on wanted_draws.tenant_id = drawn.tenant_id
        and wanted_draws.user_id = drawn.user_id
        and wanted_draws.purpose = drawn.purpose

)

select
    compared.tenant_id,
    compared.user_id,
    compared.purpose,
    compared.wanted_count,
    compared.drawn_count,
    sampling_shortfall.shortfall_count

from compared

inner join tenants
    on compared.tenant_id = tenants.tenant_id

left join sampling_shortfall
    on compared.tenant_id = sampling_shortfall.tenant_id
    and compared.user_id = sampling_shortfall.user_id
    and compared.purpose = sampling_shortfall.purpose

where
    compared.drawn_count
    != compared.wanted_count - coalesce(sampling_shortfall.shortfall_count, 0)
    or compared.last_draw > case
        when compared.purpose = 'negatives' then tenants.negative_ratio
        else tenants.candidate_count
    end
