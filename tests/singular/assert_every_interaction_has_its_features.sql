{#-
    Conservation: the joins of the point-in-time features neither lose nor multiply an
    interaction.
-#}

with

interactions as (

    select
        tenant_id,
        count(*) as interaction_count

    from {{ ref('interactions') }}

    group by tenant_id

),

interaction_features as (

    select
        tenant_id,
        count(*) as row_count

    from {{ ref('interaction_features') }}

    group by tenant_id

)

select
    coalesce(interactions.tenant_id, interaction_features.tenant_id) as tenant_id,
    interactions.interaction_count,
    interaction_features.row_count

from interactions

full outer join interaction_features
    on interactions.tenant_id = interaction_features.tenant_id

where interactions.interaction_count is distinct from interaction_features.row_count
