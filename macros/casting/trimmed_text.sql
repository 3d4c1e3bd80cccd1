{#-
    Text without white space around it: blanks, tabs, line ends and the no-break
    space.
-#}
{% macro trimmed_text(value) %}
    {{- return(adapter.dispatch("trimmed_text", "winnow")(value)) -}}
{% endmacro %}

{% macro default__trimmed_text(value) -%}
    trim({{ value }}, ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(160))
{%- endmacro %}

{% macro spark__trimmed_text(value) -%}
    trim(both ' ' || chr(9) || chr(10) || chr(11) || chr(12) || chr(13) || chr(160) from {{ value }})
{%- endmacro %}
