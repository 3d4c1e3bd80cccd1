{#- The negatives of one positive are different items, and so are its candidates. -#}

with

drawn as (

    select
        tenant_id,
        interaction_id,
        item_id,
        'negatives' as purpose

    from {{ ref('negatives') }}

    union all

    select
        tenant_id,
        interaction_id,
        item_id,
        'evaluation_candidates' as purpose

    from {{ ref('evaluation_candidates') }}

)

select
    tenant_id,
    purpose,
    interaction_id,
    item_id,
    count(*) as draw_count

from drawn

group by
    tenant_id,
    purpose,
    interaction_id,
    item_id

having count(*) > 1
