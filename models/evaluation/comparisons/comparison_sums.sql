{#-
    One row per tenant, scope, candidates, metric, k and pair of models, and a row more
    for each day on which users came (evaluation.user_days), of all who had come until
    then: what the differences of the users add up to, users that both models have.

    All sums are of whole numbers, and so the same in whatever order the rows come. A
    metric's values are counted in units of `unit` / 2^46, the unit being the power of
    two next above its largest value. Third powers would not fit: those sums are in
    units of `unit` / 2^30.

    The bootstrap draws from `bucket_sums`. Each user is a bucket of its own, in the
    order of user_id, where one of the models has no more than 4096 users, and beyond
    that users fall into 4096 buckets by hash. An order of buckets that hangs on nothing
    but the users makes the draws repeatable.

    One model, although long: differences of users are too large to be stored between
    two models.
-#}

{%- set buckets = 4096 %}

with

user_metrics as {{ inlined() }} (

    select
        tenant_id,
        user_id,
        split_name,
        model,
        model_version,
        candidates,
        metric,
        k,
        fold,
        value

    from {{ ref('user_metrics') }}

    where value is not null

),

user_days as (
    select
        tenant_id,
        user_id,
        split_name,
        fold,
        day
    from {{ ref('user_days') }}
),

comparison_settings as (
    select
        tenant_id,
        comparison_baseline
    from {{ ref('comparison_settings') }}
),

-- What one model scored by one metric, in one scope.
counted_series as (

    select
        tenant_id,
        split_name,
        model,
        model_version,
        candidates,
        metric,
        k,
        fold,
        count(*) as user_count,
        max(abs(value)) as largest_value

    from user_metrics

    group by all

),

series as (

    select
        *,
        dense_rank() over (
            order by
                tenant_id asc,
                split_name asc,
                fold asc,
                candidates asc,
                metric asc,
                k asc nulls first
        ) as question_id,
        row_number() over (
            order by
                tenant_id asc,
                split_name asc,
                fold asc,
                candidates asc,
                metric asc,
                k asc nulls first,
                model asc,
                model_version asc
        ) as series_id

    from counted_series

),

units as (
    select
        tenant_id,
        metric,
        case
            when max(largest_value) = 0 then 1.0
            else pow(2.0, ceil(log2(max(largest_value))))
        end as unit
    from series
    group by all
),

refusals as (

    select
        'Tenant ' || comparison_settings.tenant_id
        || ' in seeds/tenant_settings.csv: comparison_baseline is '
        || comparison_settings.comparison_baseline
        || ', and no model of that name was evaluated, only '
        || string_agg(distinct series.model, ', ' order by series.model)
        || '.' as sentence

    from comparison_settings

    inner join series
        on comparison_settings.tenant_id = series.tenant_id

    where comparison_settings.comparison_baseline is not null

    group by
        comparison_settings.tenant_id,
        comparison_settings.comparison_baseline

    having not bool_or(series.model = comparison_settings.comparison_baseline)

),

refused as (
    select min(sentence) as sentence
    from refusals
),

pairs as (

    select
        series_a.tenant_id,
        series_a.split_name,
        series_a.fold,
        series_a.candidates,
        series_a.metric,
        series_a.k,
        series_a.model as model_a,
        series_a.model_version as model_version_a,
        series_b.model as model_b,
        series_b.model_version as model_version_b,
        series_a.series_id as series_a,
        series_b.series_id as series_b,
        series_a.user_count as user_count_a,
        series_b.user_count as user_count_b,
        units.unit,
        least(series_a.user_count, series_b.user_count) <= {{ buckets }}
            as has_users_as_buckets,
        row_number() over (
            order by series_a.series_id asc, series_b.series_id asc
        ) as comparison_id

    from series as series_a

    inner join series as series_b
        on series_a.tenant_id is not distinct from series_b.tenant_id
        and series_a.split_name is not distinct from series_b.split_name
        and series_a.fold is not distinct from series_b.fold
        and series_a.candidates is not distinct from series_b.candidates
        and series_a.metric is not distinct from series_b.metric
        and series_a.k is not distinct from series_b.k
        and series_a.series_id <> series_b.series_id

    inner join units
        on series_a.tenant_id = units.tenant_id
        and series_a.metric = units.metric

    left join comparison_settings
        on series_a.tenant_id = comparison_settings.tenant_id

    cross join refused

    where
        {{ raised_sentence('refused.sentence') }} is null
        and case
            when comparison_settings.comparison_baseline is null
                then series_a.series_id < series_b.series_id
            when series_a.model <> comparison_settings.comparison_baseline
                then false
            else
                series_b.model <> comparison_settings.comparison_baseline
                or series_a.series_id < series_b.series_id
        end

),

users as (
    select
        tenant_id,
        user_id
    from user_metrics
    group by all
),

numbered_users as (
    select
        tenant_id,
        user_id,
        row_number() over (order by tenant_id asc, user_id asc) as user_number,
        {{ hashed_draw(
            "tenant_id", "'bucket' || chr(31) || user_id", buckets | string
        ) }} as bucket
    from users
),

whole_values as (

    select
        series.series_id,
        series.question_id,
        numbered_users.user_number,
        numbered_users.bucket,
        user_days.day,
        cast(
            round(user_metrics.value / units.unit * 70368744177664.0) as bigint
        ) as value

    from user_metrics

    inner join series
        on user_metrics.tenant_id = series.tenant_id
        and user_metrics.split_name = series.split_name
        and user_metrics.fold = series.fold
        and user_metrics.model = series.model
        and user_metrics.model_version = series.model_version
        and user_metrics.metric = series.metric
        and user_metrics.candidates is not distinct from series.candidates
        and user_metrics.k is not distinct from series.k

    inner join units
        on user_metrics.tenant_id = units.tenant_id
        and user_metrics.metric = units.metric

    inner join numbered_users
        on user_metrics.tenant_id = numbered_users.tenant_id
        and user_metrics.user_id = numbered_users.user_id

    left join user_days
        on user_metrics.tenant_id = user_days.tenant_id
        and user_metrics.split_name = user_days.split_name
        and user_metrics.fold = user_days.fold
        and user_metrics.user_id = user_days.user_id

),

-- question_id follows from the pair's series; without it DuckDB joins all that a user
-- has with all of it, before it looks at the pairs.
differences as {{ inlined() }} (

    select
        pairs.comparison_id,
        values_b.day,
        case
            when pairs.has_users_as_buckets then values_b.user_number
            else values_b.bucket
        end as bucket,
        values_a.value as value_a,
        values_b.value as value_b,
        cast(values_b.value - values_a.value as hugeint) as difference,
        cast(
            round((values_b.value - values_a.value) / 65536.0) as hugeint
        ) as coarse_difference

    from pairs

    inner join whole_values as values_a
        on pairs.series_a = values_a.series_id

    inner join whole_values as values_b
        on pairs.series_b = values_b.series_id
        and values_a.user_number = values_b.user_number
        and values_a.question_id = values_b.question_id

),

sums_of_buckets as (

    select
        comparison_id,
        day,
        bucket,
        count(*) as user_count,
        sum(value_a) as sum_a,
        sum(value_b) as sum_b,
        sum(difference) as sum_difference,
        sum(difference * difference) as sum_squares,
        sum(coarse_difference) as coarse_sum,
        sum(coarse_difference * coarse_difference) as coarse_squares,
        sum(coarse_difference * coarse_difference * coarse_difference) as coarse_cubes

    from differences

    group by all

),

buckets as (
    select
        comparison_id,
        bucket,
        sum(user_count) as user_count,
        sum(sum_difference) as sum_difference
    from sums_of_buckets
    group by all
),

bucket_lists as (
    select
        comparison_id,
        list(cast(sum_difference as double) order by bucket asc) as bucket_sums,
        list(cast(user_count as double) order by bucket asc) as bucket_sizes
    from buckets
    group by comparison_id
),

days as (

    select
        tenant_id,
        split_name,
        fold,
        day,
        row_number() over (
            partition by tenant_id, split_name, fold
            order by day asc
        ) as look,
        count(*) over (partition by tenant_id, split_name, fold) as look_count,
        cast(
            sum(count(*)) over (
                partition by tenant_id, split_name, fold
                order by day asc
            ) as double
        ) / sum(count(*)) over (partition by tenant_id, split_name, fold)
            as user_share

    from user_days

    group by
        tenant_id,
        split_name,
        fold,
        day

),

sums_of_days as (

    select
        comparison_id,
        day,
        sum(user_count) as user_count,
        sum(sum_a) as sum_a,
        sum(sum_b) as sum_b,
        sum(sum_difference) as sum_difference,
        sum(sum_squares) as sum_squares,
        sum(coarse_sum) as coarse_sum,
        sum(coarse_squares) as coarse_squares,
        sum(coarse_cubes) as coarse_cubes

    from sums_of_buckets

    group by all

),

looks as (

    select
        pairs.comparison_id,
        days.day,
        days.look,
        days.look_count,
        days.user_share

    from pairs

    inner join days
        on pairs.tenant_id = days.tenant_id
        and pairs.split_name = days.split_name
        and pairs.fold = days.fold

),

sums_until_days as (

    select
        looks.comparison_id,
        looks.day,
        looks.look,
        looks.look_count,
        looks.user_share,
        coalesce(
            sum(sums_of_days.user_count) over (
                partition by looks.comparison_id
                order by looks.day asc
            ),
            0
        ) as user_count,
        coalesce(
            sum(sums_of_days.sum_a) over (
                partition by looks.comparison_id
                order by looks.day asc
            ),
            0
        ) as sum_a,
        coalesce(
            sum(sums_of_days.sum_b) over (
                partition by looks.comparison_id
                order by looks.day asc
            ),
            0
        ) as sum_b,
        coalesce(
            sum(sums_of_days.sum_difference) over (
                partition by looks.comparison_id
                order by looks.day asc
            ),
            0
        ) as sum_difference,
        coalesce(
            sum(sums_of_days.sum_squares) over (
                partition by looks.comparison_id
                order by looks.day asc
            ),
            0
        ) as sum_squares,
        coalesce(
            sum(sums_of_days.coarse_sum) over (
                partition by looks.comparison_id
                order by looks.day asc
            ),
            0
        ) as coarse_sum,
        coalesce(
            sum(sums_of_days.coarse_squares) over (
                partition by looks.comparison_id
                order by looks.day asc
            ),
            0
        ) as coarse_squares,
        coalesce(
            sum(sums_of_days.coarse_cubes) over (
                partition by looks.comparison_id
                order by looks.day asc
            ),
            0
        ) as coarse_cubes

    from looks

    left join sums_of_days
        on looks.comparison_id = sums_of_days.comparison_id
        and looks.day = sums_of_days.day

),

sums_of_all as (

    select
        pairs.comparison_id,
        cast(null as bigint) as day,
        cast(null as bigint) as look,
        cast(null as bigint) as look_count,
        cast(null as double) as user_share,
        coalesce(sum(sums_of_days.user_count), 0) as user_count,
        coalesce(sum(sums_of_days.sum_a), 0) as sum_a,
        coalesce(sum(sums_of_days.sum_b), 0) as sum_b,
        coalesce(sum(sums_of_days.sum_difference), 0) as sum_difference,
        coalesce(sum(sums_of_days.sum_squares), 0) as sum_squares,
        coalesce(sum(sums_of_days.coarse_sum), 0) as coarse_sum,
        coalesce(sum(sums_of_days.coarse_squares), 0) as coarse_squares,
        coalesce(sum(sums_of_days.coarse_cubes), 0) as coarse_cubes

    from pairs

    left join sums_of_days
        on pairs.comparison_id = sums_of_days.comparison_id

    group by pairs.comparison_id

),

all_sums as (

    select * from sums_of_all
    union all
    select * from sums_until_days

),

comparison_sums as (

    select
        pairs.tenant_id,
        pairs.split_name,
        pairs.model_a,
        pairs.model_version_a,
        pairs.model_b,
        pairs.model_version_b,
        pairs.candidates,
        pairs.metric,
        bucket_lists.bucket_sums,
        bucket_lists.bucket_sizes,
        pairs.k,
        pairs.fold,
        all_sums.day,
        all_sums.look,
        all_sums.look_count,
        cast(all_sums.user_count as bigint) as user_count,
        pairs.user_count_a,
        pairs.user_count_b,
        all_sums.sum_a,
        all_sums.sum_b,
        all_sums.sum_difference,
        all_sums.sum_squares,
        all_sums.coarse_sum,
        all_sums.coarse_squares,
        all_sums.coarse_cubes,
        all_sums.user_share,
        pairs.unit

    from all_sums

    inner join pairs
        on all_sums.comparison_id = pairs.comparison_id

    left join bucket_lists
        on all_sums.comparison_id = bucket_lists.comparison_id
        and all_sums.day is null

)

select * from comparison_sums
