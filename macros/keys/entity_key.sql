{#-
    The whole number that stands for a user or item of any tenant, in a model of one row
    per tenant and code: the tenant's number in the upper bits, its own code in the lower
    32. It takes the place of two texts wherever rows are joined, sorted or grouped, and
    holds within one build: a new tenant may move the numbers of the others.
-#}
{% macro entity_key(code) -%}
    {%- set code = checked_expression("entity_key", "code", code) -%}
    dense_rank() over (order by tenant_id asc) * 4294967296 + {{ code }}
{%- endmacro %}
