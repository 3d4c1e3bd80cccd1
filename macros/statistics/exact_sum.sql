{#-
    The sum of a number in whole steps of 1e-12, as a double: the same in whatever order
    the rows come, and within half a step per row of the true sum. Values from 1e25 on
    raise.
-#}
{% macro exact_sum(expression) -%}
    {%- set expression = checked_expression("exact_sum", "expression", expression) -%}
    sum(cast(round(({{ expression }}) * 1e12) as hugeint)) / 1e12
{%- endmacro %}
