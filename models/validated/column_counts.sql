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

column_counts as (

    select
        counted.tenant_id,
        counted.source,
        counted.entity,
        counted.load_id,
        struct_extract(unnested.column_count, 'column_name') as column_name,
        counted.record_count,
        struct_extract(unnested.column_count, 'typed_count') as typed_count

    from counted

    cross join unnest(counted.column_counts) as unnested (column_count)

)

select * from column_counts
