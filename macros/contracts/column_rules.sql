{#-
    The rules of one contract column: its `config.meta`, with the canonical name and
    the missing tokens filled in: a text that is no id, and of no list of values, is a
    name or a code, of which few texts mean that nothing was given.
-#}
{% macro column_rules(column) %}
    {%- set meta = (column.get("config") or {}).get("meta") or column.get("meta") or {} -%}
    {%- set is_name = (
        column.data_type == "varchar" and not meta.get("is_id")
        and meta.get("accepted_values") is none
        and meta.get("accepted_values_from") is none
        and meta.get("format") is none
    ) -%}
    {%- set tokens = var("missing_name_tokens" if is_name else "missing_tokens") -%}
    {%- set rules = dict(meta) -%}
    {%- do rules.update({
        "name": column.name,
        "data_type": column.data_type,
        "canonical_name": meta.get("canonical_name", column.name),
        "is_id": meta.get("is_id", false),
        "is_list": meta.get("is_list", false),
        "has_own_tokens": "missing_tokens" in meta,
        "missing_tokens": meta.get("missing_tokens", tokens),
    }) -%}
    {{ return(rules) }}
{% endmacro %}
