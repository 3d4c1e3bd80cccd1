{#-
    One struct of the named columns. `columns` maps field to expression, or lists
    columns that keep their names.
-#}
{% macro pack_struct(columns) %}
    {%- set fields = columns if columns is mapping else {} -%}
    {%- for name in (columns if columns is not mapping else []) -%}
        {%- do fields.update({name: adapter.quote(name)}) -%}
    {%- endfor -%}
    {{- return(adapter.dispatch("pack_struct", "winnow")(fields)) -}}
{% endmacro %}

{% macro default__pack_struct(fields) -%}
    {%- set packed = [] -%}
    {%- for name, expression in fields.items() -%}
        {%- do packed.append(adapter.quote(name) ~ " := " ~ expression) -%}
    {%- endfor -%}
    struct_pack({{ packed | join(", ") }})
{%- endmacro %}

{% macro spark__pack_struct(fields) -%}
    {%- set packed = [] -%}
    {%- for name, expression in fields.items() -%}
        {%- do packed.append("'" ~ name ~ "', " ~ expression) -%}
    {%- endfor -%}
    named_struct({{ packed | join(", ") }})
{%- endmacro %}
