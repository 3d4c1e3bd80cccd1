{#-
    One row per tenant: what it sets for the comparison of models, its own row of the
    seed, else the row of `*`. Settings that make no sense make the model fail with a
    sentence.
-#}

with

tenants as (
    select tenant_id
    from {{ ref('tenants') }}
),

tenant_settings as (
    select * from {{ ref('tenant_settings') }}
),

settled_tenants as (

    select
        tenants.tenant_id,
        {{ tenant_value('settings', 'comparison_baseline') }} as comparison_baseline,
        {{ tenant_value('settings', 'conversion_event_type') }}
            as conversion_event_type,
        {{ tenant_value('settings', 'conversion_depth') }} as conversion_depth,
        {{ tenant_value('settings', 'satisfaction_rating_minimum') }}
            as satisfaction_rating_minimum

    from tenants

    left join tenant_settings as own_settings
        on tenants.tenant_id = own_settings.tenant_id

    left join tenant_settings as any_settings
        on any_settings.tenant_id = '*'

),

refusals as (

    select
        *,
        case
            when coalesce(conversion_event_type, '') = ''
                then 'conversion_event_type must not be empty'
            when not coalesce(conversion_depth between 1 and 10000, false)
                then 'conversion_depth must be 1 to 10000'
            when
                not coalesce(isfinite(satisfaction_rating_minimum), false)
                then 'satisfaction_rating_minimum must be a number'
        end as problem

    from settled_tenants

),

comparison_settings as (

    select
        coalesce(
            {{ raised_sentence(
                "'Tenant ' || tenant_id || ' in seeds/tenant_settings.csv: ' "
                ~ "|| problem || '.'"
            ) }},
            tenant_id
        ) as tenant_id,
        comparison_baseline,
        conversion_event_type,
        conversion_depth,
        satisfaction_rating_minimum

    from refusals

)

select * from comparison_settings
