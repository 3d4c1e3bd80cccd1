{#-
    One row per tenant, split, fold, user and item of which the user has a test
    positive: the items that a list should have. However often the user met the item in
    test, it is one relevant item. Its place is that in the best list there can be, for
    NDCG. Lists and truth are under one rule: where lists may not hold what the user had
    seen by the end of train, it is not relevant either, so that the best list is 1.
-#}

with

metric_settings as (

    select
        tenant_id,
        ndcg_gain,
        positive_rating_minimum,
        recommend_seen_items

    from {{ ref('metric_settings') }}

),

rating_tenants as (

    select tenant_id

    from metric_settings

    where ndcg_gain = 'rating'

),

test_positives as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        split_name,
        event_weight,
        fold

    from {{ ref('split_assignments') }}

    where split = 'test'

),

seen_in_train as (

    select
        seen_in_train.tenant_id,
        seen_in_train.user_id,
        seen_in_train.item_id,
        seen_in_train.split_name,
        seen_in_train.fold

    from {{ ref('seen_in_train') }} as seen_in_train

    inner join metric_settings
        on seen_in_train.tenant_id = metric_settings.tenant_id

    where not metric_settings.recommend_seen_items

),

-- Read for tenants whose gains are ratings, and for no other.

ratings as (

    select
        interactions.tenant_id,
        interactions.interaction_id,
        interactions.rating

    from {{ ref('interactions') }} as interactions

    inner join rating_tenants
        on interactions.tenant_id = rating_tenants.tenant_id

    where interactions.rating is not null

),

users as (

    select
        tenant_id,
        user_id,
        user_index

    from {{ ref('users') }}

),

items as (

    select
        tenant_id,
        item_id,
        item_index

    from {{ ref('items') }}

),

gained_positives as (

    select
        test_positives.tenant_id,
        test_positives.user_id,
        test_positives.item_id,
        test_positives.split_name,
        test_positives.fold,
        case metric_settings.ndcg_gain
            when 'weight' then test_positives.event_weight
            when 'rating'
                then coalesce(ratings.rating, metric_settings.positive_rating_minimum)
            else 1
        end as gain

    from test_positives

    inner join metric_settings
        on test_positives.tenant_id = metric_settings.tenant_id

    left join ratings
        on test_positives.tenant_id = ratings.tenant_id
        and test_positives.interaction_id = ratings.interaction_id

),

distinct_items as (

    select
        tenant_id,
        user_id,
        item_id,
        split_name,
        fold,
        greatest(max(gain), 0) as gain

    from gained_positives

    group by
        tenant_id,
        user_id,
        item_id,
        split_name,
        fold

),

recommendable_items as (

    select *

    from distinct_items

    where
        not exists (
            select 1

            from seen_in_train

            where
                seen_in_train.tenant_id = distinct_items.tenant_id
                and seen_in_train.user_id = distinct_items.user_id
                and seen_in_train.item_id = distinct_items.item_id
                and seen_in_train.split_name = distinct_items.split_name
                and seen_in_train.fold = distinct_items.fold
        )

),

relevant_items as (

    select
        recommendable_items.tenant_id,
        recommendable_items.user_id,
        recommendable_items.item_id,
        recommendable_items.split_name,
        recommendable_items.fold,
        users.user_index,
        items.item_index,
        row_number() over (
            partition by
                recommendable_items.tenant_id,
                recommendable_items.split_name,
                recommendable_items.fold,
                users.user_index
            order by
                recommendable_items.gain desc,
                items.item_index asc
        ) as place,
        recommendable_items.gain

    from recommendable_items

    inner join users
        on recommendable_items.tenant_id = users.tenant_id
        and recommendable_items.user_id = users.user_id

    inner join items
        on recommendable_items.tenant_id = items.tenant_id
        and recommendable_items.item_id = items.item_id

)

select * from relevant_items
