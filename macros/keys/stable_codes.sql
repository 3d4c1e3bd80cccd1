{#-
    The query of prepared.user_codes and prepared.item_codes: what has no code yet gets
    the next ones of its tenant, in the order of the load that first brought it, ties by
    id. All records count, also those that a later load replaced, so that a build after
    each load gives the codes of one build after all of them.
-#}
{% macro stable_codes(entity) -%}
{%- if entity not in ["user", "item"] -%}
    {{ exceptions.raise_compiler_error(
        "stable_codes: entity is " ~ entity ~ ", not user or item"
    ) }}
{%- endif -%}
with

records as (

    {% for records in [entity ~ '_records', 'interaction_records'] -%}
    select
        tenant_id,
        {{ entity }}_id,
        min(loaded_at) as first_loaded_at

    from {{ ref(records) }}

    group by all
    {{ "union all" if not loop.last }}
    {% endfor %}
),

loaded as (

    select
        tenant_id,
        {{ entity }}_id,
        min(first_loaded_at) as first_loaded_at

    from records

    group by all

),

{% if is_incremental() -%}
last_codes as (

    select
        tenant_id,
        max({{ entity }}_index) as last_index

    from {{ this }}

    group by tenant_id

),

{% endif -%}
new_codes as (

    select
        loaded.tenant_id,
        loaded.{{ entity }}_id,
        {{ "coalesce(last_codes.last_index, 0) + " if is_incremental() -}}
        row_number() over (
            partition by loaded.tenant_id
            order by loaded.first_loaded_at asc, loaded.{{ entity }}_id asc
        ) as {{ entity }}_index,
        loaded.first_loaded_at

    from loaded
    {% if is_incremental() %}
    left join last_codes
        on loaded.tenant_id = last_codes.tenant_id

    anti join {{ this }} as coded
        on loaded.tenant_id = coded.tenant_id
        and loaded.{{ entity }}_id = coded.{{ entity }}_id
    {% endif %}
)

select * from new_codes
{%- endmacro %}
