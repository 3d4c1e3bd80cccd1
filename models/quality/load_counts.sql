{#-
    One row per tenant, source, entity and load: the counts that quality.metrics are made
    of, and whether the load counts.
-#}

{%- set load_key = ['tenant_id', 'source', 'entity', 'load_id'] %}

with

record_counts as (
    select * from {{ ref('record_counts') }}
),

load_verdicts as (
    select
        {{ load_key | join(", ") }},
        verdict
    from {{ ref('load_verdicts') }}
),

file_states as (
    select
        {{ load_key | join(", ") }},
        bool_and(state in ('replaced', 'earlier')) as is_replaced
    from {{ ref('file_states') }}
    group by {{ load_key | join(", ") }}
),

load_counts as (

    select
        record_counts.tenant_id,
        record_counts.source,
        record_counts.entity,
        record_counts.load_id,
        load_verdicts.verdict,
        record_counts.landed_count,
        record_counts.unreadable_count,
        record_counts.failing_count,
        record_counts.required_value_count,
        record_counts.missing_value_count,
        record_counts.given_value_count,
        record_counts.invalid_value_count,
        record_counts.keyed_count,
        record_counts.repeated_count,
        file_states.is_replaced,
        record_counts.loaded_at

    from record_counts

    inner join load_verdicts
        on record_counts.tenant_id = load_verdicts.tenant_id
        and record_counts.source = load_verdicts.source
        and record_counts.entity = load_verdicts.entity
        and record_counts.load_id = load_verdicts.load_id

    inner join file_states
        on record_counts.tenant_id = file_states.tenant_id
        and record_counts.source = file_states.source
        and record_counts.entity = file_states.entity
        and record_counts.load_id = file_states.load_id

)

select * from load_counts
