{#-
    A value drawn into a range; null where the value is null. (least() and greatest() pass
    nulls over, on DuckDB and Spark alike.)
-#}
{% macro clipped(value, minimum, maximum) -%}
    {%- set value = checked_expression("clipped", "value", value) -%}
    {%- set minimum = checked_expression("clipped", "minimum", minimum) -%}
    {%- set maximum = checked_expression("clipped", "maximum", maximum) -%}
    case
        when {{ value }} < {{ minimum }} then {{ minimum }}
        when {{ value }} > {{ maximum }} then {{ maximum }}
        else {{ value }}
    end
{%- endmacro %}
