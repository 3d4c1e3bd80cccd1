{#-
    One row per tenant, source, entity and load: where every landed record went.
    What was landed is counted by the loaders as they read the files; the other
    counts are taken from the tables that hold the records.
-#}

{%- set prepared = ['interactions', 'items', 'users', 'item_tags', 'predictions'] %}
{%- set load_key = ['tenant_id', 'source', 'entity', 'load_id'] %}

with

landed as (

    select
        {{ load_key | join(", ") }},
        sum(record_count + unreadable_count) as landed_count,
        0 as accepted_count,
        0 as rejected_count,
        0 as duplicate_count

    from {{ ref('stg_winnow__loaded_files') }}

    group by {{ load_key | join(", ") }}

),

{% for model in prepared -%}
accepted_{{ model }} as (

    select
        {{ load_key | join(", ") }},
        0 as landed_count,
        count(*) as accepted_count,
        0 as rejected_count,
        0 as duplicate_count

    from {{ ref(model) }}

    where load_id is not null

    group by {{ load_key | join(", ") }}

),

{% endfor -%}

rejected as (

    select
        {{ load_key | join(", ") }},
        0 as landed_count,
        0 as accepted_count,
        count(*) as rejected_count,
        0 as duplicate_count

    from {{ ref('rejected_records') }}

    group by {{ load_key | join(", ") }}

),

duplicates as (

    select
        {{ load_key | join(", ") }},
        0 as landed_count,
        0 as accepted_count,
        0 as rejected_count,
        count(*) as duplicate_count

    from {{ ref('duplicate_records') }}

    group by {{ load_key | join(", ") }}

),

counted as (

    select * from landed
    union all
    {% for model in prepared -%}
    select * from accepted_{{ model }}
    union all
    {% endfor -%}
    select * from rejected
    union all
    select * from duplicates

),

reconciliation as (

    select
        {{ load_key | join(", ") }},
        cast(sum(landed_count) as bigint) as landed_count,
        cast(sum(accepted_count) as bigint) as accepted_count,
        cast(sum(rejected_count) as bigint) as rejected_count,
        cast(sum(duplicate_count) as bigint) as duplicate_count,
        cast(0 as bigint) as erased_count

    from counted

    group by {{ load_key | join(", ") }}

)

select * from reconciliation
