{#-
    Goes between `as` and the bracket of a CTE that the engine shall compute once and keep:
    in a long chain of CTEs DuckDB otherwise plans the whole chain for each reader.
-#}
{% macro written_out() %}
    {{- return(adapter.dispatch("written_out", "winnow")()) -}}
{% endmacro %}

{% macro default__written_out() -%}
    materialized
{%- endmacro %}

{% macro spark__written_out() -%}
{%- endmacro %}
