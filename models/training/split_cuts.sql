{#-
    One row per tenant, split and fold: where it is cut in time. The cuts are read off
    training.split_assignments, which makes them from the positives, so that interactions
    that are no positives (low ratings, views) can be put on the same sides.
-#}

with

splits as (

    select
        tenant_id,
        split_name,
        method,
        fold_count,
        window_count,
        window_days,
        main_fold,
        is_first_split,
        is_by_time,
        train_until,
        validation_until

    from {{ ref('splits') }}

),

split_assignments as (

    select
        tenant_id,
        split_name,
        split,
        interacted_at

    from {{ ref('split_assignments') }}

),

last_instants as (

    select
        split_assignments.tenant_id,
        split_assignments.split_name,
        count(*) filter (where split_assignments.split != 'train') as held_out_count,
        count(*) filter (where split_assignments.split = 'test') as test_count,
        max(split_assignments.interacted_at) filter (
            where split_assignments.split = 'train'
        ) as last_train_at,
        max(split_assignments.interacted_at) filter (
            where split_assignments.split != 'test'
        ) as last_validation_at,
        max(split_assignments.interacted_at) as last_at

    from split_assignments

    inner join splits
        on split_assignments.tenant_id = splits.tenant_id
        and split_assignments.split_name = splits.split_name

    where splits.is_by_time

    group by
        split_assignments.tenant_id,
        split_assignments.split_name

),

folds as (

    select
        *,
        {{ numbers_below('1', 'coalesce(fold_count, window_count) + 1') }} as fold

    from splits

    where method in ('k_fold', 'rolling_window')

    union all

    select
        *,
        0 as fold

    from splits

    where method not in ('k_fold', 'rolling_window')

),

time_cuts as (

    select
        folds.*,
        {{ window_end(
            'last_instants.last_at',
            'folds.fold - 1',
            'folds.window_count',
            'folds.window_days',
        ) }} as window_begin,
        {{ window_end(
            'last_instants.last_at',
            'folds.fold',
            'folds.window_count',
            'folds.window_days',
        ) }} as window_end,
        case when last_instants.held_out_count > 0 then last_instants.last_train_at end
            as share_train_until,
        case when last_instants.test_count > 0 then last_instants.last_validation_at end
            as share_validation_until

    from folds

    left join last_instants
        on folds.tenant_id = last_instants.tenant_id
        and folds.split_name = last_instants.split_name

),

split_cuts as (

    select
        tenant_id,
        split_name,
        method,
        cast(fold as bigint) as fold,
        fold_count,
        is_first_split,
        is_first_split and fold = main_fold as is_main,
        is_by_time,
        case method
            when 'rolling_window' then window_begin
            when 'global_time' then coalesce(train_until, share_train_until)
        end as train_until,
        case method
            when 'rolling_window' then window_begin
            when 'global_time' then coalesce(validation_until, share_validation_until)
        end as validation_until,
        case method when 'rolling_window' then window_end end as test_until

    from time_cuts

)

select * from split_cuts
