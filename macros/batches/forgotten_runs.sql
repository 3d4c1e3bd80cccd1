{#-
    Runs in the transaction of evaluation.batch_runs: takes away what is known of the days
    of plans that are reset.
-#}
{% macro forgotten_runs() -%}
    {%- if execute and batch_request().action == "reset" and load_relation(this) -%}
        delete from {{ this }} where {{ is_requested_batch(["reset"]) }}
    {%- endif -%}
{%- endmacro %}
