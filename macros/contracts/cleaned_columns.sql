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
            {%- set cleaned = clean_text(
                adapter.quote(rules.name), rules.missing_tokens, rules.is_id, rules.is_list
            ) %}
            {%- if rules.get("missing_numbers_from") is not none %}
        {{ without_numbers(cleaned, rules.missing_numbers_from) }}
            {%- else %}
        {{ cleaned }}
            {%- endif %}
            as {{ adapter.quote(rules.name) }}
        {%- endfor -%}
        {%- for name in provenance_columns() if name != "extra" %},
        {{ name }}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
