{#-
    Whether a record repeats the key of a better record of its own load. A record that a
    later load replaced repeats nothing.
-#}
{% macro repeats_in_load(key_columns, behind=none) -%}
    coalesce(lag(load_id) over ({{ duplicate_window(key_columns, behind) }}) = load_id, false)
{%- endmacro %}
