{#- Null where the sentence is null, else the query fails with it. -#}
{% macro raised_sentence(sentence) %}
    {%- set sentence = checked_expression("raised_sentence", "sentence", sentence) -%}
    {{- return(adapter.dispatch("raised_sentence", "winnow")(sentence)) -}}
{% endmacro %}

{% macro default__raised_sentence(sentence) -%}
    case when {{ sentence }} is not null then error({{ sentence }}) end
{%- endmacro %}

{% macro spark__raised_sentence(sentence) -%}
    case when {{ sentence }} is not null then raise_error({{ sentence }}) end
{%- endmacro %}
