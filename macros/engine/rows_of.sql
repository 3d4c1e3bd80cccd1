{#- One row for each member of a list, none of an empty one. -#}
{% macro rows_of(members) %}
    {%- set members = checked_expression("rows_of", "members", members) -%}
    {{- return(adapter.dispatch("rows_of", "winnow")(members)) -}}
{% endmacro %}

{% macro default__rows_of(members) -%} unnest({{ members }}) {%- endmacro %}

{% macro spark__rows_of(members) -%} explode({{ members }}) {%- endmacro %}
