{#-
    A UTC timestamp from text, null where the text is no time. A number is an
    instant since 1970-01-01 UTC, its unit told by its size: seconds below 1e11,
    milliseconds below 1e14, microseconds below 1e17, nanoseconds beyond; 1e11
    seconds lie in the year 5138, so the units do not meet. Text is ISO 8601 with or
    without a zone (UTC without). `date_order` (ymd, mdy, dmy) is the column that
    says how the file orders the parts of other dates, such as 12/1/2010 8:26.
-#}
{% macro parse_timestamp(text, date_order="date_order") %}
    {{- return(adapter.dispatch("parse_timestamp", "winnow")(text, date_order)) -}}
{% endmacro %}

{% macro default__parse_timestamp(text, date_order) -%}
    {%- set number = "try_cast(" ~ text ~ " as double)" -%}
    {%- set clocks = ["", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p"] -%}
    {%- set formats = {"mdy": [], "dmy": []} -%}
    {%- for separator in ["/", "-", "."] -%}
        {%- for year in ["%Y", "%y"] -%}
            {%- for clock in clocks -%}
                {%- do formats.mdy.append("'%m" ~ separator ~ "%d" ~ separator ~ year ~ clock ~ "'") -%}
                {%- do formats.dmy.append("'%d" ~ separator ~ "%m" ~ separator ~ year ~ clock ~ "'") -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    case
        when {{ number }} is not null
            then case
                when abs({{ number }}) < 1e11
                    then make_timestamp(cast(round({{ number }} * 1e6) as bigint))
                when abs({{ number }}) < 1e14
                    then make_timestamp(cast(round({{ number }} * 1e3) as bigint))
                when abs({{ number }}) < 1e17
                    then make_timestamp(cast(round({{ number }}) as bigint))
                when abs({{ number }}) < 9e18
                    then make_timestamp(cast(round({{ number }} / 1e3) as bigint))
            end
        when {{ date_order }} = 'mdy'
            then coalesce(
                try_strptime({{ text }}, [{{ formats.mdy | join(", ") }}]),
                {{ iso_timestamp(text) }}
            )
        when {{ date_order }} = 'dmy'
            then coalesce(
                try_strptime({{ text }}, [{{ formats.dmy | join(", ") }}]),
                {{ iso_timestamp(text) }}
            )
        else coalesce(
            {{ iso_timestamp(text) }},
            try_strptime({{ text }}, ['%d-%b-%Y', '%d %b %Y', '%b %d, %Y'])
        )
    end
{%- endmacro %}
