{#-
    A UTC timestamp from ISO 8601 text of the years 1 to 9999 as DuckDB casts it,
    without a zone, with `Z`, `UTC` or an offset up to 14 hours; null for anything else,
    `infinity` included.

    The cast without a zone goes first, because it refuses the names of zones: DuckDB
    1.5 reads the texts that stand behind one in a column as if they were of that zone,
    and fails on some of the times that the guard keeps from it. It leaves offsets out
    of account; the cast that knows them takes +99:00 and costs twice as much, so that
    only texts with an offset get it.
-#}
{% macro iso_timestamp(text) -%}
    case
        when
            try_cast({{ text }} as timestamp)
            between cast('0001-01-01' as timestamp)
            and cast('9999-12-31 23:59:59.999999' as timestamp)
            then case
                when not ({{ text }} like '%+%' or {{ text }} like '%-%-%-%')
                    then try_cast({{ text }} as timestamp)
                when
                    regexp_matches(
                        {{ text }},
                        '[+-](?:0\d(?::?[0-5]\d)?|1[0-3](?::?[0-5]\d)?|14(?::?00)?)$'
                    )
                    then try_cast({{ text }} as timestamptz) at time zone 'UTC'
            end
    end
{%- endmacro %}
