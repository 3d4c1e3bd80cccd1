{#-
    One row per tenant and split that applies to it, with the split's parameters: the
    tenant's own rows of the seed tenant_splits, or those of `*` for a tenant without any.
    Rows of `*` that cut by time are passed over for tenants whose interactions do not all
    have times. Anything else that cannot be done makes the model fail with a sentence, so
    that nothing is built on it; of several, it says one.
-#}

with

tenants as (
    select
        tenant_id,
        interaction_count,
        has_times
    from {{ ref('tenants') }}
),

tenant_splits as (
    select
        *,
        method in ('global_time', 'rolling_window') as is_by_time,
        {{ split_setting_problem() }} as problem
    from {{ ref('tenant_splits') }}
),

own_tenants as (
    select tenant_id
    from tenant_splits
    group by tenant_id
),

wanted_splits as (

    select
        tenants.tenant_id,
        tenants.interaction_count,
        tenants.has_times,
        own_tenants.tenant_id is not null as is_own,
        tenant_splits.* exclude (tenant_id)

    from tenants

    left join own_tenants
        on tenants.tenant_id = own_tenants.tenant_id

    inner join tenant_splits
        on tenant_splits.tenant_id = coalesce(own_tenants.tenant_id, '*')

),

applied_splits as (
    select *
    from wanted_splits
    where has_times or not is_by_time
),

tenants_with_splits as (
    select tenant_id
    from applied_splits
    group by tenant_id
),

refusals as (

    select
        1 as kind,
        tenant_id,
        split_name,
        'Split ' || split_name || ' of tenant ' || tenant_id
        || ' in seeds/tenant_splits.csv cannot be made: ' || problem || '.' as sentence

    from tenant_splits

    where problem is not null

    union all

    select
        2 as kind,
        tenant_id,
        split_name,
        'Split ' || split_name || ' of tenant ' || tenant_id
        || ' in seeds/tenant_splits.csv cannot be made: ' || method
        || ' cuts by time, and not every interaction of the tenant has one; use '
        || 'leave_last_out, user_time_ratio, user_hash or k_fold instead.' as sentence

    from wanted_splits

    where
        is_own
        and is_by_time
        and not has_times
        and interaction_count > 0

    union all

    select
        3 as kind,
        tenants.tenant_id,
        '' as split_name,
        'Tenant ' || tenants.tenant_id
        || ' has no split: seeds/tenant_splits.csv has no row for it, or under *'
        || case
            when tenants.has_times then ''
            else ', that does without times, which not all of its interactions have'
        end
        || '; use leave_last_out, user_time_ratio, user_hash or k_fold.' as sentence

    from tenants

    left join tenants_with_splits
        on tenants.tenant_id = tenants_with_splits.tenant_id

    where
        tenants_with_splits.tenant_id is null
        and tenants.interaction_count > 0

),

first_refusals as (
    select sentence
    from refusals
    order by
        kind asc,
        tenant_id asc,
        split_name asc
    limit 1
),

ranked_splits as (
    select
        tenant_id,
        * exclude (tenant_id),
        row_number() over (
            partition by tenant_id
            order by priority asc, split_name asc
        ) as place,
        row_number() over (order by tenant_id asc, split_name asc) as split_number
    from applied_splits
),

splits_or_refusal as (

    select * from ranked_splits

    union all

    select
        {{ raised_sentence('first_refusals.sentence') }} as tenant_id,
        ranked_splits.* exclude (tenant_id)

    from first_refusals

    left join ranked_splits
        on false

),

splits as (

    select
        tenant_id,
        split_name,
        method,
        split_number,
        priority,
        train_share,
        validation_share,
        validation_count,
        test_count,
        fold_count,
        window_count,
        window_days,
        minimum_user_positives,
        minimum_item_positives,
        case method
            when 'k_fold' then 1
            when 'rolling_window' then window_count
            else 0
        end as main_fold,
        place = 1 as is_first_split,
        is_by_time,
        train_until,
        validation_until

    from splits_or_refusal

)

select * from splits
