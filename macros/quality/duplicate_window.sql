{#-
    The records of one key, the one that is kept first: those before which `behind` is
    false; the newest load wins, so that a correction replaces old rows; within a load,
    the later record of the later file.
-#}
{% macro duplicate_window(key_columns, behind=none) -%}
    partition by {{ key_columns | join(", ") }}
        order by {{ behind ~ " asc, " if behind }}loaded_at desc, load_id desc, file desc, row_number desc, source, entity
{%- endmacro %}
