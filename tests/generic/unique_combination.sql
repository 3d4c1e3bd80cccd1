{#-
    Fails for each combination of the columns that stands in more than one row.
    Nulls count as one value.
-#}
{% test unique_combination(model, columns) %}
    {%- if columns is string or not columns -%}
        {{ exceptions.raise_compiler_error(
            "unique_combination: columns must be a non-empty list of column names, not '"
            ~ columns ~ "'"
        ) }}
    {%- endif -%}
    select
        {{ columns | join(", ") }},
        count(*) as row_count

    from {{ model }}

    group by {{ columns | join(", ") }}

    having count(*) > 1
{% endtest %}
