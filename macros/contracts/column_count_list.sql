{#-
    A list with, for each column of an entity, its name in the contract and how many
    values of a group of validated rows could be read as its type.
-#}
{% macro column_count_list(source_name, entity) -%}
    {%- set node = entity_contract(source_name, entity) -%}
    [
        {%- for column in (node.columns.values() if node is not none else []) %}
        struct_pack(
            column_name := '{{ column.name }}',
            typed_count := count({{ column_rules(column).canonical_name }})
        ){{ "," if not loop.last }}
        {%- else -%}
        struct_pack(column_name := cast(null as varchar), typed_count := count(*))
        {%- endfor %}
    ]
{%- endmacro %}
