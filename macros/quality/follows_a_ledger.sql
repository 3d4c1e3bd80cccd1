{#- Whether the raw tables follow the ledger of a landing lake. -#}
{% macro follows_a_ledger() -%}
    {%- set mark = load_relation(api.Relation.create(
        database=target.database, schema="raw", identifier="winnow_mark"
    )) -%}
    {{- return(
        mark is not none
        and run_query("select count(*) from raw.winnow_mark").columns[0][0] > 0
    ) -}}
{%- endmacro %}
