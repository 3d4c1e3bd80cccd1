{#-
    A UTC timestamp from ISO 8601 text of the years 1 to 9999, without a zone, with
    `Z`, `UTC` or an offset; null for anything else, `infinity` included.

    The cast without a zone goes first, because it refuses the names of zones: DuckDB
    1.5 reads the texts that stand behind one in a column as if they were of that zone,
    and fails on some of the times that the guard keeps from it.
-#}
{% macro iso_timestamp(text) -%}
    case
        when
            try_cast({{ text }} as timestamp)
            between cast('0001-01-01' as timestamp)
            and cast('9999-12-31 23:59:59.999999' as timestamp)
            then try_cast({{ text }} as timestamptz) at time zone 'UTC'
    end
{%- endmacro %}
