{#- Whether a word is among those of a text; false where the text is null. -#}
{% macro has_word(text, word) -%}
    {%- set text = checked_expression("has_word", "text", text) -%}
    {%- set word = checked_expression("has_word", "word", word) -%}
    coalesce(' ' || {{ text }} || ' ' like '% {{ word }} %', false)
{%- endmacro %}
