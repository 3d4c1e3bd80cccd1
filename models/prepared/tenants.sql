{#-
    One row per tenant that has loaded anything, with its settings as they stand:
    its own row of the seed, else the row of `*`.
-#}

with

interactions as (

    select
        tenant_id,
        count(*) as interaction_count,
        count(interacted_at) as timed_interaction_count,
        min(interacted_at) as first_interacted_at,
        max(interacted_at) as last_interacted_at

    from {{ ref('interactions') }}

    group by tenant_id

),

loading_tenants as (

    select tenant_id from {{ ref('stg_winnow__loaded_files') }}
    union
    select tenant_id from interactions

),

tenant_settings as (

    select * from {{ ref('tenant_settings') }}

),

tenants as (

    select
        loading_tenants.tenant_id,
        {{ tenant_value('settings', 'negative_strategy') }} as negative_strategy,
        {{ tenant_value('settings', 'candidate_strategy') }} as candidate_strategy,
        {{ tenant_value('settings', 'positive_rating_minimum') }}
            as positive_rating_minimum,
        {{ tenant_value('settings', 'popularity_alpha') }} as popularity_alpha,
        cast({{ tenant_value('settings', 'negative_ratio') }} as bigint)
            as negative_ratio,
        cast({{ tenant_value('settings', 'candidate_count') }} as bigint)
            as candidate_count,
        cast({{ tenant_value('settings', 'sequence_length') }} as bigint)
            as sequence_length,
        coalesce(interactions.interaction_count, 0) as interaction_count,
        coalesce(
            interactions.timed_interaction_count = interactions.interaction_count, false
        ) as has_times,
        {{ tenant_value('settings', 'time_aware_negatives') }} as time_aware_negatives,
        interactions.first_interacted_at,
        interactions.last_interacted_at

    from loading_tenants

    left join interactions
        on loading_tenants.tenant_id = interactions.tenant_id

    left join tenant_settings as own_settings
        on loading_tenants.tenant_id = own_settings.tenant_id

    left join tenant_settings as any_settings
        on any_settings.tenant_id = '*'

)

select * from tenants
