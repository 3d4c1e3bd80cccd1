{#-
    Runs in the transaction of evaluation.batches, before its rows are written: takes away
    the rows of a plan that is made anew or forgotten, and with them what is known of its
    days, so that no day is done with rows that it did not have. evaluation.batch_runs
    reads evaluation.batches, so that it is found by its name.
-#}
{% macro forgotten_batches() -%}
    {%- if execute and batch_request().action in ["plan", "forget"] -%}
        {%- for name in ["batch_runs", this.identifier] -%}
            {%- set table = adapter.get_relation(this.database, this.schema, name) -%}
            {%- if table is not none %}
                delete from {{ table }}
                where {{ is_requested_batch(["plan", "forget"]) }};
            {%- endif -%}
        {%- endfor -%}
    {%- endif -%}
{%- endmacro %}
