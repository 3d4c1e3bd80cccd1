{#-
    The number of the last entry of the landing lake's ledger that the raw tables follow,
    as SQL; null where they follow none.
-#}
{% macro ledger_mark() -%}
    {%- set mark = load_relation(api.Relation.create(
        database=target.database, schema="raw", identifier="winnow_mark"
    )) -%}
    {{- "null" if mark is none else "(select max(ledger_number) from raw.winnow_mark)" -}}
{%- endmacro %}
