{#-
    The names whose flag is 1, parted by `|`, null when no flag is set. `flags` is text of 0 and 1 parted by `|`, in the order
    of `names`.
-#}
{% macro flagged_names(flags, names) -%}
    {%- set flagged = [] -%}
    {%- for name in names -%}
        {%- do flagged.append(
            "case when split_part(" ~ flags ~ ", '|', " ~ loop.index ~ ") = '1' then "
            ~ dbt.string_literal(dbt.escape_single_quotes(name)) ~ " end"
        ) -%}
    {%- endfor -%}
    nullif(concat_ws('|', {{ flagged | join(", ") }}), '')
{%- endmacro %}
