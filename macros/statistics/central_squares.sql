{#-
    The sum of squared deviations of whole numbers from their mean, as a double, from
    their count, sum and sum of squares, all hugeint. Deviations are counted from the
    whole part of the mean first, exactly: the difference of two large doubles would
    leave nothing of them where the numbers are nearly equal. 0 only where they are.
-#}
{% macro central_squares(count, total, squares) -%}
    {%- set count = checked_expression("central_squares", "count", count) -%}
    {%- set total = checked_expression("central_squares", "total", total) -%}
    {%- set squares = checked_expression("central_squares", "squares", squares) -%}
    {%- set mean = "(" ~ total ~ " // " ~ count ~ ")" -%}
    cast(
        {{ squares }} - 2 * {{ mean }} * {{ total }} + {{ count }} * {{ mean }} * {{ mean }}
        as double
    )
    - pow(cast({{ total }} - {{ count }} * {{ mean }} as double), 2) / {{ count }}
{%- endmacro %}
