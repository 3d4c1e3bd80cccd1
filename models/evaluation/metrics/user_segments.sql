{#-
    One row per tenant, split, fold and user with something to find or to rate in test:
    the groups of users for which metrics are made, from the user's positives in train.
    Users alike are in one group: a user stands at the middle of those with the same
    figure.
-#}

with

relevant_items as (
    select
        split_number,
        fold,
        user_key,
        any_value(split_name) as split_name,
        count(*) as relevant_count
    from {{ ref('relevant_items') }}
    group by split_number, fold, user_key
),

rating_users as (
    select
        split_number,
        fold,
        user_key,
        any_value(split_name) as split_name
    from {{ ref('rating_predictions') }}
    group by split_number, fold, user_key
),

evaluated_users as (

    select * from relevant_items

    union all

    select
        rating_users.*,
        0 as relevant_count

    from rating_users

    anti join relevant_items using (split_number, fold, user_key)

),

train_items as (
    select
        split_number,
        fold,
        user_key,
        assignments.item_key,
        count(*) as positive_count
    from {{ ref('split_assignments') }} as assignments
    inner join evaluated_users using (split_number, fold, user_key)
    where assignments.split = 'train'
    group by all
),

profiles as (

    select
        split_number,
        fold,
        train_items.user_key,
        cast(sum(train_items.positive_count) as bigint) as train_positive_count,
        count(*) filter (where item_popularity.is_head) / count(*) as head_share,
        sum(item_popularity.user_count) / count(*) as profile_popularity

    from train_items

    inner join {{ ref('item_popularity') }} as item_popularity
        using (split_number, fold, item_key)

    group by all

),

described_users as (

    select
        users.tenant_id,
        users.user_id,
        evaluated_users.split_name,
        split_number,
        user_key,
        fold,
        users.user_index,
        evaluated_users.relevant_count,
        coalesce(profiles.train_positive_count, 0) as train_positive_count,
        profiles.head_share,
        profiles.profile_popularity

    from evaluated_users

    inner join {{ ref('users') }} as users using (user_key)

    left join profiles using (split_number, fold, user_key)

),

-- A user's place is twice the number of users with less, and once that of users alike:
-- from 1 to twice the number of users, less one.

placed_users as (

    select
        *,
        count(*) over scope as user_count,
        2 * (rank() over by_activity - 1) + count(*) over same_activity
            as activity_place,
        count(head_share) over scope as profiled_count,
        2 * (rank() over by_popularity - 1) + count(*) over same_popularity
            as popularity_place

    from described_users

    window
        scope as (partition by split_number, fold),
        by_activity as (
            partition by split_number, fold
            order by train_positive_count asc
        ),
        same_activity as (
            partition by split_number, fold, train_positive_count
        ),
        by_popularity as (
            partition by split_number, fold
            order by head_share asc nulls last
        ),
        same_popularity as (partition by split_number, fold, head_share)

),

user_segments as (

    select
        tenant_id,
        user_id,
        split_name,
        case
            when 3 * activity_place < 2 * user_count then 'low'
            when 3 * activity_place < 4 * user_count then 'medium'
            else 'high'
        end as activity,
        case
            when head_share is null then 'no_history'
            when 10 * popularity_place < 4 * profiled_count then 'niche'
            when 10 * popularity_place <= 16 * profiled_count then 'diverse'
            else 'blockbuster'
        end as popularity,
        case when train_positive_count = 0 then 'new' else 'old' end as user_age,
        split_number,
        user_key,
        fold,
        user_index,
        relevant_count,
        train_positive_count,
        head_share,
        profile_popularity

    from placed_users

)

select * from user_segments
