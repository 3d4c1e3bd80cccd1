{#-
    One row per tenant with interaction records: whether its interactions have times, as
    more than half of the landed records do. An interaction without a time is then
    rejected, and does not turn the tenant into one without times.
-#}

with

interaction_times as (

    select * from {{ ref('stg_winnow__interaction_times') }}

),

tenant_times as (

    select
        tenant_id,
        count(*) as landed_count,
        count(*) filter (has_time) as timed_count,
        count(*) filter (has_time) * 2 > count(*) as needs_times

    from interaction_times

    group by tenant_id

)

select * from tenant_times
