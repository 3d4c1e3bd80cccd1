{#- The words of a text as a list: what stands between blanks. -#}
{% macro words_of(text) %}
    {%- set text = checked_expression("words_of", "text", text) -%}
    {{- return(adapter.dispatch("words_of", "winnow")(text)) -}}
{% endmacro %}

{% macro default__words_of(text) -%}
    regexp_split_to_array(trim({{ text }}), ' +')
{%- endmacro %}

{% macro spark__words_of(text) -%}
    split(trim({{ text }}), ' +')
{%- endmacro %}
