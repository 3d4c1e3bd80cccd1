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

recommendation_lists as (

    select
        tenant_id,
        split_name,
        fold

    from {{ ref('recommendation_lists') }}

    group by
        tenant_id,
        split_name,
        fold

),

seen_in_train as (

    select
        tenant_id,
        user_id,
        item_id,
        split_name,
        fold

    from {{ ref('seen_in_train') }}

),

test_pairs as (

    select
        split_assignments.tenant_id,
        split_assignments.user_id,
        split_assignments.item_id,
        split_assignments.split_name,
        split_assignments.fold

    from {{ ref('split_assignments') }} as split_assignments

    inner join recommendation_lists
        on split_assignments.tenant_id = recommendation_lists.tenant_id
        and split_assignments.split_name = recommendation_lists.split_name
        and split_assignments.fold = recommendation_lists.fold

    where split_assignments.split = 'test'

    group by all

),

test_users as (

    select
        test_pairs.tenant_id,
        test_pairs.user_id,
        test_pairs.split_name,
        test_pairs.fold,
        count(*) as test_item_count,
        count(seen_in_train.item_id) as seen_item_count

    from test_pairs

    left join seen_in_train
        on test_pairs.tenant_id = seen_in_train.tenant_id
        and test_pairs.user_id = seen_in_train.user_id
        and test_pairs.item_id = seen_in_train.item_id
        and test_pairs.split_name = seen_in_train.split_name
        and test_pairs.fold = seen_in_train.fold

    group by
        test_pairs.tenant_id,
        test_pairs.user_id,
        test_pairs.split_name,
        test_pairs.fold

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

    group by
        test_users.tenant_id,
        test_users.split_name,
        test_users.fold

)

select * from repeat_consumption
