{#-
    Whether the tenant of a row must give a value, without a join: `tenants` is a model of
    one row per tenant that says so in `needs_times`. `relation` is the alias of the rows.
-#}
{% macro needed_by_tenant(tenants, relation) -%}
    coalesce(
        list_contains(
            (
                select list(known.tenant_id)
                from {{ tenants }} as known
                where known.needs_times
            ),
            {{ relation }}.tenant_id
        ),
        false
    )
{%- endmacro %}
