{#-
    One row per tenant, source, entity and load: the counts that quality.metrics are made
    of. An unreadable record misses all its required values. Counts are of records or
    of values; a value is one column of one record.
-#}

{%- set load_key = ['tenant_id', 'source', 'entity', 'load_id'] %}

with

loaded_files as (

    select * from {{ ref('stg_winnow__loaded_files') }}

),

later_files as (

    select
        tenant_id,
        source,
        entity,
        file,
        max(loaded_at) as last_loaded_at

    from loaded_files

    group by
        tenant_id,
        source,
        entity,
        file

),

loads as (

    select
        loaded_files.tenant_id,
        loaded_files.source,
        loaded_files.entity,
        loaded_files.load_id,
        loaded_files.loaded_at,
        cast(
            sum(loaded_files.record_count + loaded_files.unreadable_count) as bigint
        ) as landed_count,
        cast(sum(loaded_files.unreadable_count) as bigint) as unreadable_count,
        bool_and(later_files.last_loaded_at > loaded_files.loaded_at) as is_replaced

    from loaded_files

    inner join later_files
        on loaded_files.tenant_id = later_files.tenant_id
        and loaded_files.source = later_files.source
        and loaded_files.entity = later_files.entity
        and loaded_files.file = later_files.file

    group by
        loaded_files.tenant_id,
        loaded_files.source,
        loaded_files.entity,
        loaded_files.load_id,
        loaded_files.loaded_at

),

{% for source, entity in contract_entities() -%}
{{ source }}_{{ entity }} as (

    select
        tenant_id,
        '{{ source }}' as source,
        '{{ entity }}' as entity,
        load_id,
        {{ typed_value_count(source, entity) }} as typed_value_count,
        count(*) filter (is_accepted) as accepted_count

    from {{ ref('val_' ~ source ~ '__' ~ entity) }}

    group by
        tenant_id,
        load_id

),

{% endfor -%}

validated as (

    {% for source, entity in contract_entities() -%}
    select * from {{ source }}_{{ entity }}
    {{ "union all" if not loop.last }}
    {% endfor -%}

),

required_columns as (

    {% for source, entity in contract_entities() -%}
    select
        '{{ source }}' as source,
        '{{ entity }}' as entity,
        {{ required_column_count(source, entity) }} as required_column_count
    {{ "union all" if not loop.last }}
    {% endfor -%}

),

rejected_records as (

    select
        tenant_id,
        source,
        entity,
        load_id,
        list_filter(reasons, lambda reason: reason not like 'record.%') as reasons

    from {{ ref('rejected_records') }}

),

rejected as (

    select
        {{ load_key | join(", ") }},
        cast(
            sum(len(list_filter(
                reasons, lambda reason: reason like '%.required'
            ))) as bigint
        ) as missing_count,
        cast(
            sum(len(list_filter(
                reasons, lambda reason: reason like '%.type'
            ))) as bigint
        ) as untyped_count,
        cast(
            sum(list_unique(list_transform(
                list_filter(reasons, lambda reason: reason not like '%.required'),
                lambda reason: split_part(reason, '.', 1)
            ))) as bigint
        ) as invalid_count

    from rejected_records

    group by {{ load_key | join(", ") }}

),

repeated as (

    select
        {{ load_key | join(", ") }},
        count(*) as repeated_count

    from {{ ref('duplicate_records') }}

    where is_repeat

    group by {{ load_key | join(", ") }}

),

load_counts as (

    select
        loads.tenant_id,
        loads.source,
        loads.entity,
        loads.load_id,
        loads.landed_count,
        loads.unreadable_count,
        loads.landed_count * required_columns.required_column_count
            as required_value_count,
        coalesce(rejected.missing_count, 0)
        + loads.unreadable_count * required_columns.required_column_count
            as missing_value_count,
        coalesce(validated.typed_value_count, 0) + coalesce(rejected.untyped_count, 0)
            as given_value_count,
        coalesce(rejected.invalid_count, 0) as invalid_value_count,
        coalesce(validated.accepted_count, 0) as keyed_count,
        coalesce(repeated.repeated_count, 0) as repeated_count,
        loads.is_replaced,
        loads.loaded_at

    from loads

    inner join required_columns
        on loads.source = required_columns.source
        and loads.entity = required_columns.entity

    left join validated
        on loads.tenant_id = validated.tenant_id
        and loads.source = validated.source
        and loads.entity = validated.entity
        and loads.load_id = validated.load_id

    left join rejected
        on loads.tenant_id = rejected.tenant_id
        and loads.source = rejected.source
        and loads.entity = rejected.entity
        and loads.load_id = rejected.load_id

    left join repeated
        on loads.tenant_id = repeated.tenant_id
        and loads.source = repeated.source
        and loads.entity = repeated.entity
        and loads.load_id = repeated.load_id

)

select * from load_counts
