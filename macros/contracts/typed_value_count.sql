{#- How many values of a group of an entity's validated rows could be read as their type. -#}
{% macro typed_value_count(source_name, entity) -%}
    {%- set node = entity_contract(source_name, entity) -%}
    {%- set counts = [] -%}
    {%- for column in (node.columns.values() if node is not none else []) -%}
        {%- do counts.append("count(" ~ column_rules(column).canonical_name ~ ")") -%}
    {%- endfor -%}
    {{ counts | join(" + ") if counts else "0" }}
{%- endmacro %}
