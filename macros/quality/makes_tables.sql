{#- Whether this run of dbt makes tables or views, so that what is built changes. -#}
{% macro makes_tables() -%}
    {{- return(
        execute and flags.WHICH in ["build", "run", "seed", "snapshot", "retry", "clone"]
    ) -}}
{%- endmacro %}
