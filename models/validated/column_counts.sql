{#-
    One row per tenant, source, entity, load and column of the contract: how many records
    there are, and how many have a value of the column's type.
-#}

with

{% for source, entity in contract_entities() -%}
{{ source }}_{{ entity }} as (

    select
        tenant_id,
        '{{ source }}' as source,
        '{{ entity }}' as entity,
        load_id,
        count(*) as record_count,
        {{ column_count_list(source, entity) }} as column_counts

    from {{ ref('val_' ~ source ~ '__' ~ entity) }}

    group by
        tenant_id,
        load_id

),

{% endfor -%}

counted as (

    {% for source, entity in contract_entities() -%}
    select * from {{ source }}_{{ entity }}
    {{ "union all" if not loop.last }}
    {% endfor -%}

),

counted_columns as (
    select
        *,
        {{ rows_of("column_counts") }} as column_count
    from counted
),

column_counts as (
    select
        tenant_id,
        source,
        entity,
        load_id,
        struct_extract(column_count, 'column_name') as column_name,
        record_count,
        struct_extract(column_count, 'typed_count') as typed_count
    from counted_columns
)

select * from column_counts
