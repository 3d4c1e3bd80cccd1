{#-
    One row per tenant, split that is made per user, and user: where the user's history is
    cut, read off training.split_assignments; for splits by whole users, the split that the
    user is in. Users all of whose positives are train have no cut, and no row; they are
    left out, and so are users without positives, except in splits by whole users.
-#}

with

splits as (

    select
        tenant_id,
        split_name,
        method,
        train_share,
        validation_share

    from {{ ref('splits') }}

),

users as (

    select
        tenant_id,
        user_id

    from {{ ref('users') }}

),

split_assignments as (

    select
        tenant_id,
        user_id,
        split_name,
        split,
        interaction_order

    from {{ ref('split_assignments') }}

),

last_places as (

    select
        split_assignments.tenant_id,
        split_assignments.user_id,
        split_assignments.split_name,
        max(split_assignments.interaction_order) filter (
            where split_assignments.split = 'train'
        ) as train_until,
        max(split_assignments.interaction_order) filter (
            where split_assignments.split != 'test'
        ) as last_validation,
        count(*) filter (where split_assignments.split = 'test') as test_count

    from split_assignments

    inner join splits
        on split_assignments.tenant_id = splits.tenant_id
        and split_assignments.split_name = splits.split_name

    where splits.method in ('leave_last_out', 'user_time_ratio')

    group by
        split_assignments.tenant_id,
        split_assignments.user_id,
        split_assignments.split_name

    having count(*) filter (where split_assignments.split != 'train') > 0

),

hashed_users as (

    select
        users.tenant_id,
        users.user_id,
        splits.split_name,
        {{ share_split(
            hashed_draw('users.tenant_id', 'users.user_id', '1000000'),
            '1000000',
            'splits.train_share',
            'splits.validation_share',
        ) }} as split

    from users

    inner join splits
        on users.tenant_id = splits.tenant_id

    where splits.method = 'user_hash'

),

user_cuts as (

    select
        tenant_id,
        user_id,
        split_name,
        cast(null as varchar) as split,
        train_until,
        case when test_count > 0 then last_validation end as validation_until

    from last_places

    union all

    select
        tenant_id,
        user_id,
        split_name,
        split,
        cast(null as bigint) as train_until,
        cast(null as bigint) as validation_until

    from hashed_users

)

select * from user_cuts
