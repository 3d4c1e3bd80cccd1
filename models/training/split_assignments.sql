{#-
    One row per tenant, split, fold and positive interaction that is kept in it: whether it
    is train, validation or test there. What the k-core filter drops and, in a rolling
    back-test, what lies after the fold's window is left out.

    Everything about a row is found by joins to small tables: the cuts of its split, the
    cuts of its user, who and what is in train. The rows themselves are read several times
    and never sorted or kept in between, so that the time goes into writing the result.
-#}

with

splits as (

    select
        *,
        row_number() over (order by tenant_id asc, split_name asc) as split_number

    from {{ ref('splits') }}

),

interactions as {{ inlined() }} (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        event_type,
        event_weight,
        interaction_order,
        interacted_at

    from {{ ref('interactions') }}

    where is_positive

),

dropouts as (

    select
        splits.split_number,
        core_dropouts.entity,
        core_dropouts.entity_id

    from {{ ref('core_dropouts') }} as core_dropouts

    inner join splits
        on core_dropouts.tenant_id = splits.tenant_id
        and core_dropouts.split_name = splits.split_name

),

kept_positives as {{ inlined() }} (

    select
        splits.split_number,
        splits.method,
        case splits.method
            when 'k_fold' then
                1 + {{ hashed_draw(
                    'interactions.tenant_id',
                    'interactions.interaction_id',
                    'splits.fold_count',
                ) }}
        end as test_fold,
        interactions.*

    from interactions

    inner join splits
        on interactions.tenant_id = splits.tenant_id

    left join dropouts as dropped_users
        on splits.split_number = dropped_users.split_number
        and dropped_users.entity = 'user'
        and interactions.user_id = dropped_users.entity_id

    left join dropouts as dropped_items
        on splits.split_number = dropped_items.split_number
        and dropped_items.entity = 'item'
        and interactions.item_id = dropped_items.entity_id

    where
        dropped_users.entity_id is null
        and dropped_items.entity_id is null

),

-- Global time: the cuts of each split.

instants as (

    select
        split_number,
        interacted_at,
        count(*) as positive_count

    from kept_positives

    where method = 'global_time'

    group by
        split_number,
        interacted_at

),

counted_instants as (

    select
        split_number,
        interacted_at,
        sum(positive_count) over (
            partition by split_number
            order by interacted_at asc
            rows between unbounded preceding and current row
        ) - positive_count as earlier_count,
        sum(positive_count) over (partition by split_number) as total_count

    from instants

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
        max(interacted_at) filter (where split = 'train') as train_until,
        max(interacted_at) filter (where split != 'test') as validation_until

    from split_instants

    group by split_number

),

-- Rolling windows: the cuts of each fold. Other methods have one fold, or no such cuts.

last_instants as (

    select
        split_number,
        max(interacted_at) as last_at

    from kept_positives

    where method = 'rolling_window'

    group by split_number

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

cuts as (

    select
        folds.split_number,
        folds.fold,
        coalesce(
            folds.train_until,
            share_cuts.train_until,
            {{ window_end(
                'last_instants.last_at',
                'folds.fold - 1',
                'folds.window_count',
                'folds.window_days',
            ) }}
        ) as train_until,
        coalesce(folds.validation_until, share_cuts.validation_until)
            as validation_until,
        {{ window_end(
            'last_instants.last_at',
            'folds.fold',
            'folds.window_count',
            'folds.window_days',
        ) }} as test_until

    from folds

    left join share_cuts
        on folds.split_number = share_cuts.split_number

    left join last_instants
        on folds.split_number = last_instants.split_number

),

-- Per-user splits: the cuts of each user, as places in the user's order.

placed_positives as (

    select
        split_number,
        user_id,
        interaction_order,
        row_number() over user_positives as place,
        count(*) over (partition by split_number, user_id) as positive_count

    from kept_positives

    where method in ('leave_last_out', 'user_time_ratio')

    window user_positives as (
        partition by split_number, user_id
        order by interaction_order asc
    )

),

split_places as (

    select
        placed_positives.split_number,
        placed_positives.user_id,
        placed_positives.interaction_order,
        splits.method,
        {{ leave_last_out_split(
            'placed_positives.positive_count - placed_positives.place + 1',
            'placed_positives.positive_count',
            'splits.validation_count',
            'splits.test_count',
        ) }} as last_out_split,
        {{ share_split(
            'placed_positives.place - 1',
            'placed_positives.positive_count',
            'splits.train_share',
            'splits.validation_share',
        ) }} as ratio_split

    from placed_positives

    inner join splits
        on placed_positives.split_number = splits.split_number

),

last_places as (

    select
        split_number,
        tenant_id,
        user_id,
        max(interaction_order) as interaction_order

    from kept_positives

    where method = 'user_hash'

    group by
        split_number,
        tenant_id,
        user_id

),

hashed_users as (

    select
        last_places.split_number,
        last_places.user_id,
        last_places.interaction_order,
        {{ share_split(
            hashed_draw('last_places.tenant_id', 'last_places.user_id', '1000000'),
            '1000000',
            'splits.train_share',
            'splits.validation_share',
        ) }} as split

    from last_places

    inner join splits
        on last_places.split_number = splits.split_number

),

user_places as (

    select
        split_number,
        user_id,
        interaction_order,
        case
            when method = 'leave_last_out' then last_out_split
            else ratio_split
        end as split

    from split_places

    union all

    select * from hashed_users

),

user_cuts as (

    select
        split_number,
        user_id,
        max(interaction_order) filter (where split = 'train') as train_until,
        max(interaction_order) filter (where split != 'test') as validation_until

    from user_places

    group by
        split_number,
        user_id

),

cut_positives as {{ inlined() }} (

    select
        kept_positives.*,
        cuts.fold,
        {{ cut_split(
            'kept_positives.interacted_at',
            'cuts.train_until',
            'cuts.validation_until',
        ) }} as time_split,
        {{ cut_split(
            'kept_positives.interaction_order',
            'user_cuts.train_until',
            'user_cuts.validation_until',
        ) }} as order_split

    from kept_positives

    inner join cuts
        on kept_positives.split_number = cuts.split_number

    left join user_cuts
        on kept_positives.split_number = user_cuts.split_number
        and kept_positives.user_id = user_cuts.user_id

    where cuts.test_until is null or kept_positives.interacted_at <= cuts.test_until

),

split_positives as {{ inlined() }} (

    select
        * exclude (method, test_fold, time_split, order_split),
        case
            when method in ('global_time', 'rolling_window') then time_split
            when method != 'k_fold' then order_split
            when test_fold = fold then 'test'
            else 'train'
        end as split

    from cut_positives

),

train_users as (

    select
        split_number,
        fold,
        user_id

    from split_positives

    where split = 'train'

    group by
        split_number,
        fold,
        user_id

),

train_items as (

    select
        split_number,
        fold,
        item_id

    from split_positives

    where split = 'train'

    group by
        split_number,
        fold,
        item_id

),

split_assignments as (

    select
        split_positives.tenant_id,
        split_positives.interaction_id,
        split_positives.user_id,
        split_positives.item_id,
        split_positives.event_type,
        splits.split_name,
        split_positives.split,
        split_positives.event_weight,
        split_positives.fold,
        split_positives.interaction_order,
        splits.is_first_split,
        train_users.user_id is null as is_cold_user,
        train_items.item_id is null as is_cold_item,
        split_positives.interacted_at

    from split_positives

    inner join splits
        on split_positives.split_number = splits.split_number

    left join train_users
        on split_positives.split_number = train_users.split_number
        and split_positives.fold = train_users.fold
        and split_positives.user_id = train_users.user_id

    left join train_items
        on split_positives.split_number = train_items.split_number
        and split_positives.fold = train_items.fold
        and split_positives.item_id = train_items.item_id

)

select * from split_assignments
