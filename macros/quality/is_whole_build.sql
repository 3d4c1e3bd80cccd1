{#-
    Whether this run makes and tests everything as it is: all models, seeds, snapshots
    and tests of data are selected (unit tests say nothing of the data), no rows are left
    out.
-#}
{% macro is_whole_build() -%}
    {%- if flags.EMPTY or flags.SAMPLE or flags.DEFER -%}
        {{- return(false) -}}
    {%- endif -%}
    {%- set selected = set(selected_resources) -%}
    {%- for id, node in graph.nodes.items()
        if id not in selected
        and node.resource_type in ["model", "seed", "snapshot", "test"]
        and node.config.materialized != "ephemeral" -%}
        {{- return(false) -}}
    {%- endfor -%}
    {{- return(true) -}}
{%- endmacro %}
