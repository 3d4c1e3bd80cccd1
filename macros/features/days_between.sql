{#-
    Days of 86,400 seconds from one instant to a later one, with their fraction; null when
    either is unknown.
-#}
{% macro days_between(earlier, later) -%}
    {%- set earlier = checked_expression("days_between", "earlier", earlier) -%}
    {%- set later = checked_expression("days_between", "later", later) -%}
    (epoch_us({{ later }}) - epoch_us({{ earlier }})) / cast(86400000000 as double)
{%- endmacro %}
