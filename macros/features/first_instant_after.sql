{#-
    The first instant after another, in microseconds, the unit of timestamps: a row that
    has read everything up to and with `instant` may be used from here on.
-#}
{% macro first_instant_after(instant) -%}
    {%- set instant = checked_expression("first_instant_after", "instant", instant) -%}
    {{ instant }} + interval '1 microsecond'
{%- endmacro %}
