{#- How many columns of an entity must be given. -#}
{% macro required_column_count(source_name, entity) -%}
    {%- set node = entity_contract(source_name, entity) -%}
    {%- set required = [] -%}
    {%- for column in (node.columns.values() if node is not none else []) -%}
        {%- if column_rules(column).get("required") -%}
            {%- do required.append(column.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ required | length }}
{%- endmacro %}
