{#-
    One row per tenant, split, fold, model, version, set of candidates, metric, segment
    of users and k. Ranking metrics are means over users; RMSE, MAE and MSE are over all
    rated interactions of the segment's users, and no means of users; coverage and Gini
    are of the segment's lists together.

    Users are first summed up by the combination of their segments, of which there are
    at most 24, and then by each segment.
-#}

{%- set ranking_metrics = [
    "precision", "recall", "ndcg", "mrr", "map", "hit_rate",
] -%}
{%- set list_metrics = ["novelty", "diversity", "popularity_bias"] -%}

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
        user_index,
        relevant_count

    from {{ ref('user_segments') }}

),

user_ranking_metrics as (

    select * from {{ ref('user_ranking_metrics') }}

),

user_list_metrics as (

    select * from {{ ref('user_list_metrics') }}

),

user_rating_metrics as (

    select * from {{ ref('user_rating_metrics') }}

),

rating_predictions as (

    select
        tenant_id,
        user_id,
        split_name,
        model,
        model_version,
        fold

    from {{ ref('rating_predictions') }}

),

exposure_metrics as (

    select * from {{ ref('exposure_metrics') }}

),

recommendation_lists as (

    select * from {{ ref('recommendation_lists') }}

),

ranking_groups as (

    select
        user_ranking_metrics.list_number,
        user_segments.activity,
        user_segments.popularity,
        user_segments.user_age,
        user_ranking_metrics.k,
        {%- for metric in ranking_metrics %}
        {{ exact_sum("user_ranking_metrics." ~ metric) }} as {{ metric }},
        {%- endfor %}
        count(*) as user_count

    from user_ranking_metrics

    inner join user_segments
        on user_ranking_metrics.tenant_id = user_segments.tenant_id
        and user_ranking_metrics.split_name = user_segments.split_name
        and user_ranking_metrics.fold = user_segments.fold
        and user_ranking_metrics.user_index = user_segments.user_index

    group by
        user_ranking_metrics.list_number,
        user_segments.activity,
        user_segments.popularity,
        user_segments.user_age,
        user_ranking_metrics.k

),

list_groups as (

    select
        user_list_metrics.list_number,
        user_segments.activity,
        user_segments.popularity,
        user_segments.user_age,
        user_list_metrics.k,
        {%- for metric in list_metrics %}
        count(user_list_metrics.{{ metric }}) as {{ metric }}_count,
        {{ exact_sum("user_list_metrics." ~ metric) }} as {{ metric }},
        {%- endfor %}
        count(*) as user_count

    from user_list_metrics

    inner join user_segments
        on user_list_metrics.tenant_id = user_segments.tenant_id
        and user_list_metrics.split_name = user_segments.split_name
        and user_list_metrics.fold = user_segments.fold
        and user_list_metrics.user_index = user_segments.user_index

    group by
        user_list_metrics.list_number,
        user_segments.activity,
        user_segments.popularity,
        user_segments.user_age,
        user_list_metrics.k

),

-- One row per metric: the sum over the users of a combination, and of how many.

group_sums as (
    {%- for metric in ranking_metrics %}

    select
        list_number,
        activity,
        popularity,
        user_age,
        '{{ metric }}' as metric,
        k,
        user_count,
        user_count as weight,
        {{ metric }} as total

    from ranking_groups

    union all
    {%- endfor %}
    {%- for metric in list_metrics %}

    select
        list_number,
        activity,
        popularity,
        user_age,
        '{{ metric }}' as metric,
        k,
        {{ metric }}_count as user_count,
        {{ metric }}_count as weight,
        {{ metric }} as total

    from list_groups

    where {{ metric }}_count > 0

    union all
    {%- endfor %}

    select
        ranking_groups.list_number,
        ranking_groups.activity,
        ranking_groups.popularity,
        ranking_groups.user_age,
        'user_coverage' as metric,
        ranking_groups.k,
        ranking_groups.user_count,
        ranking_groups.user_count as weight,
        coalesce(list_groups.user_count, 0) as total

    from ranking_groups

    left join list_groups
        on ranking_groups.list_number = list_groups.list_number
        and ranking_groups.activity = list_groups.activity
        and ranking_groups.popularity = list_groups.popularity
        and ranking_groups.user_age = list_groups.user_age
        and ranking_groups.k = list_groups.k

),

user_level_sums as (

    select
        recommendation_lists.tenant_id,
        recommendation_lists.split_name,
        recommendation_lists.model,
        recommendation_lists.model_version,
        recommendation_lists.candidates,
        group_sums.metric,
        group_sums.activity,
        group_sums.popularity,
        group_sums.user_age,
        group_sums.k,
        recommendation_lists.fold,
        group_sums.user_count,
        group_sums.weight,
        group_sums.total

    from group_sums

    inner join recommendation_lists
        on group_sums.list_number = recommendation_lists.list_number

),

-- Ratings: users for whom something was predicted, and users who rated.

predicted_groups as (

    select
        user_rating_metrics.tenant_id,
        user_rating_metrics.split_name,
        user_rating_metrics.model,
        user_rating_metrics.model_version,
        user_segments.activity,
        user_segments.popularity,
        user_segments.user_age,
        user_rating_metrics.fold,
        count(*) as user_count,
        sum(user_rating_metrics.rating_count) as rating_count,
        {{ exact_sum("user_rating_metrics.squared_error_sum") }} as squared_error_sum,
        {{ exact_sum("user_rating_metrics.absolute_error_sum") }} as absolute_error_sum

    from user_rating_metrics

    inner join user_segments
        on user_rating_metrics.tenant_id = user_segments.tenant_id
        and user_rating_metrics.split_name = user_segments.split_name
        and user_rating_metrics.fold = user_segments.fold
        and user_rating_metrics.user_id = user_segments.user_id

    group by
        user_rating_metrics.tenant_id,
        user_rating_metrics.split_name,
        user_rating_metrics.model,
        user_rating_metrics.model_version,
        user_segments.activity,
        user_segments.popularity,
        user_segments.user_age,
        user_rating_metrics.fold

),

