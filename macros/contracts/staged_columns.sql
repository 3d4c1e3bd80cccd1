{#-
    The select list of a staging view, over rows cleaned by `cleaned_columns`: each
    contract column cast and under its canonical name, the text as it landed
    (raw_values, the evidence that a refused row keeps), which values were given at
    all (given, so that a failed cast can be told from a missing value), and the
    provenance.
-#}
{% macro staged_columns(source_name, entity) %}
    {%- set node = entity_contract(source_name, entity) -%}
    {%- if node is none -%}
        *
    {%- else -%}
        tenant_id
        {%- for column in node.columns.values() -%}
            {%- set rules = column_rules(column) %},
        {{ typed_value(adapter.quote(rules.name), rules.data_type, is_id=rules.is_id) }} as {{ rules.canonical_name }}
        {%- endfor %},
        raw_values,
        {{ given_values(node) }} as given
        {%- for name in provenance_columns() if name not in ("tenant_id", "extra") %},
        {{ name }}
        {%- endfor -%}
    {%- endif -%}
{% endmacro %}
