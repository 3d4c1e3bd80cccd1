{#-
    The records of one key, the one that is kept first: the newest load wins, so that a
    file that was corrected and loaded again replaces its old rows; within a load, the
    later record of the later file.
-#}
{% macro duplicate_window(key_columns) -%}
    partition by {{ key_columns | join(", ") }}
        order by loaded_at desc, load_id desc, file desc, row_number desc, source, entity
{%- endmacro %}
