{#-
    Text without blanks around it; null where nothing was given (null, or one of the
    missing tokens in any case). Of a column that may hold several names, a list becomes
    its members, parted by `|`.
-#}
{% macro clean_text(value, missing_tokens=none, is_id=false, is_list=false) %}
    {%- set tokens = var("missing_tokens") if missing_tokens is none else missing_tokens -%}
    {%- set quoted = [] -%}
    {%- for token in tokens -%}
        {%- do quoted.append(dbt.string_literal(dbt.escape_single_quotes(token))) -%}
    {%- endfor -%}
    {%- set cleaned = trimmed_text(value, is_id) -%}
    {%- if is_list -%}
        {#- The list has one member: a name for the text, so that it stands here once. -#}
        {%- set cleaned = (
            "case when contains(" ~ value ~ ", '[') then list_transform([" ~ cleaned
            ~ "], lambda text: " ~ joined_list("text") ~ ")[1] else " ~ cleaned ~ " end"
        ) -%}
    {%- endif -%}
    case
        when lower({{ cleaned }}) not in ({{ quoted | join(", ") }})
            then {{ cleaned }}
    end
{%- endmacro %}
