{#-
    Runs in the transaction of evaluation.batch_runs, after its rows are written: when the
    requested day ended and how long it took. By the clock of this moment, which SQL does
    not have: there, now is when the transaction began.
-#}
{% macro stamped_day() -%}
    {%- set request = batch_request() -%}
    {%- if execute and request.action in ["run", "fail"] -%}
        {%- set now = utc_now() -%}
        update {{ this }} set
            finished_at = {{ now }},
            seconds = epoch({{ now }} - started_at),
            rows_per_second = case
                when row_count > 0 and {{ now }} > started_at
                    then row_count / epoch({{ now }} - started_at)
            end
        where
            day = {{ request.day }}
            and finished_at is null
            and state in ('done', 'failed')
            and {{ is_requested_batch(["run", "fail"]) }}
    {%- endif -%}
{%- endmacro %}
