{#-
    One row per tenant, split, fold, model, version and rated test interaction: the rating
    and what the model said, of the rating baselines that the tenant wants and of loaded
    predictions without a rank. Nothing but evaluation.rating_fits, which is fitted on
    train, reaches a baseline's prediction.

    Loaded models are judged on the main fold of the tenant's first split, whatever they
    were trained on, as soon as they have scored one rated test interaction there; what
    they did not score is null. Of several predictions of one model for a user and item
    the newest counts.
-#}

with

baseline_runs as (
    select * from {{ ref('baseline_runs') }}
    where task = 'rating'
),

test_ratings as {{ inlined() }} (
    select * from {{ ref('rating_assignments') }}
    where split = 'test'
),

rating_fits as {{ inlined() }} (
    select * from {{ ref('rating_fits') }}
),

user_fits as {{ inlined() }} (
    select * from rating_fits
    where entity = 'user'
),

item_fits as {{ inlined() }} (
    select * from rating_fits
    where entity = 'item'
),

scope_fits as {{ inlined() }} (
    select * from rating_fits
    where entity = 'all'
),

predictions as (

    select
        tenant_id,
        model,
        model_version,
        user_id,
        item_id,
        score,
        predicted_at

    from {{ ref('predictions') }}

    where
        rank is null
        and score is not null

),

score_ranges as (
    select
        tenant_id,
        model,
        model_version
    from {{ ref('score_ranges') }}
    where are_ratings
),

baseline_predictions as (

    select
        test_ratings.tenant_id,
        test_ratings.interaction_id,
        test_ratings.user_id,
        test_ratings.item_id,
        test_ratings.split_name,
        baseline_runs.model,
        '' as model_version,
        test_ratings.split_number,
        test_ratings.user_key,
        test_ratings.item_key,
        test_ratings.fold,
        test_ratings.rating,
        case baseline_runs.model
            when 'global_mean' then scope_fits.average_rating
            when 'user_mean'
                then coalesce(user_fits.average_rating, scope_fits.average_rating)
            when 'item_mean'
                then coalesce(item_fits.average_rating, scope_fits.average_rating)
            when 'user_item_mean'
                then
                    scope_fits.average_rating
                    + coalesce(user_fits.average_rating - scope_fits.average_rating, 0)
                    + coalesce(item_fits.average_rating - scope_fits.average_rating, 0)
            when 'bias'
                then
                    {{ clipped(
                        "scope_fits.average_rating + coalesce(user_fits.bias, 0) "
                        ~ "+ coalesce(item_fits.bias, 0)",
                        "scope_fits.minimum_rating",
                        "scope_fits.maximum_rating",
                    ) }}
        end as predicted_rating

    from test_ratings

    left join scope_fits
        on test_ratings.split_number = scope_fits.split_number
        and test_ratings.fold = scope_fits.fold

    left join user_fits
        on test_ratings.split_number = user_fits.split_number
        and test_ratings.fold = user_fits.fold
        and test_ratings.user_key = user_fits.entity_key

    left join item_fits
        on test_ratings.split_number = item_fits.split_number
        and test_ratings.fold = item_fits.fold
        and test_ratings.item_key = item_fits.entity_key

    inner join baseline_runs
        on test_ratings.split_number = baseline_runs.split_number
        and test_ratings.fold = baseline_runs.fold

),

placed_predictions as (
    select
        *,
        row_number() over (
            partition by tenant_id, model, model_version, user_id, item_id
            order by predicted_at desc nulls last
        ) as place
    from predictions
),

newest_predictions as (

    select
        *,
        {{ raised_sentence(
            "case when model_version = '' and model in ('"
            ~ baseline_models().keys() | join("', '") ~ "') then "
            ~ "'Tenant ' || tenant_id || ' has loaded predictions of a model called '"
            ~ " || model || ', which is the name of a baseline; load them again with a"
            ~ " model_version or under another name.' end"
        ) }} as problem

    from placed_predictions

    where place = 1

),

scored_ratings as (

    select
        test_ratings.tenant_id,
        test_ratings.interaction_id,
        newest_predictions.model,
        newest_predictions.model_version,
        newest_predictions.score

    from test_ratings

    inner join newest_predictions
        on test_ratings.tenant_id = newest_predictions.tenant_id
        and test_ratings.user_id = newest_predictions.user_id
        and test_ratings.item_id = newest_predictions.item_id
        and newest_predictions.problem is null

    inner join score_ranges
        on newest_predictions.tenant_id = score_ranges.tenant_id
        and newest_predictions.model = score_ranges.model
        and newest_predictions.model_version = score_ranges.model_version

    where test_ratings.is_main

),

loaded_models as (
    select
        tenant_id,
        model,
        model_version
    from scored_ratings
    group by all
),

loaded_predictions as (

    select
        test_ratings.tenant_id,
        test_ratings.interaction_id,
        test_ratings.user_id,
        test_ratings.item_id,
        test_ratings.split_name,
        loaded_models.model,
        loaded_models.model_version,
        test_ratings.split_number,
        test_ratings.user_key,
        test_ratings.item_key,
        test_ratings.fold,
        test_ratings.rating,
        scored_ratings.score as predicted_rating

    from test_ratings

    inner join loaded_models
        on test_ratings.tenant_id = loaded_models.tenant_id

    left join scored_ratings
        on test_ratings.tenant_id = scored_ratings.tenant_id
        and test_ratings.interaction_id = scored_ratings.interaction_id
        and loaded_models.model = scored_ratings.model
        and loaded_models.model_version = scored_ratings.model_version

    where test_ratings.is_main

),

rating_predictions as (

    select * from baseline_predictions
    union all
    select * from loaded_predictions

)

select * from rating_predictions
