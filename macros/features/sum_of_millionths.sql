{#-
    The sum of a double in whole millionths, and so exact: a sum of doubles depends on
    the order of the rows, which differs from build to build when threads share them.
    The mean of equal values is that value. Values from 9e12 on raise.
-#}
{% macro sum_of_millionths(expression) -%}
    sum({{ millionths(expression) }})
{%- endmacro %}
