{#-
    Cleaned text as the type that the contract gives it; null where the text is not
    of that type. Types: varchar (no object or list), bigint (3 and 3.0, not 3.7),
    double (finite), boolean, date, timestamp (UTC).
-#}
{% macro typed_value(text, data_type, date_order="date_order", is_id=false) %}
    {%- if data_type == "varchar" -%}
        case when not coalesce({{ is_nested(text, is_id) }}, false) then {{ text }} end
    {%- elif data_type == "bigint" -%}
        case
            when try_cast({{ text }} as double) = try_cast({{ text }} as bigint)
                then try_cast({{ text }} as bigint)
        end
    {%- elif data_type == "double" -%}
        case
            when isfinite(try_cast({{ text }} as double))
                then try_cast({{ text }} as double)
        end
    {%- elif data_type == "boolean" -%}
        try_cast({{ text }} as boolean)
    {%- elif data_type == "date" -%}
        cast({{ parse_timestamp(text, date_order, is_date=true) }} as date)
    {%- elif data_type == "timestamp" -%}
        {{ parse_timestamp(text, date_order) }}
    {%- else -%}
        {{ exceptions.raise_compiler_error(
            "typed_value: data_type must be one of varchar, bigint, double, boolean, "
            ~ "date, timestamp, not '" ~ data_type ~ "'"
        ) }}
    {%- endif -%}
{% endmacro %}
