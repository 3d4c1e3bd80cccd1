{#-
    A whole number for each user or item, in a model of one row per tenant and user or
    item: 1 for the first by tenant and id. It takes the place of texts where millions of
    rows are sorted, and holds within one build.
-#}
{% macro number_of(id) -%}
    {%- set id = checked_expression("number_of", "id", id) -%}
    row_number() over (order by tenant_id asc, {{ id }} asc)
{%- endmacro %}
