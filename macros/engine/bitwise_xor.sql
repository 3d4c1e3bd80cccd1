{#- Exclusive or of two bigints. -#}
{% macro bitwise_xor(left, right) %}
    {%- set left = checked_expression("bitwise_xor", "left", left) -%}
    {%- set right = checked_expression("bitwise_xor", "right", right) -%}
    {{- return(adapter.dispatch("bitwise_xor", "winnow")(left, right)) -}}
{% endmacro %}

{% macro default__bitwise_xor(left, right) -%}
    xor({{ left }}, {{ right }})
{%- endmacro %}

{% macro spark__bitwise_xor(left, right) -%}
    (({{ left }}) ^ ({{ right }}))
{%- endmacro %}
