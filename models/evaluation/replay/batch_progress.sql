{#-
    One row per tenant, split, fold and day of a plan, days that were never begun and days
    without a row too: how far it is. A view, so that it is never behind
    evaluation.batches and evaluation.batch_runs.
-#}

{{ config(materialized="view") }}

with

batches as (
    select
        tenant_id,
        split_name,
        fold,
        day,
        day_count,
        count(*) as row_count
    from {{ ref('batches') }}
    group by all
),

batch_runs as (
    select * from {{ ref('batch_runs') }}
),

days as (
    select
        tenant_id,
        split_name,
        fold,
        day_count,
        {{ numbers_below('1', 'day_count + 1') }} as day
    from batches
    where day = 1
),

batch_progress as (

    select
        days.tenant_id,
        days.split_name,
        coalesce(batch_runs.state, 'planned') as state,
        batch_runs.message,
        days.fold,
        days.day,
        days.day_count,
        coalesce(batches.row_count, 0) as rows,
        batch_runs.cold_count,
        batch_runs.seconds,
        batch_runs.rows_per_second,
        batch_runs.error_rate,
        batch_runs.quality_score,
        batch_runs.started_at,
        batch_runs.finished_at

    from days

    left join batches
        on days.tenant_id = batches.tenant_id
        and days.split_name = batches.split_name
        and days.fold = batches.fold
        and days.day = batches.day

    left join batch_runs
        on days.tenant_id = batch_runs.tenant_id
        and days.split_name = batch_runs.split_name
        and days.fold = batch_runs.fold
        and days.day = batch_runs.day

)

select * from batch_progress
