{#- Ranks the records of one key, 1 for the one that is kept. -#}
{% macro duplicate_rank(key_columns) -%}
    row_number() over ({{ duplicate_window(key_columns) }})
{%- endmacro %}
