{#-
    A number in whole steps of 1e-12, rounded: sums of them are exact in whatever order the
    rows come. Values from 9e6 on raise.
-#}
{% macro exact_steps(expression) -%}
    {%- set expression = checked_expression("exact_steps", "expression", expression) -%}
    cast(round(({{ expression }}) * 1e12) as bigint)
{%- endmacro %}
