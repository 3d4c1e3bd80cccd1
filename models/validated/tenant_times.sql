{#-
    One row per tenant with interaction records: whether its interactions must have
    times. They must where more than half of the landed records have one, or more than
    half had after any load: a file whose times were not found, however large, is rejected
    then, and does not turn the tenant into one without times. A few events with times at
    the very beginning say nothing yet.
-#}

{%- set least_timed_count = 3 %}

with

load_times as (
    select
        tenant_id,
        load_id,
        count(*) as landed_count,
        count(*) filter (has_time) as timed_count,
        loaded_at
    from {{ ref('stg_winnow__interaction_times') }}
    group by all
),

running_times as (

    select
        tenant_id,
        landed_count,
        timed_count,
        sum(landed_count) over loads_until_then as landed_until_then,
        sum(timed_count) over loads_until_then as timed_until_then

    from load_times

    window loads_until_then as (
        partition by tenant_id
        order by loaded_at asc, load_id asc
        rows between unbounded preceding and current row
    )

),

tenant_times as (

    select
        tenant_id,
        cast(sum(landed_count) as bigint) as landed_count,
        cast(sum(timed_count) as bigint) as timed_count,
        sum(timed_count) * 2 > sum(landed_count)
        or bool_or(
            timed_until_then * 2 > landed_until_then
            and timed_until_then >= {{ least_timed_count }}
        ) as needs_times

    from running_times

    group by tenant_id

)

select * from tenant_times
