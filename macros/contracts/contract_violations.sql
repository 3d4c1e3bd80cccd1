{#-
    Every rule of an entity's contract as a pair: the reason's text and the SQL
    condition under which a staged row breaks it. Conditions are never null.
    `relation` is the alias of the staged rows.
-#}
{% macro contract_violations(source_name, entity, relation="staged") %}
    {%- set node = entity_contract(source_name, entity) -%}
    {%- set violations = [] -%}
    {%- for column in (node.columns.values() if node is not none else []) -%}
        {%- set rules = column_rules(column) -%}
        {%- set typed = relation ~ "." ~ rules.canonical_name -%}
        {%- set given = relation ~ ".given." ~ adapter.quote(rules.name) -%}
        {%- set found = [] -%}
        {%- if rules.get("required") -%}
            {%- do found.append(["required", "not " ~ given]) -%}
        {%- endif -%}
        {%- if rules.get("required_from") is not none -%}
            {%- do found.append([
                "required",
                "not " ~ given ~ " and " ~ needed_by_tenant(ref(rules.required_from), relation),
            ]) -%}
        {%- endif -%}
        {%- do found.append(["type", typed ~ " is null and " ~ given]) -%}
        {%- if rules.get("accepted_values") is not none -%}
            {%- set values = [] -%}
            {%- for value in rules.accepted_values -%}
                {%- do values.append(
                    dbt.string_literal(dbt.escape_single_quotes(value | string | lower))
                ) -%}
            {%- endfor -%}
            {%- do found.append([
                "accepted_values",
                "coalesce(lower(" ~ typed ~ ") not in (" ~ values | join(", ") ~ "), false)",
            ]) -%}
        {%- endif -%}
        {%- if rules.get("accepted_values_from") is not none -%}
            {%- set known = accepted_pairs(ref(rules.accepted_values_from)) -%}
            {%- do found.append([
                "accepted_values",
                "coalesce(not list_contains(" ~ known ~ ", '*:' || lower(" ~ typed ~ ")) "
                ~ "and not list_contains(" ~ known ~ ", " ~ relation ~ ".tenant_id || ':' "
                ~ "|| lower(" ~ typed ~ ")), false)",
            ]) -%}
        {%- endif -%}
        {%- for rule, operator in [["minimum", "<"], ["maximum", ">"]] -%}
            {%- if rules.get(rule) is not none -%}
                {%- set bound = rules[rule] -%}
                {%- if rules.data_type in ("date", "timestamp") -%}
                    {%- set bound = "cast('" ~ bound ~ "' as " ~ rules.data_type ~ ")" -%}
                {%- endif -%}
                {%- if rules.get(rule ~ "_from") is not none -%}
                    {%- set bound = (
                        "coalesce(" ~ tenant_setting(rules[rule ~ "_from"], relation)
                        ~ ", " ~ bound ~ ")"
                    ) -%}
                {%- endif -%}
                {%- do found.append([
                    rule, "coalesce(" ~ typed ~ " " ~ operator ~ " " ~ bound ~ ", false)"
                ]) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- if rules.get("max_length") is not none -%}
            {%- do found.append([
                "max_length",
                "coalesce(length(" ~ typed ~ ") > " ~ rules.max_length ~ ", false)",
            ]) -%}
        {%- endif -%}
        {%- if rules.get("format") is not none -%}
            {%- do found.append([
                "format",
                "coalesce(not regexp_full_match(" ~ typed ~ ", "
                ~ dbt.string_literal(dbt.escape_single_quotes(rules.format)) ~ "), false)",
            ]) -%}
        {%- endif -%}
        {%- for rule, condition in found -%}
            {%- do violations.append({
                "reason": rules.name ~ "." ~ rule, "condition": condition
            }) -%}
        {%- endfor -%}
    {%- endfor -%}
    {{ return(violations) }}
{% endmacro %}
