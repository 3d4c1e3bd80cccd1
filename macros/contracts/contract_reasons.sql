{#- Every rule of an entity's contract, as the reasons of its rejected records name it. -#}
{% macro contract_reasons(source_name, entity) %}
    {{ return(
        contract_violations(source_name, entity) | map(attribute="reason") | list
    ) }}
{% endmacro %}
