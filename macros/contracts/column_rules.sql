{#-
    The rules of one contract column: its `config.meta`, with the canonical name and
    the missing tokens filled in.
-#}
{% macro column_rules(column) %}
    {%- set meta = (column.get("config") or {}).get("meta") or column.get("meta") or {} -%}
    {%- set rules = dict(meta) -%}
    {%- do rules.update({
        "name": column.name,
        "data_type": column.data_type,
        "canonical_name": meta.get("canonical_name", column.name),
        "missing_tokens": meta.get("missing_tokens", var("missing_tokens")),
    }) -%}
    {{ return(rules) }}
{% endmacro %}
