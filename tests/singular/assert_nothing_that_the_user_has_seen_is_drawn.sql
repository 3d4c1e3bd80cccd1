{#-
    Leakage: no negative and no evaluation candidate is an item that its user has seen, in
    any split.
-#}

with

drawn as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        'negatives' as purpose

    from {{ ref('negatives') }}

    union all

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        'evaluation_candidates' as purpose

    from {{ ref('evaluation_candidates') }}

),

interactions as (

    select
        tenant_id,
        user_id,
        item_id

    from {{ ref('interactions') }}

    where is_seen

)

select drawn.*

from drawn

semi join interactions
    on drawn.tenant_id = interactions.tenant_id
    and drawn.user_id = interactions.user_id
    and drawn.item_id = interactions.item_id
