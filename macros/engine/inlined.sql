{#-
    Goes between `as` and the bracket of a CTE that is read several times and is cheap to
    compute: DuckDB would write it out otherwise, all rows of it, and spill.
-#}
{% macro inlined() %}
    {{- return(adapter.dispatch("inlined", "winnow")()) -}}
{% endmacro %}

{% macro default__inlined() -%}
    not materialized
{%- endmacro %}

{% macro spark__inlined() -%}
{%- endmacro %}
