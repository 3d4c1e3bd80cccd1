{#-
    What the seed tenant_settings says for the tenant of a row in one of its columns,
    without a join: the tenant's own value, else that of `*`, else null. `relation` is
    the alias of the rows, `value` an expression over the column, where it is wanted as
    something else.
-#}
{% macro tenant_setting(setting, relation=none, value=none) -%}
    {%- set tenant = (relation ~ "." if relation else "") ~ "tenant_id" -%}
    {%- set known -%}
        (
            select map_from_entries(list((settings.tenant_id, {{ value or "settings." ~ setting }})))
            from {{ ref('tenant_settings') }} as settings
            where settings.{{ setting }} is not null
        )
    {%- endset -%}
    coalesce({{ known }}[{{ tenant }}], {{ known }}['*'])
{%- endmacro %}
