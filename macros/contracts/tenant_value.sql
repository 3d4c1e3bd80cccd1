{#-
    A column of a seed as it stands for a tenant: the tenant's own row (alias
    own_<name>), else the row of `*` (any_<name>).
-#}
{% macro tenant_value(name, column) -%}
    coalesce(own_{{ name }}.{{ column }}, any_{{ name }}.{{ column }})
{%- endmacro %}
