{#-
    A number in [0, 2^32) from the md5 of a text: the same on every engine, thread
    count and version.
-#}
{% macro text_key(text) %}
    {%- set text = checked_expression("text_key", "text", text) -%}
    {{- return(adapter.dispatch("text_key", "winnow")(text)) -}}
{% endmacro %}

{% macro default__text_key(text) -%}
    cast(cast('0x' || substr(md5({{ text }}), 1, 8) as ubigint) as bigint)
{%- endmacro %}

{% macro spark__text_key(text) -%}
    cast(conv(substr(md5({{ text }}), 1, 8), 16, 10) as bigint)
{%- endmacro %}
