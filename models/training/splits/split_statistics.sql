{#-
    One row per tenant, split, fold and train, validation or test, those without a positive
    too: what is in it, and how much of it train covers. What is dropped is what is missing
    of the tenant's positives, the same in each row of a split and fold.
-#}

with

splits as (
    select * from {{ ref('splits') }}
),

split_folds as (

    select
        tenant_id,
        split_name,
        split_number,
        method,
        is_first_split,
        {{ numbers_below('1', 'coalesce(fold_count, window_count) + 1') }} as fold

    from splits

    where method in ('k_fold', 'rolling_window')

    union all

    select
        tenant_id,
        split_name,
        split_number,
        method,
        is_first_split,
        0 as fold

    from splits

    where method not in ('k_fold', 'rolling_window')

),

parts as (
    select
        *,
        {{ rows_of(
            "case when method in ('k_fold', 'rolling_window') then ['train', 'test'] "
            ~ "else ['train', 'validation', 'test'] end"
        ) }} as split
    from split_folds
),

numbered_parts as (
    select
        *,
        row_number() over (
            order by tenant_id asc, split_name asc, fold asc, split asc
        ) as part
    from parts
),

part_positives as {{ inlined() }} (

    select
        numbered_parts.part,
        assignments.user_key,
        assignments.item_key,
        assignments.is_cold_user,
        assignments.is_cold_item,
        assignments.interacted_at

    from {{ ref('split_assignments') }} as assignments

    inner join numbered_parts
        on assignments.split_number = numbered_parts.split_number
        and assignments.fold = numbered_parts.fold
        and assignments.split = numbered_parts.split

),

interaction_statistics as (

    {{ interaction_statistics('part_positives', ['part']) }}

),

cold_positives as (
    select
        part,
        count(distinct user_key) filter (where is_cold_user) as cold_users,
        count(distinct item_key) filter (where is_cold_item) as cold_items,
        count(*) as cold_count
    from part_positives
    where is_cold_user or is_cold_item
    group by part
),

tenant_positives as (
    select
        tenant_id,
        count(*) as positive_count
    from {{ ref('interactions') }}
    where is_positive
    group by tenant_id
),

part_statistics as (

    select
        numbered_parts.tenant_id,
        numbered_parts.split_name,
        numbered_parts.split,
        numbered_parts.fold,
        coalesce(interaction_statistics.interactions, 0) as positives,
        coalesce(interaction_statistics.users, 0) as users,
        coalesce(interaction_statistics.items, 0) as items,
        coalesce(cold_positives.cold_users, 0) as cold_users,
        coalesce(cold_positives.cold_items, 0) as cold_items,
        interaction_statistics.density,
        interaction_statistics.item_gini,
        interaction_statistics.user_gini,
        interaction_statistics.repeat_rate,
        interaction_statistics.tie_rate,
        coalesce(cold_positives.cold_count, 0) / interaction_statistics.interactions
            as cold_share,
        interaction_statistics.span_days,
        numbered_parts.is_first_split,
        interaction_statistics.first_interacted_at,
        interaction_statistics.last_interacted_at

    from numbered_parts

    left join interaction_statistics
        on numbered_parts.part = interaction_statistics.part

    left join cold_positives
        on numbered_parts.part = cold_positives.part

),

split_statistics as (

    select
        part_statistics.tenant_id,
        part_statistics.split_name,
        part_statistics.split,
        part_statistics.fold,
        part_statistics.positives,
        part_statistics.users,
        part_statistics.items,
        part_statistics.users - part_statistics.cold_users as warm_users,
        part_statistics.items - part_statistics.cold_items as warm_items,
        part_statistics.cold_users,
        part_statistics.cold_items,
        cast(
            coalesce(tenant_positives.positive_count, 0)
            - sum(part_statistics.positives) over (
                partition by
                    part_statistics.tenant_id,
                    part_statistics.split_name,
                    part_statistics.fold
            ) as bigint
        ) as dropped_positives,
        part_statistics.density,
        part_statistics.item_gini,
        part_statistics.user_gini,
        part_statistics.repeat_rate,
        part_statistics.tie_rate,
        part_statistics.cold_share,
        part_statistics.span_days,
        part_statistics.is_first_split,
        part_statistics.first_interacted_at,
        part_statistics.last_interacted_at

    from part_statistics

    left join tenant_positives
        on part_statistics.tenant_id = tenant_positives.tenant_id

)

select * from split_statistics
