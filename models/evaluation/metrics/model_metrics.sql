{#-
    One row per tenant, split, fold, model, version, set of candidates, metric, segment
    of users and k. Ranking metrics are means over users; RMSE, MAE and MSE are over all
    rated interactions of the segment's users, and no means of users; coverage and Gini
    are of the segment's lists together.

    Users are first summed up by the combination of their segments, of which there are
    at most 24, and then by each segment.

    One model, although long: every metric is averaged over the same segments, once.
-#}

{%- set ranking_metrics = ["precision", "recall", "ndcg", "mrr", "map", "hit_rate"] -%}
{%- set list_metrics = ["novelty", "diversity", "popularity_bias"] %}

with

user_segments as (
    select
        tenant_id,
        user_id,
        split_name,
        activity,
        popularity,
        user_age,
        fold,
        user_index
    from {{ ref('user_segments') }}
),

recommendation_lists as (
    select * from {{ ref('recommendation_lists') }}
),

ranking_groups as (

    select
        ranked.list_number,
        segments.activity,
        segments.popularity,
        segments.user_age,
        ranked.k,
        {%- for metric in ranking_metrics %}
        {{ exact_sum("ranked." ~ metric) }} as {{ metric }},
        {%- endfor %}
        count(*) as user_count

    from {{ ref('user_ranking_metrics') }} as ranked

    inner join user_segments as segments
        using (tenant_id, split_name, fold, user_index)

    group by all

),

list_groups as (

    select
        listed.list_number,
        segments.activity,
        segments.popularity,
        segments.user_age,
        listed.k,
        {%- for metric in list_metrics %}
        {{ exact_sum("listed." ~ metric) }} as {{ metric }},
        count(listed.{{ metric }}) as {{ metric }}_count,
        {%- endfor %}
        count(*) as listed_count

    from {{ ref('user_list_metrics') }} as listed

    inner join user_segments as segments
        using (tenant_id, split_name, fold, user_index)

    group by all

),

-- One row per metric: the sum over the users of a combination, and of how many.

group_sums as (

    select
        *,
        user_count as weight

    from (
        unpivot ranking_groups
        on {{ ranking_metrics | join(", ") }}
        into name metric value total
    )

    union all by name

    select
        * exclude (listed_count),
        user_count as weight

    from (
        unpivot list_groups
        on {% for metric in list_metrics -%}
        ({{ metric }}, {{ metric }}_count) as {{ metric }}{{ "," if not loop.last }}
        {% endfor -%}
        into name metric value total, user_count
    )

    where user_count > 0

    union all by name

    select
        list_number,
        activity,
        popularity,
        user_age,
        'user_coverage' as metric,
        k,
        user_count,
        user_count as weight,
        coalesce(listed_count, 0) as total

    from ranking_groups

    left join list_groups using (list_number, activity, popularity, user_age, k)

),

-- Ratings: users who rated, and those of them for whom something was predicted.

rating_users as (
    select distinct
        tenant_id,
        user_id,
        split_name,
        model,
        model_version,
        fold
    from {{ ref('rating_predictions') }}
),

rating_groups as (

    select
        rating_users.tenant_id,
        rating_users.split_name,
        rating_users.model,
        rating_users.model_version,
        segments.activity,
        segments.popularity,
        segments.user_age,
        rating_users.fold,
        count(*) as user_count,
        count(predicted.rating_count) as predicted_count,
        sum(predicted.rating_count) as rating_count,
        {{ exact_sum("predicted.squared_error_sum") }} as squared_error_sum,
        {{ exact_sum("predicted.absolute_error_sum") }} as absolute_error_sum

    from rating_users

    inner join user_segments as segments
        using (tenant_id, split_name, fold, user_id)

    left join {{ ref('user_rating_metrics') }} as predicted
        using (tenant_id, split_name, fold, model, model_version, user_id)

    group by all

),

rating_sums as (
    {%- for metric, users, weight, total in [
        ("rmse", "predicted_count", "rating_count", "squared_error_sum"),
        ("mse", "predicted_count", "rating_count", "squared_error_sum"),
        ("mae", "predicted_count", "rating_count", "absolute_error_sum"),
        ("user_coverage", "user_count", "user_count", "predicted_count"),
    ] %}

    select
        * exclude (
            user_count, predicted_count, rating_count, squared_error_sum,
            absolute_error_sum
        ),
        'full' as candidates,
        '{{ metric }}' as metric,
        {{ users }} as user_count,
        {{ weight }} as weight,
        {{ total }} as total

    from rating_groups

    where {{ users }} > 0
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

sums as (

    select * exclude (list_number, is_baseline)

    from group_sums

    inner join recommendation_lists using (list_number)

    union all by name

    select * from rating_sums

),

segment_sums as (

    select
        tenant_id,
        split_name,
        model,
        model_version,
        candidates,
        metric,
        {{ rows_of("['all', 'activity', 'popularity', 'user_age']") }} as segment_kind,
        {{ rows_of("['all', activity, popularity, user_age]") }} as segment,
        k,
        fold,
        user_count,
        weight,
        total

    from sums

),

segment_means as (
    select
        * exclude (user_count, weight, total),
        cast(sum(user_count) as bigint) as user_count,
        {{ exact_sum('total') }} / sum(weight) as mean
    from segment_sums
    group by all
),

segment_metrics as (
    select
        * exclude (mean),
        case metric when 'rmse' then sqrt(mean) else mean end as value
    from segment_means
),

-- What is recommended at all, of lists over the full catalogue; 0 where nothing is.

catalogue_metrics as (
    {%- for metric, value in {
        "coverage": "coalesce(exposures.coverage, 0)",
        "exposure_gini": "exposures.exposure_gini",
    }.items() %}

    select
        measured.* replace ('{{ metric }}' as metric, {{ value }} as value)

    from segment_metrics as measured

    inner join recommendation_lists
        using (tenant_id, split_name, fold, model, model_version, candidates)

    left join {{ ref('exposure_metrics') }} as exposures
        on recommendation_lists.list_number = exposures.list_number
        and measured.segment_kind = exposures.segment_kind
        and measured.segment = exposures.segment
        and measured.k = exposures.k

    where
        measured.metric = 'precision'
        and measured.candidates = 'full'
        and {{ value }} is not null
    {{ "union all" if not loop.last }}
    {%- endfor %}

),

model_metrics as (

    select * from segment_metrics
    union all
    select * from catalogue_metrics

)

select * from model_metrics
