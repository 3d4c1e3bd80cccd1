{#- One row for each whole number from `first` to below `bound`; none where they are equal. -#}
{% macro numbers_below(first, bound) %}
    {%- set first = checked_expression("numbers_below", "first", first) -%}
    {%- set bound = checked_expression("numbers_below", "bound", bound) -%}
    {{- return(adapter.dispatch("numbers_below", "winnow")(first, bound)) -}}
{% endmacro %}

{% macro default__numbers_below(first, bound) -%}
    unnest(range({{ first }}, {{ bound }}))
{%- endmacro %}

{% macro spark__numbers_below(first, bound) -%}
    explode(
        if({{ first }} < {{ bound }}, sequence({{ first }}, {{ bound }} - 1), array())
    )
{%- endmacro %}
