{#-
    One row per tenant, split that is made per user, and user: where the user's history is
    cut; for splits by whole users, the split that the user is in. Users all of whose
    positives are train have no cut, and no row; they are left out, and so are users
    without positives, except in splits by whole users.
-#}

with

{{ kept_positives() }},

placed_positives as (

    select
        split_number,
        user_key,
        interaction_order,
        row_number() over (
            partition by split_number, user_key
            order by interaction_order asc
        ) as place,
        count(*) over (partition by split_number, user_key) as positive_count

    from kept_positives

    where method in ('leave_last_out', 'user_time_ratio')

),

split_places as (

    select
        placed.split_number,
        placed.user_key,
        placed.interaction_order,
        case splits.method
            when 'leave_last_out'
                then {{ leave_last_out_split(
                    'placed.positive_count - placed.place + 1',
                    'placed.positive_count',
                    'splits.validation_count',
                    'splits.test_count',
                ) }}
            else {{ share_split(
                'placed.place - 1',
                'placed.positive_count',
                'splits.train_share',
                'splits.validation_share',
            ) }}
        end as split

    from placed_positives as placed

    inner join splits
        on placed.split_number = splits.split_number

),

places_of_cuts as (

    select
        split_number,
        user_key,
        max(interaction_order) filter (where split = 'train') as train_until,
        case
            when bool_or(split = 'test')
                then max(interaction_order) filter (where split != 'test')
        end as validation_until

    from split_places

    group by all

    having bool_or(split != 'train')

),

user_cuts as (

    select
        users.tenant_id,
        users.user_id,
        splits.split_name,
        cast(null as varchar) as split,
        splits.split_number,
        users.user_key,
        places_of_cuts.train_until,
        places_of_cuts.validation_until

    from places_of_cuts

    inner join splits
        on places_of_cuts.split_number = splits.split_number

    inner join {{ ref('users') }} as users
        on places_of_cuts.user_key = users.user_key

    union all

    select
        users.tenant_id,
        users.user_id,
        splits.split_name,
        {{ share_split(
            hashed_draw('users.tenant_id', 'users.user_id', '1000000'),
            '1000000',
            'splits.train_share',
            'splits.validation_share',
        ) }} as split,
        splits.split_number,
        users.user_key,
        cast(null as bigint) as train_until,
        cast(null as bigint) as validation_until

    from {{ ref('users') }} as users

    inner join splits
        on users.tenant_id = splits.tenant_id

    where splits.method = 'user_hash'

)

select * from user_cuts
