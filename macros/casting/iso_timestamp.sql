{#-
    A UTC timestamp from ISO 8601 text, with or without a zone (UTC without); null
    for anything else, `infinity` included.
-#}
{% macro iso_timestamp(text) -%}
    case
        when isfinite(try_cast({{ text }} as timestamptz))
            then try_cast({{ text }} as timestamptz) at time zone 'UTC'
    end
{%- endmacro %}
