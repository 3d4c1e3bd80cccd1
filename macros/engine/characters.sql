{#-
    Text of the characters with these code points, as a SQL expression: invisible ones
    cannot be read in a query.
-#}
{% macro characters(code_points) %}
    {{- return(adapter.dispatch("characters", "winnow")(code_points)) -}}
{% endmacro %}

{% macro default__characters(code_points) -%}
    {%- set characters = [] -%}
    {%- for code_point in code_points -%}
        {%- do characters.append("chr(" ~ code_point ~ ")") -%}
    {%- endfor -%}
    {{ characters | join(" || ") }}
{%- endmacro %}

{% macro spark__characters(code_points) -%}
    {%- set characters = [] -%}
    {%- for code_point in code_points -%}
        {%- do characters.append("\\u%04x" | format(code_point)) -%}
    {%- endfor -%}
    '{{ characters | join("") }}'
{%- endmacro %}
