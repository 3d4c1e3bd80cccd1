{#-
    One struct of booleans: whether a value was given in each column of the entity.
    `node` is the entity's source node.
-#}
{% macro given_values(node) -%}
    {%- set fields = {} -%}
    {%- for name in node.columns -%}
        {%- do fields.update({name: adapter.quote(name) ~ " is not null"}) -%}
    {%- endfor -%}
    {{ pack_struct(fields) }}
{%- endmacro %}
