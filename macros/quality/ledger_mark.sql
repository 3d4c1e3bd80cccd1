{#-
    The number of the last entry of the landing lake's ledger that the raw tables follow,
    as SQL; null where they follow none.
-#}
{% macro ledger_mark() -%}
    {{- "(select max(ledger_number) from raw.winnow_mark)"
        if follows_a_ledger() else "null" -}}
{%- endmacro %}
