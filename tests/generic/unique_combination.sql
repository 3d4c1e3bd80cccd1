{#-
    Fails for each combination of the columns that stands in more than one row.
    Nulls count as one value. Rows are first counted by one hash of the columns,
    which takes a fraction of the memory that texts do, and only rows whose hash comes
    twice are compared column by column.
-#}
{% test unique_combination(model, columns) %}
    {%- if columns is string or not columns -%}
        {{ exceptions.raise_compiler_error(
            "unique_combination: columns must be a non-empty list of column names, not '"
            ~ columns ~ "'"
        ) }}
    {%- endif -%}
    with

    hashed as {{ inlined() }} (

        select
            {{ columns | join(", ") }},
            {{ row_hash(columns) }} as column_hash

        from {{ model }}

    ),

    repeated_hashes as (

        select column_hash

        from hashed

        group by column_hash

        having count(*) > 1

    )

    select
        {{ columns | join(", ") }},
        count(*) as row_count

    from hashed

    -- Without an `or`, DuckDB may hash the table and not the few that it is compared with.
    where
        column_hash in (select column_hash from repeated_hashes)
        or column_hash is null

    group by {{ columns | join(", ") }}

    having count(*) > 1
{% endtest %}
