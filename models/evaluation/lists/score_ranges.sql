{#-
    One row per tenant, model and version that has scores without ranks: where the scores
    lie and where the tenant's ratings do, and so whether the scores can be ratings.

    They can where at least half of them lie within the range of the tenant's ratings and
    at most 1 in 100 lies outside it by more than a quarter of its width. Models that
    predict ratings and do not clip them pass; logits and probabilities do not.
-#}

with

predictions as (
    select
        tenant_id,
        model,
        model_version,
        score
    from {{ ref('predictions') }}
    where
        rank is null
        and score is not null
),

interactions as (
    select
        tenant_id,
        rating
    from {{ ref('interactions') }}
    where rating is not null
),

rating_ranges as (
    select
        tenant_id,
        min(rating) as minimum_rating,
        max(rating) as maximum_rating,
        0.25 * coalesce(nullif(max(rating) - min(rating), 0), abs(max(rating)))
            as tolerance
    from interactions
    group by tenant_id
),

score_counts as (

    select
        predictions.tenant_id,
        predictions.model,
        predictions.model_version,
        count(*) as score_count,
        count(*) filter (
            where not predictions.score
            between rating_ranges.minimum_rating and rating_ranges.maximum_rating
        ) as outside_count,
        count(*) filter (
            where not predictions.score
            between rating_ranges.minimum_rating - rating_ranges.tolerance
            and rating_ranges.maximum_rating + rating_ranges.tolerance
        ) as far_outside_count,
        min(predictions.score) as minimum_score,
        max(predictions.score) as maximum_score,
        any_value(rating_ranges.minimum_rating) as minimum_rating,
        any_value(rating_ranges.maximum_rating) as maximum_rating

    from predictions

    left join rating_ranges
        on predictions.tenant_id = rating_ranges.tenant_id

    group by all

),

score_ranges as (

    select
        tenant_id,
        model,
        model_version,
        score_count,
        outside_count,
        minimum_score,
        maximum_score,
        minimum_rating,
        maximum_rating,
        minimum_rating is not null
        and 2 * outside_count <= score_count
        and 100 * far_outside_count <= score_count as are_ratings

    from score_counts

)

select * from score_ranges
