{#-
    One row per tenant, split, fold, model, version and user with a rated test
    interaction for which the model predicted a rating: how far off the predictions are.
-#}

with

rating_predictions as (
    select
        *,
        predicted_rating - rating as error
    from {{ ref('rating_predictions') }}
    where predicted_rating is not null
),

error_sums as (

    select
        any_value(tenant_id) as tenant_id,
        any_value(user_id) as user_id,
        any_value(split_name) as split_name,
        user_key,
        split_number,
        model,
        model_version,
        fold,
        count(*) as rating_count,
        {{ exact_sum('error * error') }} as squared_error_sum,
        {{ exact_sum('abs(error)') }} as absolute_error_sum

    from rating_predictions

    group by user_key, split_number, model, model_version, fold

),

user_rating_metrics as (

    select
        tenant_id,
        user_id,
        split_name,
        model,
        model_version,
        fold,
        rating_count,
        squared_error_sum,
        absolute_error_sum,
        sqrt(squared_error_sum / rating_count) as rmse,
        absolute_error_sum / rating_count as mae,
        squared_error_sum / rating_count as mse

    from error_sums

)

select * from user_rating_metrics
