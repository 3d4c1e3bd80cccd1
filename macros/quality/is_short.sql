{#-
    Whether a share is too small for its load to count: below its threshold of severity
    error, with so many broken values that it is no accident of a small file. Never
    null. `thresholds` is the alias of rows of validated.feed_thresholds.
-#}
{% macro is_short(checked_count, failed_count, thresholds) -%}
    coalesce(
        {{ thresholds }}.severity = 'error'
        and {{ failed_count }} >= {{ thresholds }}.minimum_count
        and ({{ checked_count }} - {{ failed_count }}) / nullif({{ checked_count }}, 0)
        < {{ thresholds }}.threshold,
        false
    )
{%- endmacro %}
