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
    select tenant_id from metric_settings
    where ndcg_gain = 'rating'
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

seen_in_train as (
    select seen_in_train.*
    from {{ ref('seen_in_train') }} as seen_in_train
    inner join metric_settings
        on seen_in_train.tenant_id = metric_settings.tenant_id
    where not metric_settings.recommend_seen_items
),

distinct_items as (

    select
        test_positives.split_number,
        test_positives.fold,
        test_positives.user_key,
        test_positives.item_key,
        any_value(test_positives.split_name) as split_name,
        greatest(
            max(
                case metric_settings.ndcg_gain
                    when 'weight' then test_positives.event_weight
                    when 'rating'
                        then
                            coalesce(
                                ratings.rating,
                                metric_settings.positive_rating_minimum
                            )
                    else 1
                end
            ),
            0
        ) as gain

    from {{ ref('split_assignments') }} as test_positives

    inner join metric_settings
        on test_positives.tenant_id = metric_settings.tenant_id

    left join ratings
        on test_positives.tenant_id = ratings.tenant_id
        and test_positives.interaction_id = ratings.interaction_id

    where test_positives.split = 'test'

    group by all

),

recommendable_items as (
    select distinct_items.*
    from distinct_items
    anti join seen_in_train using (split_number, fold, user_key, item_key)
),

relevant_items as (

    select
        users.tenant_id,
        users.user_id,
        items.item_id,
        relevant.split_name,
        relevant.split_number,
        relevant.user_key,
        relevant.item_key,
        relevant.fold,
        users.user_index,
        items.item_index,
        row_number() over (
            partition by relevant.split_number, relevant.fold, relevant.user_key
            order by relevant.gain desc, items.item_index asc
        ) as place,
        relevant.gain

    from recommendable_items as relevant

    inner join {{ ref('users') }} as users
        on relevant.user_key = users.user_key

    inner join {{ ref('items') }} as items
        on relevant.item_key = items.item_key

)

select * from relevant_items
