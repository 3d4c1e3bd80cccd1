{#-
    A double in whole trillionths, rounded: sums of them are exact in whatever order the
    rows come, and a value keeps twelve places. Values from 9e6 on raise.
-#}
{% macro trillionths(expression) -%}
    {%- set expression = checked_expression("trillionths", "expression", expression) -%}
    cast(round(({{ expression }}) * 1e12) as bigint)
{%- endmacro %}
