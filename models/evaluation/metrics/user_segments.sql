{#-
    One row per tenant, split, fold and user with something to find or to rate in test:
    the groups of users for which metrics are made, from the user's positives in train.
    Users alike are in one group: a user stands at the middle of those with the same
    figure.
-#}

with

relevant_items as (

    select
        tenant_id,
        user_id,
        split_name,
        fold,
        count(*) as relevant_count

    from {{ ref('relevant_items') }}

    group by
        tenant_id,
        user_id,
        split_name,
        fold

),

rating_users as (

    select
        tenant_id,
        user_id,
        split_name,
        fold

    from {{ ref('rating_predictions') }}

    group by
        tenant_id,
        user_id,
        split_name,
        fold

),

users as (

    select
        tenant_id,
        user_id,
        user_index

    from {{ ref('users') }}

),

item_popularity as (

    select
        tenant_id,
        item_id,
        split_name,
        fold,
        user_count,
        is_head

    from {{ ref('item_popularity') }}

),

evaluated_users as (

    select
        tenant_id,
        user_id,
        split_name,
        fold,
        relevant_count

    from relevant_items

    union all

    select
        rating_users.tenant_id,
        rating_users.user_id,
        rating_users.split_name,
        rating_users.fold,
        0 as relevant_count

    from rating_users

    left join relevant_items
        on rating_users.tenant_id = relevant_items.tenant_id
        and rating_users.split_name = relevant_items.split_name
        and rating_users.fold = relevant_items.fold
        and rating_users.user_id = relevant_items.user_id

    where relevant_items.user_id is null

),

train_items as (

    select
        assignments.tenant_id,
        assignments.user_id,
        assignments.item_id,
        assignments.split_name,
        assignments.fold,
        count(*) as positive_count

    from {{ ref('split_assignments') }} as assignments

    inner join evaluated_users
        on assignments.tenant_id = evaluated_users.tenant_id
        and assignments.user_id = evaluated_users.user_id
        and assignments.split_name = evaluated_users.split_name
        and assignments.fold = evaluated_users.fold

    where assignments.split = 'train'

    group by
        assignments.tenant_id,
        assignments.user_id,
        assignments.item_id,
        assignments.split_name,
        assignments.fold

),

profiles as (

    select
        train_items.tenant_id,
        train_items.user_id,
        train_items.split_name,
        train_items.fold,
        cast(sum(train_items.positive_count) as bigint) as train_positive_count,
        count(*) filter (where item_popularity.is_head) / count(*) as head_share,
        sum(item_popularity.user_count) / count(*) as profile_popularity

    from train_items

    inner join item_popularity
        on train_items.tenant_id = item_popularity.tenant_id
        and train_items.item_id = item_popularity.item_id
        and train_items.split_name = item_popularity.split_name
        and train_items.fold = item_popularity.fold

    group by
        train_items.tenant_id,
        train_items.user_id,
        train_items.split_name,
        train_items.fold

),

described_users as (

    select
        evaluated_users.tenant_id,
        evaluated_users.user_id,
        evaluated_users.split_name,
        evaluated_users.fold,
        users.user_index,
        evaluated_users.relevant_count,
        coalesce(profiles.train_positive_count, 0) as train_positive_count,
        profiles.head_share,
        profiles.profile_popularity

    from evaluated_users

    inner join users
        on evaluated_users.tenant_id = users.tenant_id
        and evaluated_users.user_id = users.user_id

    left join profiles
        on evaluated_users.tenant_id = profiles.tenant_id
        and evaluated_users.user_id = profiles.user_id
        and evaluated_users.split_name = profiles.split_name
        and evaluated_users.fold = profiles.fold

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
        scope as (partition by tenant_id, split_name, fold),
        by_activity as (
            partition by tenant_id, split_name, fold
            order by train_positive_count asc
        ),
        same_activity as (
            partition by tenant_id, split_name, fold, train_positive_count
        ),
        by_popularity as (
            partition by tenant_id, split_name, fold
            order by head_share asc nulls last
        ),
        same_popularity as (partition by tenant_id, split_name, fold, head_share)

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
        fold,
        user_index,
        relevant_count,
        train_positive_count,
        head_share,
        profile_popularity

    from placed_users

)

select * from user_segments
