{#-
    A UTC timestamp from text, null where the text is no time: a number
    (`numbered_timestamp`), ISO 8601 with or without a zone (UTC without), or another
    usual form (`written_timestamp`). `date_order` (ymd, mdy, dmy) is the column that
    says how the file orders the parts of other dates, such as 12/1/2010 8:26.

    Where the time is only asked for its date (`is_date`), a number of four digits is a
    year.
-#}
{% macro parse_timestamp(text, date_order="date_order", is_date=false) %}
    {{- return(adapter.dispatch("parse_timestamp", "winnow")(text, date_order, is_date)) -}}
{% endmacro %}

{% macro default__parse_timestamp(text, date_order, is_date) -%}
    {%- set number = "try_cast(" ~ text ~ " as double)" -%}
    {%- set clocks = ["", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", " %I:%M %p", " %I:%M:%S %p"] -%}
    {%- set formats = {"mdy": [], "dmy": []} -%}
    {%- for separator in ["/", "-", "."] -%}
        {%- for year in ["%y", "%Y"] -%}
            {%- for clock in clocks -%}
                {%- do formats.mdy.append("'%m" ~ separator ~ "%d" ~ separator ~ year ~ clock ~ "'") -%}
                {%- do formats.dmy.append("'%d" ~ separator ~ "%m" ~ separator ~ year ~ clock ~ "'") -%}
            {%- endfor -%}
        {%- endfor -%}
    {%- endfor -%}
    case
        when {{ number }} is not null
            then {{ numbered_timestamp(number, is_date) }}
        else coalesce(
            case
                when {{ date_order }} = 'mdy'
                    then try_strptime({{ text }}, [{{ formats.mdy | join(", ") }}])
                when {{ date_order }} = 'dmy'
                    then try_strptime({{ text }}, [{{ formats.dmy | join(", ") }}])
            end,
            {{ iso_timestamp(text) }},
            {{ written_timestamp(text) }}
        )
    end
{%- endmacro %}
