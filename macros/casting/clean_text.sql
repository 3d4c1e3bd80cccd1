{#-
    Text without blanks around it; null where nothing was given (null, or one of the
    missing tokens in any case).
-#}
{% macro clean_text(value, missing_tokens=none) %}
    {%- set tokens = var("missing_tokens") if missing_tokens is none else missing_tokens -%}
    {%- set quoted = [] -%}
    {%- for token in tokens -%}
        {%- do quoted.append(dbt.string_literal(dbt.escape_single_quotes(token))) -%}
    {%- endfor -%}
    case
        when lower({{ trimmed_text(value) }}) not in ({{ quoted | join(", ") }})
            then {{ trimmed_text(value) }}
    end
{%- endmacro %}
