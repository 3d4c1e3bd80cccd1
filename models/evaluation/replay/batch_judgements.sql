{#-
    One row per tenant, split, fold and day of a plan: what a run of it would come to now.
    The day's rows are looked up in what the warehouse has and judged by the seed
    quality_thresholds. A view: `winnow batches run` asks it for one day and notes that in
    evaluation.batch_runs.

    All figures are of whole counts. error_rate is the share of the day's rows that are in
    the test split no more. quality_score is the mean of two shares of the others, in the
    form of quality.metrics: completeness (rows with a time, where the tenant has times at
    all) and consistency (rows that contradict neither the catalogue nor the clock).

    One model, although long: what a day's figures and its verdict are stands in one place.
-#}

{{ config(materialized="view") }}

with

batches as {{ inlined() }} (
    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        split_name,
        fold,
        day,
        day_count
    from {{ ref('batches') }}
),

split_assignments as (
    select
        tenant_id,
        interaction_id,
        split_name,
        fold,
        is_cold_user or is_cold_item as is_cold
    from {{ ref('split_assignments') }}
    where split = 'test'
),

interactions as (
    select
        tenant_id,
        interaction_id,
        interacted_at is not null as has_time,
        coalesce(
            interacted_at
            > loaded_at + interval '{{ var("future_tolerance_hours") }} hours',
            false
        ) as is_too_late
    from {{ ref('interactions') }}
),

users as {{ inlined() }} (
    select
        tenant_id,
        user_id
    from {{ ref('users') }}
    where has_profile
),

items as {{ inlined() }} (
    select
        tenant_id,
        item_id
    from {{ ref('items') }}
    where is_listed
),

tenants as {{ inlined() }} (
    select
        tenant_id,
        first_interacted_at is not null as has_any_time
    from {{ ref('tenants') }}
),

quality_thresholds as (
    select * from {{ ref('quality_thresholds') }}
),

plans as (
    select
        tenant_id,
        split_name,
        fold,
        day_count
    from batches
    where day = 1
    group by all
),

days as (
    select
        tenant_id,
        split_name,
        fold,
        {{ numbers_below('1', 'day_count + 1') }} as day
    from plans
),

planned_counts as (
    select
        tenant_id,
        split_name,
        fold,
        day,
        count(*) as row_count
    from batches
    group by all
),

user_catalogues as (
    select tenant_id
    from users
    group by tenant_id
),

item_catalogues as (
    select tenant_id
    from items
    group by tenant_id
),

checked_rows as (

    select
        batches.tenant_id,
        batches.split_name,
        batches.fold,
        batches.day,
        split_assignments.is_cold,
        interactions.has_time,
        interactions.is_too_late
        or user_catalogues.tenant_id is not null and users.user_id is null
        or item_catalogues.tenant_id is not null
        and items.item_id is null as is_contradictory

    from batches

    inner join split_assignments
        on batches.tenant_id = split_assignments.tenant_id
        and batches.interaction_id = split_assignments.interaction_id
        and batches.split_name = split_assignments.split_name
        and batches.fold = split_assignments.fold

    inner join interactions
        on batches.tenant_id = interactions.tenant_id
        and batches.interaction_id = interactions.interaction_id

    left join users
        on batches.tenant_id = users.tenant_id
        and batches.user_id = users.user_id

    left join items
        on batches.tenant_id = items.tenant_id
        and batches.item_id = items.item_id

    left join user_catalogues
        on batches.tenant_id = user_catalogues.tenant_id

    left join item_catalogues
        on batches.tenant_id = item_catalogues.tenant_id

),

checked_counts as (
    select
        tenant_id,
        split_name,
        fold,
        day,
        count(*) as kept_count,
        count(*) filter (is_cold) as cold_count,
        count(*) filter (has_time) as timed_count,
        count(*) filter (not is_contradictory) as consistent_count
    from checked_rows
    group by all
),

figures as (

    select
        days.*,
        coalesce(planned_counts.row_count, 0) as row_count,
        coalesce(checked_counts.kept_count, 0) as kept_count,
        coalesce(checked_counts.cold_count, 0) as cold_count,
        case
            when tenants.has_any_time then coalesce(checked_counts.timed_count, 0)
            else coalesce(checked_counts.kept_count, 0)
        end as complete_count,
        coalesce(checked_counts.consistent_count, 0) as consistent_count

    from days

    left join planned_counts
        on days.tenant_id = planned_counts.tenant_id
        and days.split_name = planned_counts.split_name
        and days.fold = planned_counts.fold
        and days.day = planned_counts.day

    left join checked_counts
        on days.tenant_id = checked_counts.tenant_id
        and days.split_name = checked_counts.split_name
        and days.fold = checked_counts.fold
        and days.day = checked_counts.day

    left join tenants
        on days.tenant_id = tenants.tenant_id

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
        tenants.tenant_id,
        quality_thresholds.dimension,
        quality_thresholds.threshold,
        quality_thresholds.severity,
        row_number() over (
            partition by tenants.tenant_id, quality_thresholds.dimension
            order by
                quality_thresholds.tenant_id = '*' asc,
                quality_thresholds.entity = '*' asc
        ) as threshold_rank

    from tenants

    inner join quality_thresholds
        on quality_thresholds.tenant_id in (tenants.tenant_id, '*')
        and quality_thresholds.entity in ('batches', '*')

    where quality_thresholds.dimension in ('error_rate', 'quality_score')

),

limits as (
    select
        tenant_id,
        max(threshold) filter (dimension = 'error_rate') as most_errors,
        max(threshold) filter (dimension = 'quality_score') as least_quality
    from ranked_thresholds
    where threshold_rank = 1 and severity = 'error'
    group by tenant_id
),

judged_days as (

    select
        rates.*,
        concat_ws(
            '; ',
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

),

batch_judgements as (

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
        cast(quality_score as double) as quality_score

    from judged_days

)

select * from batch_judgements
