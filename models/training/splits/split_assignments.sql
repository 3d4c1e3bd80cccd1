{#-
    One row per tenant, split, fold and positive interaction that is kept in it: whether it
    is train, validation or test there, by the cuts of training.split_cuts and
    training.user_cuts. What the k-core filter drops and, in a rolling back-test, what lies
    after the fold's window is left out.

    Everything about a row is found by joins to small tables. The rows themselves are read
    several times and never sorted or kept in between, so that the time goes into writing
    the result.
-#}

with

{{ kept_positives() }},

split_cuts as (
    select * from {{ ref('split_cuts') }}
),

user_cuts as (
    select * from {{ ref('user_cuts') }}
),

split_positives as {{ inlined() }} (

    select
        kept_positives.*,
        split_cuts.fold,
        split_cuts.is_first_split,
        {{ interaction_split('kept_positives', 'split_cuts', 'user_cuts') }} as split

    from kept_positives

    inner join split_cuts
        on kept_positives.split_number = split_cuts.split_number

    left join user_cuts
        on kept_positives.split_number = user_cuts.split_number
        and kept_positives.user_key = user_cuts.user_key

    where
        split_cuts.test_until is null
        or kept_positives.interacted_at <= split_cuts.test_until

),

train_users as (
    select
        split_number,
        fold,
        user_key
    from split_positives
    where split = 'train'
    group by all
),

train_items as (
    select
        split_number,
        fold,
        item_key
    from split_positives
    where split = 'train'
    group by all
),

split_assignments as (

    select
        split_positives.tenant_id,
        split_positives.interaction_id,
        split_positives.user_id,
        split_positives.item_id,
        split_positives.event_type,
        split_positives.split_name,
        split_positives.split,
        split_positives.split_number,
        split_positives.user_key,
        split_positives.item_key,
        split_positives.event_weight,
        split_positives.fold,
        split_positives.interaction_order,
        split_positives.is_first_split,
        train_users.user_key is null as is_cold_user,
        train_items.item_key is null as is_cold_item,
        split_positives.interacted_at

    from split_positives

    left join train_users
        on split_positives.split_number = train_users.split_number
        and split_positives.fold = train_users.fold
        and split_positives.user_key = train_users.user_key

    left join train_items
        on split_positives.split_number = train_items.split_number
        and split_positives.fold = train_items.fold
        and split_positives.item_key = train_items.item_key

)

select * from split_assignments
