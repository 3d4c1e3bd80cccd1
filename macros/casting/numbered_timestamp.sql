{#-
    A UTC timestamp from a number: digits of a date (20180111, and with hours and
    minutes, or seconds, 201801111030 and 20180111103000, of the years 1900 to 2100), or
    else an instant since 1970-01-01 UTC, its unit told by its size: seconds below 1e11,
    milliseconds below 1e14, microseconds below 1e17, nanoseconds beyond; 1e11 seconds
    lie in the year 5138, so the units do not meet.

    A year alone is a date's first of January (`is_date`), and no instant. Of a date,
    eight digits are always those of a date, and other numbers below 1e8 nothing: they
    would be the first days of 1970. `number` is an expression of it as double.
-#}
{% macro numbered_timestamp(number, is_date=false) -%}
    {%- set digits = "try_strptime(cast(cast(" ~ number ~ " as bigint) as varchar), " -%}
    {%- set year = (
        "make_timestamp(cast(" ~ number ~ " as bigint), 1, 1, 0, 0, 0)"
    ) -%}
    case
        when abs({{ number }}) < 1e11
            then case
                {%- if is_date %}
                when abs({{ number }}) >= 1e8
                    then make_timestamp(cast(round({{ number }} * 1e6) as bigint))
                when {{ number }} != floor({{ number }}) then null
                when {{ number }} between 1000 and 9999 then {{ year }}
                when {{ number }} between 10000101 and 99991231
                    then {{ digits }}'%Y%m%d')
                {%- else %}
                when
                    {{ number }} not between 1900 and 2100
                    and {{ number }} not between 19000101 and 21001231
                    then make_timestamp(cast(round({{ number }} * 1e6) as bigint))
                when {{ number }} > 2100 and {{ number }} = floor({{ number }})
                    then {{ digits }}'%Y%m%d')
                {%- endif %}
            end
        when abs({{ number }}) < 1e14
            then case
                when
                    {{ number }} not between 190001010000 and 210012312359
                    and {{ number }} not between 19000101000000 and 21001231235959
                    then make_timestamp(cast(round({{ number }} * 1e3) as bigint))
                when {{ number }} = floor({{ number }})
                    then coalesce(
                        {{ digits }}'%Y%m%d%H%M%S'), {{ digits }}'%Y%m%d%H%M')
                    )
            end
        when abs({{ number }}) < 1e17
            then make_timestamp(cast(round({{ number }}) as bigint))
        when abs({{ number }}) < 9e18
            then make_timestamp(cast(round({{ number }} / 1e3) as bigint))
    end
{%- endmacro %}
