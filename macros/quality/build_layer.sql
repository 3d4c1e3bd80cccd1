{#-
    The layer that a node of the graph counts as: its schema, unless its meta says
    otherwise. What only serves predictions is of `evaluation`, which may be made anew
    without the rest.
-#}
{% macro build_layer(node) -%}
    {{- node.config.meta.get("build_layer", node.schema) -}}
{%- endmacro %}
