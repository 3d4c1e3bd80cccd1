{#- A text as SQL, null for none. -#}
{% macro quoted_text(text) -%}
    {%- if text is none -%}
        null
    {%- else -%}
        '{{ text | string | replace("'", "''") }}'
    {%- endif -%}
{%- endmacro %}
