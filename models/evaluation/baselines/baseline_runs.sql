{#-
    One row per tenant, split, fold and baseline that is fitted there, as the tenant's
    settings say: on the first split with all of its folds, or on all splits. Where only
    the row of `*` asks for a baseline that needs times, tenants without times go without.
    Settings that make no sense make the model fail with a sentence.
-#}

with

tenants as (
    select
        tenant_id,
        interaction_count,
        has_times
    from {{ ref('tenants') }}
),

tenant_settings as (
    select
        tenant_id,
        baselines,
        baseline_splits,
        recent_days
    from {{ ref('tenant_settings') }}
),

metric_settings as (
    select
        tenant_id,
        ks
    from {{ ref('metric_settings') }}
),

split_cuts as (
    select
        tenant_id,
        split_name,
        split_number,
        fold,
        is_first_split,
        is_main
    from {{ ref('split_cuts') }}
),

baselines as (

    {%- for model, task in baseline_models().items() %}
    select
        '{{ model }}' as model,
        '{{ task }}' as task,
        {{ 'true' if model == 'most_popular_recent' else 'false' }} as needs_times
    {%- if not loop.last %}
    union all
    {%- endif %}
    {%- endfor %}

),

settled_tenants as (

    select
        tenants.tenant_id,
        tenants.has_times,
        tenants.interaction_count,
        own_settings.baselines as own_baselines,
        coalesce({{ tenant_value('settings', 'baselines') }}, 'none') as baselines,
        coalesce({{ tenant_value('settings', 'baseline_splits') }}, '')
            as baseline_splits,
        {{ tenant_value('settings', 'recent_days') }} as recent_days

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
            when {{ unknown_baseline('baselines') }} is not null
                then
                    'baselines has ' || {{ unknown_baseline('baselines') }}
                    || ', which is no baseline; write some of '
                    || '{{ baseline_models().keys() | join(" ") }} '
                    || 'with blanks between them, or none alone'
            when baseline_splits not in ('first', 'all')
                then 'baseline_splits must be first or all'
            when not coalesce(recent_days between 1 and 36500, false)
                then 'recent_days must be 1 to 36500'
            when
                {{ has_word('own_baselines', 'most_popular_recent') }}
                and not has_times
                and interaction_count > 0
                then
                    'most_popular_recent in baselines needs a time for every '
                    || 'interaction, which the tenant does not have'
        end as problem

    from settled_tenants

),

checked_tenants as (

    select
        coalesce(
            {{ raised_sentence(
                "'Tenant ' || tenant_id || ' in seeds/tenant_settings.csv: ' "
                ~ "|| problem || '.'"
            ) }},
            tenant_id
        ) as tenant_id,
        baselines,
        baseline_splits,
        recent_days,
        has_times

    from refusals

),

baseline_runs as (

    select
        checked_tenants.tenant_id,
        split_cuts.split_name,
        baselines.model,
        baselines.task,
        split_cuts.split_number,
        split_cuts.fold,
        cast(list_max(metric_settings.ks) as bigint) as list_length,
        case when baselines.needs_times then checked_tenants.recent_days end
            as recent_days,
        split_cuts.is_main

    from checked_tenants

    inner join metric_settings
        on checked_tenants.tenant_id = metric_settings.tenant_id

    inner join split_cuts
        on checked_tenants.tenant_id = split_cuts.tenant_id
        and (split_cuts.is_first_split or checked_tenants.baseline_splits = 'all')

    inner join baselines
        on list_contains({{ words_of('checked_tenants.baselines') }}, baselines.model)
        and (checked_tenants.has_times or not baselines.needs_times)

)

select * from baseline_runs
