{#-
    One row per tenant, source, entity and load: where every landed record went.
    What was landed is counted by the loaders as they read the files; the other
    counts are taken from the tables that hold the records. Accepted records of files
    that are held or replaced stay in the validated layer.
-#}

{%- set prepared = ['interactions', 'items', 'users', 'item_tags', 'predictions'] %}
{%- set counts = [
    'landed_count', 'accepted_count', 'rejected_count', 'duplicate_count', 'held_count',
    'replaced_count'
] %}
{%- set load_key = ['tenant_id', 'source', 'entity', 'load_id'] %}

with

landed as (
    select
        {{ load_key | join(", ") }},
        sum(record_count + unreadable_count) as landed_count,
        0 as accepted_count,
        0 as rejected_count,
        0 as duplicate_count,
        0 as held_count,
        0 as replaced_count
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
        0 as duplicate_count,
        0 as held_count,
        0 as replaced_count

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
        0 as duplicate_count,
        0 as held_count,
        0 as replaced_count
    from {{ ref('rejected_records') }}
    group by {{ load_key | join(", ") }}
),

duplicates as (
    select
        {{ load_key | join(", ") }},
        0 as landed_count,
        0 as accepted_count,
        0 as rejected_count,
        count(*) as duplicate_count,
        0 as held_count,
        0 as replaced_count
    from {{ ref('duplicate_records') }}
    group by {{ load_key | join(", ") }}
),

left_out_files as (
    select
        tenant_id,
        source,
        entity,
        file,
        load_id,
        state
    from {{ ref('file_states') }}
    where state in ('held', 'replaced')
),

left_out as (

    {% for source, entity in contract_entities() -%}
    select
        left_out_files.tenant_id,
        left_out_files.source,
        left_out_files.entity,
        left_out_files.load_id,
        0 as landed_count,
        0 as accepted_count,
        0 as rejected_count,
        0 as duplicate_count,
        count(*) filter (left_out_files.state = 'held') as held_count,
        count(*) filter (left_out_files.state = 'replaced') as replaced_count

    from {{ ref('val_' ~ source ~ '__' ~ entity) }} as validated

    inner join left_out_files
        on validated.tenant_id = left_out_files.tenant_id
        and left_out_files.source = '{{ source }}'
        and left_out_files.entity = '{{ entity }}'
        and validated.load_id = left_out_files.load_id
        and validated.file = left_out_files.file

    where validated.is_accepted

    group by
        left_out_files.tenant_id,
        left_out_files.source,
        left_out_files.entity,
        left_out_files.load_id

    {{ "union all" if not loop.last }}

    {% endfor -%}
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
    union all
    select * from left_out

),

reconciliation as (

    select
        {{ load_key | join(", ") }},
        {% for count in counts -%}
        cast(sum({{ count }}) as bigint) as {{ count }},
        {% endfor -%}
        cast(0 as bigint) as erased_count

    from counted

    group by {{ load_key | join(", ") }}

)

select * from reconciliation
