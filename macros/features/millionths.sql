{#-
    A double in whole millionths, rounded: sums of them are exact in whatever order the
    rows come. Values from 9e12 on raise.
-#}
{% macro millionths(expression) -%}
    {%- set expression = checked_expression("millionths", "expression", expression) -%}
    cast(round({{ expression }} * 1000000) as bigint)
{%- endmacro %}
