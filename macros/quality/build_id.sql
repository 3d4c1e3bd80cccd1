{#- The id of this build, as a text: dbt's invocation_id. -#}
{% macro build_id() -%}
    '{{ invocation_id }}'
{%- endmacro %}
