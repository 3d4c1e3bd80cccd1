{#- A text of a variable as SQL, null for none. -#}
{% macro quoted_text(text) -%}
    {%- if text is none -%}
        null
    {%- else -%}
        '{{ text | string | replace("'", "''") }}'
    {%- endif -%}
{%- endmacro %}
