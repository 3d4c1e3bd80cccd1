{#-
    Whether a row, by its tenant_id and split_name, is one that the variables batch_* are
    about, where they ask for one of the actions; false for every row where they do not.
    Where no split is named, a plan is of the first split of each tenant, and everything
    else of all splits that are planned.
-#}
{% macro is_requested_batch(actions) -%}
    {%- set request = batch_request() -%}
    {%- if request.action not in actions -%}
        false
    {%- else -%}
        {%- if request.tenants -%}
            tenant_id in (
                {%- for tenant in request.tenants -%}
                {{ quoted_text(tenant) }}{{ ", " if not loop.last }}
                {%- endfor -%}
            )
            and {% endif -%}
        {%- if request.split is not none -%}
            split_name = {{ quoted_text(request.split) }}
        {%- elif request.action == "plan" -%}
            (tenant_id, split_name) in (
                select first_splits.tenant_id, first_splits.split_name
                from {{ ref("splits") }} as first_splits
                where first_splits.is_first_split
            )
        {%- else -%}
            true
        {%- endif -%}
    {%- endif -%}
{%- endmacro %}
