{#-
    The Gini coefficient of whole numbers x_1 <= x_2 <= ... <= x_n, as an aggregate over
    rows of x and its place i: 2 sum(i x_i) / (n sum(x_i)) - (n + 1) / n. 0 is even,
    towards 1 concentrated. Whole numbers are summed, so that the order does not matter.
-#}
{% macro gini(place, amount) -%}
    {%- set place = checked_expression("gini", "place", place) -%}
    {%- set amount = checked_expression("gini", "amount", amount) -%}
    2 * sum({{ place }} * {{ amount }}) / (count(*) * sum({{ amount }}))
    - (count(*) + 1) / count(*)
{%- endmacro %}
