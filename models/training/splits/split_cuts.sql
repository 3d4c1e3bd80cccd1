{#-
    One row per tenant, split and fold: where it is cut in time, by the positives that the
    split keeps. Null where it has no end, so that interactions that are no positives can
    be put on the same sides.
-#}

with

{{ kept_positives() }},

counted_instants as (

    select
        split_number,
        interacted_at,
        sum(count(*)) over until_instant - count(*) as earlier_count,
        sum(count(*)) over (partition by split_number) as total_count

    from kept_positives

    where method = 'global_time'

    group by
        split_number,
        interacted_at

    window until_instant as (
        partition by split_number
        order by interacted_at asc
        rows between unbounded preceding and current row
    )

),

split_instants as (

    select
        counted_instants.split_number,
        counted_instants.interacted_at,
        {{ share_split(
            'counted_instants.earlier_count',
            'counted_instants.total_count',
            'splits.train_share',
            'splits.validation_share',
        ) }} as split

    from counted_instants

    inner join splits
        on counted_instants.split_number = splits.split_number

    where splits.train_share is not null

),

share_cuts as (

    select
        split_number,
        case
            when bool_or(split != 'train')
                then max(interacted_at) filter (where split = 'train')
        end as train_until,
        case
            when bool_or(split = 'test')
                then max(interacted_at) filter (where split != 'test')
        end as validation_until

    from split_instants

    group by split_number

),

last_instants as (
    select
        split_number,
        max(interacted_at) as last_at
    from kept_positives
    where method = 'rolling_window'
    group by split_number
),

-- k_fold and rolling_window have folds 1, 2, 3, ...; the others have the one fold 0.
folds as (
    select
        *,
        {{ numbers_below(
            "cast(method in ('k_fold', 'rolling_window') as bigint)",
            'coalesce(fold_count, window_count, 0) + 1'
        ) }} as fold
    from splits
),

windows as (

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
        ) }} as window_end

    from folds

    left join last_instants
        on folds.split_number = last_instants.split_number

),

split_cuts as (

    select
        windows.tenant_id,
        windows.split_name,
        windows.method,
        windows.split_number,
        cast(windows.fold as bigint) as fold,
        windows.fold_count,
        windows.is_first_split,
        windows.is_first_split and windows.fold = windows.main_fold as is_main,
        windows.is_by_time,
        coalesce(windows.train_until, share_cuts.train_until, windows.window_begin)
            as train_until,
        coalesce(
            windows.validation_until, share_cuts.validation_until, windows.window_begin
        ) as validation_until,
        windows.window_end as test_until

    from windows

    left join share_cuts
        on windows.split_number = share_cuts.split_number

)

select * from split_cuts
