{#-
    One row per tenant that has loaded anything, with its settings as they stand:
    its own row of the seed, else the row of `*`. Settings that make no sense make the
    model fail with a sentence. Time-aware negatives need times: where only the row of `*`
    asks for them, tenants without times go without.
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

settled_tenants as (

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
        coalesce(own_settings.time_aware_negatives, false) as wants_times,
        {{ tenant_value('settings', 'time_aware_negatives') }} as time_aware_negatives,
        coalesce({{ tenant_value('settings', 'purchase_needs_view') }}, false)
            as purchase_needs_view,
        {{ tenant_value('settings', 'no_rating_values') }} as no_rating_values,
        {{ tenant_value('settings', 'earliest_interacted_at') }}
        > {{ tenant_value('settings', 'latest_interacted_at') }} as has_no_times,
        interactions.first_interacted_at,
        interactions.last_interacted_at

    from loading_tenants

    left join interactions
        on loading_tenants.tenant_id = interactions.tenant_id

    left join tenant_settings as own_settings
        on loading_tenants.tenant_id = own_settings.tenant_id

    left join tenant_settings as any_settings
        on any_settings.tenant_id = '*'

),

refusals as (

    select
        *,
        case
            when coalesce(negative_strategy, '') not in ('uniform', 'popularity')
                then 'negative_strategy must be uniform or popularity'
            when coalesce(candidate_strategy, '') not in ('uniform', 'popularity')
                then 'candidate_strategy must be uniform or popularity'
            when not coalesce(negative_ratio between 0 and 10000, false)
                then 'negative_ratio must be 0 to 10000'
            when not coalesce(candidate_count between 0 and 10000, false)
                then 'candidate_count must be 0 to 10000'
            when not coalesce(popularity_alpha between 0 and 1.5, false)
                then 'popularity_alpha must be 0 to 1.5'
            when not coalesce(sequence_length between 1 and 100000, false)
                then 'sequence_length must be 1 to 100000'
            when has_no_times
                then 'earliest_interacted_at must not lie after latest_interacted_at'
            when
                len(
                    list_filter(
                        string_split(coalesce(no_rating_values, ''), ' '),
                        lambda word:
                        word not in ('', 'none')
                        and coalesce(not isfinite(try_cast(word as double)), true)
                    )
                ) > 0
                then
                    'no_rating_values must be numbers with blanks between them, '
                    || 'such as 0 -1, or none'
            when wants_times and not has_times and interaction_count > 0
                then
                    'time_aware_negatives needs a time for every interaction, '
                    || 'which the tenant does not have; leave it empty'
        end as problem

    from settled_tenants

),

tenants as (

    select
        coalesce(
            {{ raised_sentence(
                "'Tenant ' || tenant_id || ' in seeds/tenant_settings.csv: ' "
                ~ "|| problem || '.'"
            ) }},
            tenant_id
        ) as tenant_id,
        negative_strategy,
        candidate_strategy,
        positive_rating_minimum,
        popularity_alpha,
        negative_ratio,
        candidate_count,
        sequence_length,
        interaction_count,
        has_times,
        coalesce(time_aware_negatives and has_times, false) as time_aware_negatives,
        purchase_needs_view,
        first_interacted_at,
        last_interacted_at

    from refusals

)

select * from tenants
