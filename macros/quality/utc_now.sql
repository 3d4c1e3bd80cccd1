{#- This instant, as a timestamp in UTC: of the statement and not of the build. -#}
{% macro utc_now() -%}
    {%- set now = modules.datetime.datetime.now(modules.pytz.utc) -%}
    cast('{{ now.strftime("%Y-%m-%d %H:%M:%S.%f") }}' as timestamp)
{%- endmacro %}
