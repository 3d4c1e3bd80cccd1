{#-
    The contract of one raw entity as dbt knows it: a source node. None while dbt
    parses, when the graph is not built yet.
-#}
{% macro entity_contract(source_name, entity) %}
    {%- if not execute -%} {{ return(none) }} {%- endif -%}
    {%- set unique_id = "source." ~ project_name ~ "." ~ source_name ~ "." ~ entity -%}
    {%- set node = graph.sources.get(unique_id) -%}
    {%- if node is none -%}
        {%- set known = graph.sources.keys() | sort | join(", ") -%}
        {{ exceptions.raise_compiler_error(
            "entity_contract: there is no source '" ~ source_name ~ "." ~ entity
            ~ "'; there are " ~ known
        ) }}
    {%- endif -%}
    {{ return(node) }}
{% endmacro %}
