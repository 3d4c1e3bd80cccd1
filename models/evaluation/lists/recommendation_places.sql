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

    select
        tenant_id,
        split_name,
        model,
        model_version,
        candidates,
        fold,
        list_number,
        is_baseline

    from {{ ref('recommendation_lists') }}

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
        tenant_id,
        split_name,
        fold,
        recommend_seen_items

    from loaded_lists

    group by
        tenant_id,
        split_name,
        fold,
        recommend_seen_items

),

relevant_items as {{ inlined() }} (

    select
        tenant_id,
        user_id,
        item_id,
        split_name,
        fold,
        user_index

    from {{ ref('relevant_items') }}

),

test_users as (

    select
        tenant_id,
        user_id,
        split_name,
        fold,
        user_index

    from relevant_items

    group by
        tenant_id,
        user_id,
        split_name,
        fold,
        user_index

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

seen_items as (

    select
        seen_in_train.tenant_id,
        seen_in_train.user_id,
        seen_in_train.item_id

    from {{ ref('seen_in_train') }} as seen_in_train

    inner join loaded_scopes
        on seen_in_train.tenant_id = loaded_scopes.tenant_id
        and seen_in_train.split_name = loaded_scopes.split_name
        and seen_in_train.fold = loaded_scopes.fold

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

    inner join loaded_scopes
        on relevant_items.tenant_id = loaded_scopes.tenant_id
        and relevant_items.split_name = loaded_scopes.split_name
        and relevant_items.fold = loaded_scopes.fold

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
        test_users.user_index,
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
        and loaded_lists.split_name = test_users.split_name
        and loaded_lists.fold = test_users.fold

),

unseen_predictions as (

    select *

    from listed_predictions

    where
        candidates = 'full'
        and not exists (
            select 1

            from seen_items

            where
                seen_items.tenant_id = listed_predictions.tenant_id
                and seen_items.user_id = listed_predictions.user_id
                and seen_items.item_id = listed_predictions.item_id
        )

    union all

    select *

    from listed_predictions

    where
        candidates = 'sampled'
        and exists (
            select 1

            from candidate_rows

            where
                candidate_rows.tenant_id = listed_predictions.tenant_id
                and candidate_rows.user_id = listed_predictions.user_id
                and candidate_rows.item_id = listed_predictions.item_id
        )

),

loaded_recommendations as (

    select
        listed.list_number,
        listed.user_index,
        row_number() over (
            partition by
                listed.list_number,
                listed.user_index
            order by
                listed.rank asc nulls last,
                listed.score desc nulls last,
                listed.item_id asc
        ) as rank,
        items.item_index,
        case when items.item_index is null then listed.item_id end as unlisted_item_id,
        listed.score

    from unseen_predictions as listed

    left join items
        on listed.tenant_id = items.tenant_id
        and listed.item_id = items.item_id

),

-- The baselines' places are as they are: many rows that are joined and not sorted. They
-- meet the larger tables first, by left joins, while DuckDB knows how many they are: it
-- would otherwise build its hash table from them.

numbered_baselines as (

    select
        baselines.tenant_id,
        baselines.split_name,
        baselines.model,
        baselines.model_version,
        baselines.fold,
        users.user_index,
        baselines.rank,
        items.item_index,
        case when items.item_index is null then baselines.item_id end
            as unlisted_item_id,
        baselines.score

    from {{ ref('baseline_recommendations') }} as baselines

    left join items
        on baselines.tenant_id = items.tenant_id
        and baselines.item_id = items.item_id

    left join users
        on baselines.tenant_id = users.tenant_id
        and baselines.user_id = users.user_id

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
        on baselines.tenant_id = recommendation_lists.tenant_id
        and baselines.split_name = recommendation_lists.split_name
        and baselines.fold = recommendation_lists.fold
        and baselines.model = recommendation_lists.model
        and baselines.model_version = recommendation_lists.model_version

    where recommendation_lists.is_baseline

),

recommendation_places as (

    select * from loaded_recommendations

    union all

    select * from baseline_recommendations

)

select * from recommendation_places
