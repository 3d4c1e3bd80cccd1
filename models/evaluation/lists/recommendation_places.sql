{#-
    One row per list, user and place: what evaluation.recommendations shows with ids, in
    numbers alone. The metrics read these. Places run from 1 without gaps.

    Loaded predictions are ordered by rank, then score, then item_id. Of an item that
    was predicted at several instants the newest prediction counts. What the user has a
    positive of in train is taken out, unless the tenant recommends what was seen; not
    in sampled lists, which hold the candidates and the test items, whatever these are.
-#}

with

recommendation_lists as (
    select * from {{ ref('recommendation_lists') }}
),

loaded_lists as (
    select
        recommendation_lists.*,
        metric_settings.recommend_seen_items
    from recommendation_lists
    inner join {{ ref('metric_settings') }} as metric_settings
        on recommendation_lists.tenant_id = metric_settings.tenant_id
    where not recommendation_lists.is_baseline
),

loaded_scopes as (
    select
        split_number,
        fold,
        recommend_seen_items
    from loaded_lists
    group by all
),

relevant_items as {{ inlined() }} (
    select * from {{ ref('relevant_items') }}
),

test_users as (
    select
        split_number,
        fold,
        user_key,
        user_index,
        any_value(tenant_id) as tenant_id,
        any_value(user_id) as user_id
    from relevant_items
    group by split_number, fold, user_key, user_index
),

items as (
    select
        tenant_id,
        item_id,
        item_key,
        item_index
    from {{ ref('items') }}
),

seen_items as (
    select
        seen_in_train.user_key,
        seen_in_train.item_key
    from {{ ref('seen_in_train') }} as seen_in_train
    inner join loaded_scopes using (split_number, fold)
    where not loaded_scopes.recommend_seen_items
),

candidate_rows as (

    select
        tenant_id,
        user_id,
        item_id

    from {{ ref('evaluation_candidates') }}

    union all

    select
        relevant_items.tenant_id,
        relevant_items.user_id,
        relevant_items.item_id

    from relevant_items

    inner join loaded_scopes using (split_number, fold)

),

newest_predictions as (

    select
        tenant_id,
        model,
        model_version,
        user_id,
        item_id,
        score,
        rank

    from {{ ref('predictions') }}

    qualify row_number() over (
            partition by
                tenant_id,
                model,
                model_version,
                user_id,
                item_id
            order by predicted_at desc nulls last
        ) = 1

),

listed_predictions as (

    select
        loaded_lists.list_number,
        loaded_lists.candidates,
        newest_predictions.tenant_id,
        newest_predictions.user_id,
        newest_predictions.item_id,
        test_users.user_key,
        items.item_key,
        test_users.user_index,
        items.item_index,
        newest_predictions.score,
        newest_predictions.rank

    from newest_predictions

    inner join loaded_lists
        on newest_predictions.tenant_id = loaded_lists.tenant_id
        and newest_predictions.model = loaded_lists.model
        and newest_predictions.model_version = loaded_lists.model_version

    inner join test_users
        on newest_predictions.tenant_id = test_users.tenant_id
        and newest_predictions.user_id = test_users.user_id
        and loaded_lists.split_number = test_users.split_number
        and loaded_lists.fold = test_users.fold

    left join items
        on newest_predictions.tenant_id = items.tenant_id
        and newest_predictions.item_id = items.item_id

),

unseen_predictions as (

    select listed_predictions.*

    from listed_predictions

    anti join seen_items using (user_key, item_key)

    where listed_predictions.candidates = 'full'

    union all

    select listed_predictions.*

    from listed_predictions

    semi join candidate_rows using (tenant_id, user_id, item_id)

    where listed_predictions.candidates = 'sampled'

),

loaded_recommendations as (

    select
        list_number,
        user_index,
        row_number() over (
            partition by list_number, user_index
            order by rank asc nulls last, score desc nulls last, item_id asc
        ) as rank,
        item_index,
        case when item_index is null then item_id end as unlisted_item_id,
        score

    from unseen_predictions

),

-- The baselines' places are as they are: many rows that are joined and not sorted. They
-- meet the larger tables first, by left joins, while DuckDB knows how many they are: it
-- would otherwise build its hash table from them. They are of the catalogue always.

numbered_baselines as (

    select
        baselines.split_number,
        baselines.fold,
        baselines.model,
        users.user_index,
        baselines.rank,
        items.item_index,
        cast(null as varchar) as unlisted_item_id,
        baselines.score

    from {{ ref('baseline_recommendations') }} as baselines

    left join items
        on baselines.item_key = items.item_key

    left join {{ ref('users') }} as users
        on baselines.user_key = users.user_key

),

baseline_recommendations as (

    select
        recommendation_lists.list_number,
        baselines.user_index,
        baselines.rank,
        baselines.item_index,
        baselines.unlisted_item_id,
        baselines.score

    from numbered_baselines as baselines

    inner join recommendation_lists
        on baselines.split_number = recommendation_lists.split_number
        and baselines.fold = recommendation_lists.fold
        and baselines.model = recommendation_lists.model

    where recommendation_lists.is_baseline

),

recommendation_places as (

    select * from loaded_recommendations

    union all

    select * from baseline_recommendations

)

select * from recommendation_places
