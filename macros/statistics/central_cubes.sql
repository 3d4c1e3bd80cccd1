{#-
    The sum of the third powers of the deviations of whole numbers from their mean, as a
    double, from their count and the sums of their first three powers, all hugeint;
    exact up to the whole part of the mean, as in central_squares.
-#}
{% macro central_cubes(count, total, squares, cubes) -%}
    {%- set count = checked_expression("central_cubes", "count", count) -%}
    {%- set total = checked_expression("central_cubes", "total", total) -%}
    {%- set squares = checked_expression("central_cubes", "squares", squares) -%}
    {%- set cubes = checked_expression("central_cubes", "cubes", cubes) -%}
    {%- set mean = "(" ~ total ~ " // " ~ count ~ ")" -%}
    {%- set rest = (
        "(cast(" ~ total ~ " - " ~ count ~ " * " ~ mean ~ " as double) / " ~ count ~ ")"
    ) -%}
    cast(
        {{ cubes }} - 3 * {{ mean }} * {{ squares }}
        + 3 * {{ mean }} * {{ mean }} * {{ total }}
        - {{ count }} * {{ mean }} * {{ mean }} * {{ mean }}
        as double
    )
    - 3 * {{ rest }} * cast(
        {{ squares }} - 2 * {{ mean }} * {{ total }} + {{ count }} * {{ mean }} * {{ mean }}
        as double
    )
    + 2 * {{ count }} * pow({{ rest }}, 3)
{%- endmacro %}
