{#-
    A short name for what an entity's contract says of its values: 12 hexadecimal
    digits of the MD5 of its columns, types and rules. It changes when one of them
    does, and not with descriptions or aliases. Equal to `Entity.version` in
    `winnow/contracts/entities.py`; a test holds the two together.
-#}
{% macro contract_version(source_name, entity) %}
    {%- set node = entity_contract(source_name, entity) -%}
    {%- if node is none -%} {{ return("") }} {%- endif -%}
    {%- set columns = [] -%}
    {%- for column in node.columns.values() -%}
        {%- set declared = column_rules(column) -%}
        {%- set rules = {} -%}
        {%- for rule in [
            "required", "required_from", "accepted_values", "accepted_values_from", "minimum", "minimum_from",
            "maximum", "maximum_from", "max_length", "format", "missing_numbers_from",
            "is_id", "is_list",
        ] if declared.get(rule) is not none and declared[rule] is not false -%}
            {%- do rules.update({rule: declared[rule]}) -%}
        {%- endfor -%}
        {%- if declared.has_own_tokens -%}
            {%- do rules.update({"missing_tokens": declared.missing_tokens}) -%}
        {%- endif -%}
        {%- for rule in ["accepted_values", "missing_tokens"] if rule in rules -%}
            {%- do rules.update({rule: rules[rule] | map("string") | list}) -%}
        {%- endfor -%}
        {%- do columns.append([column.name, column.data_type, rules]) -%}
    {%- endfor -%}
    {{ return(local_md5(tojson(columns, sort_keys=true))[:12]) }}
{% endmacro %}
