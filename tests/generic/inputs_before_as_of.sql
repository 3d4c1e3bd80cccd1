{#-
    The leakage gate: fails for each row one of whose input columns, the times of what the
    row was computed from, is not before the row's as_of. A row without as_of may have no
    such time at all.
-#}
{% test inputs_before_as_of(model, columns) %}
    {%- if columns is string or not columns -%}
        {{ exceptions.raise_compiler_error(
            "inputs_before_as_of: columns must be a non-empty list of column names, not '"
            ~ columns ~ "'"
        ) }}
    {%- endif -%}
    select
        {{ columns | join(", ") }},
        as_of

    from {{ model }}

    where
        {% for column in columns -%}
        {{ column }} >= as_of
        or ({{ column }} is not null and as_of is null)
        {{ "or" if not loop.last }}
        {% endfor %}
{% endtest %}
