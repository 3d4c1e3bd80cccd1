{#-
    The select list that cleans a raw table's text columns, once, and keeps the row
    as it landed in `raw_values`.
-#}
{% macro cleaned_columns(source_name, entity) %}
    {%- set node = entity_contract(source_name, entity) -%}
    {%- if node is none -%}
        *
    {%- else -%}
        {{ pack_struct(node.columns.keys() | list + ["extra"]) }} as raw_values
        {%- for column in node.columns.values() -%}
            {%- set rules = column_rules(column) %},
        {{ clean_text(adapter.quote(rules.name), rules.missing_tokens) }}
            as {{ adapter.quote(rules.name) }}
        {%- endfor -%}
        {%- for name in provenance_columns() if name != "extra" %},
        {{ name }}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
