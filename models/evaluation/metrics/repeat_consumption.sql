{#-
    One row per tenant, split and fold in which lists are judged: how much of test the
    users had seen by the end of train. Unless the tenant recommends seen items, that is
    neither in lists nor relevant, and users of whom nothing else is left are not judged.
-#}

with

metric_settings as (
    select
        tenant_id,
        recommend_seen_items
    from {{ ref('metric_settings') }}
),

scopes as (
    select
        tenant_id,
        split_name,
        split_number,
        fold
    from {{ ref('recommendation_lists') }}
    group by all
),

test_pairs as (
    select
        scopes.*,
        assignments.user_key,
        assignments.item_key
    from {{ ref('split_assignments') }} as assignments
    inner join scopes
        on assignments.split_number = scopes.split_number
        and assignments.fold = scopes.fold
    where assignments.split = 'test'
    group by all
),

test_users as (

    select
        test_pairs.split_number,
        test_pairs.fold,
        test_pairs.user_key,
        any_value(test_pairs.tenant_id) as tenant_id,
        any_value(test_pairs.split_name) as split_name,
        count(*) as test_item_count,
        count(seen_in_train.item_key) as seen_item_count

    from test_pairs

    left join {{ ref('seen_in_train') }} as seen_in_train
        on test_pairs.split_number = seen_in_train.split_number
        and test_pairs.fold = seen_in_train.fold
        and test_pairs.user_key = seen_in_train.user_key
        and test_pairs.item_key = seen_in_train.item_key

    group by test_pairs.split_number, test_pairs.fold, test_pairs.user_key

),

repeat_consumption as (

    select
        test_users.tenant_id,
        test_users.split_name,
        test_users.fold,
        cast(sum(test_users.test_item_count) as bigint) as test_item_count,
        cast(sum(test_users.seen_item_count) as bigint) as seen_item_count,
        count(*) as test_user_count,
        count(*) filter (
            where not metric_settings.recommend_seen_items
            and test_users.seen_item_count = test_users.test_item_count
        ) as unjudged_user_count,
        any_value(metric_settings.recommend_seen_items) as recommend_seen_items

    from test_users

    inner join metric_settings
        on test_users.tenant_id = metric_settings.tenant_id

    group by all

)

select * from repeat_consumption
