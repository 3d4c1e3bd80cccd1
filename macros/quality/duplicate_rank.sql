{#-
    Ranks the records of one key, 1 for the one that is kept; records of which `behind` is
    true come after all others.
-#}
{% macro duplicate_rank(key_columns, behind=none) -%}
    row_number() over ({{ duplicate_window(key_columns, behind) }})
{%- endmacro %}
