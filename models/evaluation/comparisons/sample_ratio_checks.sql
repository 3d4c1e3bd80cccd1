{#-
    One row per tenant with an experiment (seed experiment_shares) and model of it: were
    the users divided as planned? A user belongs to the model that it alone has
    predictions of; users of several are counted and left out. Versions of a model are
    one.
    Where the division is off, so is everything that is compared: users are then missing
    in one of the groups for a reason.
-#}

with

tenants as (
    select tenant_id
    from {{ ref('tenants') }}
),

predictions as (
    select
        tenant_id,
        user_id,
        model
    from {{ ref('predictions') }}
),

experiment_shares as (
    select
        tenant_id,
        model,
        planned_share,
        count(*) over (partition by tenant_id) as model_count
    from {{ ref('experiment_shares') }}
),

refusals as (
    select
        *,
        case
            when not coalesce(planned_share > 0 and isfinite(planned_share), false)
                then 'the planned_share of ' || model || ' must be above 0'
            when model_count = 1
                then model || ' stands alone; an experiment has two models or more'
        end as problem
    from experiment_shares
),

planned_shares as (

    select
        tenants.tenant_id,
        refusals.model,
        refusals.model_count,
        refusals.planned_share / sum(refusals.planned_share) over (
            partition by refusals.tenant_id
            order by refusals.model asc
            rows between unbounded preceding and unbounded following
        ) as planned_share

    from refusals

    inner join tenants
        on refusals.tenant_id = tenants.tenant_id

    where
        {{ raised_sentence(
            "'Tenant ' || refusals.tenant_id || ' in seeds/experiment_shares.csv: ' "
            ~ "|| refusals.problem || '.'"
        ) }} is null

),

users as (
    select
        predictions.tenant_id,
        predictions.user_id,
        min(predictions.model) as model,
        min(predictions.model) <> max(predictions.model) as has_several
    from predictions
    inner join planned_shares
        on predictions.tenant_id = planned_shares.tenant_id
        and predictions.model = planned_shares.model
    group by all
),

counts as (
    select
        tenant_id,
        model,
        count(*) as user_count
    from users
    where not has_several
    group by all
),

totals as (
    select
        tenant_id,
        count(*) filter (where not has_several) as experiment_user_count,
        count(*) filter (where has_several) as shared_user_count
    from users
    group by tenant_id
),

compared as (

    select
        planned_shares.tenant_id,
        planned_shares.model,
        planned_shares.model_count,
        planned_shares.planned_share,
        coalesce(counts.user_count, 0) as user_count,
        coalesce(totals.experiment_user_count, 0) as experiment_user_count,
        coalesce(totals.shared_user_count, 0) as shared_user_count,
        planned_shares.planned_share * totals.experiment_user_count
            as expected_user_count

    from planned_shares

    left join counts
        on planned_shares.tenant_id = counts.tenant_id
        and planned_shares.model = counts.model

    left join totals
        on planned_shares.tenant_id = totals.tenant_id

),

summed as (

    select
        *,
        sum(
            case
                when expected_user_count > 0
                    then
                        pow(user_count - expected_user_count, 2) / expected_user_count
            end
        ) over (
            partition by tenant_id
            order by model asc
            rows between unbounded preceding and unbounded following
        ) as chi_square

    from compared

),

tested as (
    select
        *,
        chi_square_p_value(chi_square, cast(model_count - 1 as double)) as p_value
    from summed
),

sample_ratio_checks as (

    select
        tenant_id,
        model,
        case
            when p_value is null
                then 'not checked: no user has predictions of one model only'
            when p_value < 0.001
                then
                    'users are not divided as planned (p '
                    || case
                        when p_value < 1e-6 then '< 0.000001'
                        else '= ' || format('{:.1g}', p_value)
                    end
                    || '): ' || format('{:,}', user_count) || ' of '
                    || format('{:,}', experiment_user_count) || ' users, about '
                    || format('{:,}', cast(round(expected_user_count) as bigint))
                    || ' planned; do not trust what is compared'
            else
                'users are divided as planned (p = ' || format('{:.2g}', p_value) || ')'
        end
        || case
            when shared_user_count > 0
                then
                    '; users with predictions of several models, who are left out: '
                    || format('{:,}', shared_user_count)
            else ''
        end as verdict,
        user_count,
        experiment_user_count,
        shared_user_count,
        planned_share,
        case
            when experiment_user_count > 0
                then cast(user_count as double) / experiment_user_count
        end as observed_share,
        chi_square,
        p_value,
        coalesce(p_value < 0.001, false) as is_mismatch

    from tested

)

select * from sample_ratio_checks
