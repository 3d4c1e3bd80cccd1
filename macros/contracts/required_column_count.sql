{#-
    How many columns of an entity must be given: always (`rule` is required), or by
    tenants whose events have times (required_from).
-#}
{% macro required_column_count(source_name, entity, rule="required") -%}
    {%- set node = entity_contract(source_name, entity) -%}
    {%- set required = [] -%}
    {%- for column in (node.columns.values() if node is not none else []) -%}
        {%- if column_rules(column).get(rule) -%}
            {%- do required.append(column.name) -%}
        {%- endif -%}
    {%- endfor -%}
    {{ required | length }}
{%- endmacro %}
