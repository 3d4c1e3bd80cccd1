{#-
    The `tenant:value` pairs that a seed accepts, as one list, so that a row is
    judged without a join. `*` stands for every tenant. `relation` is the seed, with
    the columns tenant_id and source_value.
-#}
{% macro accepted_pairs(relation) -%}
    (
        select list(accepted.tenant_id || ':' || accepted.source_value)
        from {{ relation }} as accepted
    )
{%- endmacro %}