rating_users as (

    select
        tenant_id,
        user_id,
        split_name,
        model,
        model_version,
        fold

    from rating_predictions

    group by
        tenant_id,
        user_id,
        split_name,
        model,
        model_version,
        fold

),

rating_groups as (

    select
        rating_users.tenant_id,
        rating_users.split_name,
        rating_users.model,
        rating_users.model_version,
        user_segments.activity,
        user_segments.popularity,
        user_segments.user_age,
        rating_users.fold,
        count(*) as user_count

    from rating_users

    inner join user_segments
        on rating_users.tenant_id = user_segments.tenant_id
        and rating_users.split_name = user_segments.split_name
        and rating_users.fold = user_segments.fold
        and rating_users.user_id = user_segments.user_id

    group by
        rating_users.tenant_id,
        rating_users.split_name,
        rating_users.model,
        rating_users.model_version,
        user_segments.activity,
        user_segments.popularity,
        user_segments.user_age,
        rating_users.fold

),

rating_sums as (
    {%- for metric, total in {
        "rmse": "squared_error_sum",
        "mse": "squared_error_sum",
        "mae": "absolute_error_sum",
    }.items() %}

    select
        tenant_id,
        split_name,
        model,
        model_version,
        'full' as candidates,
        '{{ metric }}' as metric,
        activity,
        popularity,
        user_age,
        cast(null as bigint) as k,
        fold,
        user_count,
        rating_count as weight,
        {{ total }} as total

    from predicted_groups

    union all
    {%- endfor %}

    select
        rating_groups.tenant_id,
        rating_groups.split_name,
        rating_groups.model,
        rating_groups.model_version,
        'full' as candidates,
        'user_coverage' as metric,
        rating_groups.activity,
        rating_groups.popularity,
        rating_groups.user_age,
        cast(null as bigint) as k,
        rating_groups.fold,
        rating_groups.user_count,
        rating_groups.user_count as weight,
        coalesce(predicted_groups.user_count, 0) as total

    from rating_groups

    left join predicted_groups
        on rating_groups.tenant_id = predicted_groups.tenant_id
        and rating_groups.split_name = predicted_groups.split_name
        and rating_groups.model = predicted_groups.model
        and rating_groups.model_version = predicted_groups.model_version
        and rating_groups.activity = predicted_groups.activity
        and rating_groups.popularity = predicted_groups.popularity
        and rating_groups.user_age = predicted_groups.user_age
        and rating_groups.fold = predicted_groups.fold

),

sums as (

    select * from user_level_sums

    union all

    select * from rating_sums

),

segment_rows as (

    select
        *,
        unnest(['all', 'activity', 'popularity', 'user_age']) as segment_kind,
        unnest(['all', activity, popularity, user_age]) as segment

    from sums

),

segment_sums as (

    select
        tenant_id,
        split_name,
        model,
        model_version,
        candidates,
        metric,
        segment_kind,
        segment,
        k,
        fold,
        cast(sum(user_count) as bigint) as user_count,
        {{ exact_sum('total') }} / sum(weight) as mean

    from segment_rows

    group by
        tenant_id,
        split_name,
        model,
        model_version,
        candidates,
        metric,
        segment_kind,
        segment,
        k,
        fold

),

segment_metrics as (

    select
        tenant_id,
        split_name,
        model,
        model_version,
        candidates,
        metric,
        segment_kind,
        segment,
        k,
        fold,
        user_count,
        case metric when 'rmse' then sqrt(mean) else mean end as value

    from segment_sums

),

-- What is recommended at all, of lists over the full catalogue; 0 where nothing is.

catalogue_metrics as (
    {%- for metric in ["coverage", "exposure_gini"] %}
    {{ "union all" if not loop.first }}

    select
        segment_metrics.tenant_id,
        segment_metrics.split_name,
        segment_metrics.model,
        segment_metrics.model_version,
        segment_metrics.candidates,
        '{{ metric }}' as metric,
        segment_metrics.segment_kind,
        segment_metrics.segment,
        segment_metrics.k,
        segment_metrics.fold,
        segment_metrics.user_count,
        {{ "coalesce(exposure_metrics.coverage, 0)" if metric == "coverage"
            else "exposure_metrics.exposure_gini" }} as value

    from segment_metrics

    inner join recommendation_lists
        on segment_metrics.tenant_id = recommendation_lists.tenant_id
        and segment_metrics.split_name = recommendation_lists.split_name
        and segment_metrics.model = recommendation_lists.model
        and segment_metrics.model_version = recommendation_lists.model_version
        and segment_metrics.candidates = recommendation_lists.candidates
        and segment_metrics.fold = recommendation_lists.fold

    left join exposure_metrics
        on recommendation_lists.list_number = exposure_metrics.list_number
        and segment_metrics.segment_kind = exposure_metrics.segment_kind
        and segment_metrics.segment = exposure_metrics.segment
        and segment_metrics.k = exposure_metrics.k

    where
        segment_metrics.metric = 'precision'
        and segment_metrics.candidates = 'full'
        {%- if metric == "exposure_gini" %}
        and exposure_metrics.exposure_gini is not null
        {%- endif %}
    {%- endfor %}

),

model_metrics as (

    select * from segment_metrics

    union all

    select * from catalogue_metrics

)

select * from model_metrics
