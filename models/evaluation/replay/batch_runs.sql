{#-
    One row per tenant, split, fold and day of a plan that was begun. `winnow batches run`
    (the variables batch_*) runs a day in three steps: a statement of its own says that it
    is running, which stays if the run is killed; then, in one transaction, its rows are
    looked up in what the warehouse has now and judged by the seed quality_thresholds, and
    the clock is read. A day that is done is left as it is, and so is everything by a build.

    All figures are of whole counts. error_rate is the share of the day's rows that are in
    the test split no more. quality_score is the mean of two shares of the others, in the
    form of quality.metrics: completeness (rows with a time, where the tenant has times at
    all) and consistency (rows that contradict neither the catalogue nor the clock).

    One model, although long: a day is judged and noted in one transaction.
-#}

{{ config(
    materialized="incremental",
    incremental_strategy="delete+insert",
    unique_key=["tenant_id", "split_name", "fold", "day"],
    full_refresh=false,
    on_schema_change="fail",
    pre_hook=[before_begin("{{ started_day() }}"), "{{ forgotten_runs() }}"],
    post_hook="{{ stamped_day() }}",
) }}

{%- set request = batch_request() %}
{%- set scope = ['tenant_id', 'split_name', 'fold'] %}

with

batches as {{ inlined() }} (
    select * from {{ ref('batches') }}
),

split_assignments as {{ inlined() }} (
    select * from {{ ref('split_assignments') }}
),

interactions as {{ inlined() }} (
    select * from {{ ref('interactions') }}
),

users as {{ inlined() }} (
    select * from {{ ref('users') }}
),

items as {{ inlined() }} (
    select * from {{ ref('items') }}
),

tenants as (
    select
        tenant_id,
        first_interacted_at is not null as has_any_time
    from {{ ref('tenants') }}
),

quality_thresholds as (
    select * from {{ ref('quality_thresholds') }}
),

runs as (

    {% if is_incremental() and request.action in ['run', 'fail'] -%}
    select
        tenant_id,
        split_name,
        fold,
        day,
        started_at

    from {{ this }}

    where
        state in ('running'{{ ", 'done'" if request.action == 'fail' }})
        and day = {{ request.day }}
        and {{ is_requested_batch(['run', 'fail']) }}
    {%- else -%}
    select
        tenant_id,
        split_name,
        fold,
        day,
        cast(null as timestamp) as started_at

    from batches

    where false
    {%- endif %}

),

day_rows as (

    select
        batches.tenant_id,
        batches.interaction_id,
        batches.user_id,
        batches.item_id,
        batches.split_name,
        batches.fold

    from batches

    inner join runs
        on batches.tenant_id = runs.tenant_id
        and batches.split_name = runs.split_name
        and batches.fold = runs.fold
        and batches.day = runs.day
    {%- if request.action == 'fail' %}

    where false
    {%- endif %}

),

day_users as (
    select
        tenant_id,
        user_id
    from day_rows
    group by all
),

day_items as (
    select
        tenant_id,
        item_id
    from day_rows
    group by all
),

profiled_users as (
    select
        users.tenant_id,
        users.user_id,
        users.has_profile
    from users
    inner join day_users
        on users.tenant_id = day_users.tenant_id
        and users.user_id = day_users.user_id
),

listed_items as (
    select
        items.tenant_id,
        items.item_id,
        items.is_listed
    from items
    inner join day_items
        on items.tenant_id = day_items.tenant_id
        and items.item_id = day_items.item_id
),

user_catalogues as (
    select tenant_id
    from users
    where has_profile
    group by tenant_id
),

item_catalogues as (
    select tenant_id
    from items
    where is_listed
    group by tenant_id
),

planned_counts as (
    select
        {{ scope | join(", ") }},
        count(*) as row_count
    from day_rows
    group by {{ scope | join(", ") }}
),

kept_rows as (

    select
        day_rows.*,
        split_assignments.is_cold_user
        or split_assignments.is_cold_item as is_cold

    from split_assignments

    inner join day_rows
        on split_assignments.tenant_id = day_rows.tenant_id
        and split_assignments.interaction_id = day_rows.interaction_id
        and split_assignments.split_name = day_rows.split_name
        and split_assignments.fold = day_rows.fold

    where split_assignments.split = 'test'

),

checked_rows as (

    select
        kept_rows.*,
        interactions.interacted_at is not null as has_time,
        coalesce(
            interactions.interacted_at
            > interactions.loaded_at
            + interval '{{ var("future_tolerance_hours") }} hours',
            false
        )
        or user_catalogues.tenant_id is not null
        and not coalesce(profiled_users.has_profile, false)
        or item_catalogues.tenant_id is not null
        and not coalesce(listed_items.is_listed, false) as is_contradictory

    from interactions

    inner join kept_rows
        on interactions.tenant_id = kept_rows.tenant_id
        and interactions.interaction_id = kept_rows.interaction_id

    left join profiled_users
        on kept_rows.tenant_id = profiled_users.tenant_id
        and kept_rows.user_id = profiled_users.user_id

    left join listed_items
        on kept_rows.tenant_id = listed_items.tenant_id
        and kept_rows.item_id = listed_items.item_id

    left join user_catalogues
        on kept_rows.tenant_id = user_catalogues.tenant_id

    left join item_catalogues
        on kept_rows.tenant_id = item_catalogues.tenant_id

),

checked_counts as (
    select
        {{ scope | join(", ") }},
        count(*) as kept_count,
        count(*) filter (is_cold) as cold_count,
        count(*) filter (has_time) as timed_count,
        count(*) filter (not is_contradictory) as consistent_count
    from checked_rows
    group by {{ scope | join(", ") }}
),

figures as (

    select
        runs.*,
        coalesce(planned_counts.row_count, 0) as row_count,
        coalesce(checked_counts.kept_count, 0) as kept_count,
        coalesce(checked_counts.cold_count, 0) as cold_count,
        case
            when tenants.has_any_time then coalesce(checked_counts.timed_count, 0)
            else coalesce(checked_counts.kept_count, 0)
        end as complete_count,
        coalesce(checked_counts.consistent_count, 0) as consistent_count

    from runs

    left join planned_counts
        on runs.tenant_id = planned_counts.tenant_id
        and runs.split_name = planned_counts.split_name
        and runs.fold = planned_counts.fold

    left join checked_counts
        on runs.tenant_id = checked_counts.tenant_id
        and runs.split_name = checked_counts.split_name
        and runs.fold = checked_counts.fold

    left join tenants
        on runs.tenant_id = tenants.tenant_id

),

rates as (
    select
        *,
        case
            when row_count > 0 then (row_count - kept_count) / row_count
        end as error_rate,
        case
            when kept_count > 0
                then (complete_count + consistent_count) / (2 * kept_count)
        end as quality_score
    from figures
),

ranked_thresholds as (

    select
        runs.tenant_id,
        quality_thresholds.dimension,
        quality_thresholds.threshold,
        quality_thresholds.severity,
        row_number() over (
            partition by runs.tenant_id, runs.split_name, quality_thresholds.dimension
            order by
                quality_thresholds.tenant_id = '*' asc,
                quality_thresholds.entity = '*' asc
        ) as threshold_rank,
        runs.split_name

    from runs

    inner join quality_thresholds
        on quality_thresholds.tenant_id in (runs.tenant_id, '*')
        and quality_thresholds.entity in ('batches', '*')

    where quality_thresholds.dimension in ('error_rate', 'quality_score')

),

limits as (

    select
        tenant_id,
        split_name,
        max(threshold) filter (
            dimension = 'error_rate' and severity = 'error'
        ) as most_errors,
        max(threshold) filter (
            dimension = 'quality_score' and severity = 'error'
        ) as least_quality

    from ranked_thresholds

    where threshold_rank = 1

    group by all

),

judged_days as (

    select
        rates.*,
        concat_ws(
            '; ',
            {% if request.action == 'fail' -%}
            coalesce({{ quoted_text(request.message) }}, 'it was ended from outside'),
            {%- endif %}
            case
                when rates.error_rate > limits.most_errors
                    then
                        'error_rate is ' || round(rates.error_rate, 4)
                        || ' and must be ' || limits.most_errors || ' or less'
            end,
            case
                when rates.quality_score < limits.least_quality
                    then
                        'quality_score is ' || round(rates.quality_score, 4)
                        || ' and must be ' || limits.least_quality || ' or more'
            end
        ) as failure,
        concat_ws(
            ', ',
            case
                when rates.kept_count < rates.row_count
                    then
                        (rates.row_count - rates.kept_count) || ' of '
                        || rates.row_count || ' rows are no longer in the test split'
            end,
            case
                when rates.complete_count < rates.kept_count
                    then
                        (rates.kept_count - rates.complete_count)
                        || ' have no time'
            end,
            case
                when rates.consistent_count < rates.kept_count
                    then
                        (rates.kept_count - rates.consistent_count)
                        || ' contradict the catalogue or the clock'
            end
        ) as remark

    from rates

    left join limits
        on rates.tenant_id = limits.tenant_id
        and rates.split_name = limits.split_name

),

batch_runs as (

    select
        tenant_id,
        split_name,
        case when failure = '' then 'done' else 'failed' end as state,
        nullif(
            concat_ws(': ', nullif(failure, ''), nullif(remark, '')), ''
        ) as message,
        fold,
        day,
        row_count,
        kept_count,
        cold_count,
        cast(error_rate as double) as error_rate,
        cast(quality_score as double) as quality_score,
        cast(null as double) as seconds,
        cast(null as double) as rows_per_second,
        started_at,
        cast(null as timestamp) as finished_at

    from judged_days

)

select * from batch_runs
