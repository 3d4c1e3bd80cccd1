{#-
    Runs before the transaction of evaluation.batch_runs, so that it holds although the
    run be killed: the requested day is running, in every requested plan that has it and in
    which it is not done. A day after one that failed is refused with a sentence.
-#}
{% macro started_day() -%}
    {%- set request = batch_request() -%}
    {%- if execute and request.action == "run" -%}
        {%- if not load_relation(this) -%}
            {{ exceptions.raise_compiler_error(
                "No daily batches have been planned: batch_action plan comes first, with "
                ~ "--select batches batch_runs batch_progress cumulative_batches"
            ) }}
        {%- endif %}
        merge into {{ this }} as runs
        using (
            with

            plans as (
                select tenant_id, split_name, fold
                from {{ ref("batches") }}
                where
                    day = 1
                    and day_count >= {{ request.day }}
                    and {{ is_requested_batch(["run"]) }}
                group by tenant_id, split_name, fold
            ),

            failed_days as (
                select tenant_id, split_name, fold, min(day) as failed_day
                from {{ this }}
                where
                    state = 'failed'
                    and day < {{ request.day }}
                    and not {{ "true" if request.is_continued else "false" }}
                group by tenant_id, split_name, fold
            )

            select
                coalesce(
                    {{ raised_sentence(
                        "'Day " ~ request.day ~ " of tenant ' || plans.tenant_id "
                        ~ "|| ' waits for day ' || failed_days.failed_day "
                        ~ "|| ', which failed; --continue runs on.'"
                    ) }},
                    plans.tenant_id
                ) as tenant_id,
                plans.split_name,
                plans.fold

            from plans

            left join failed_days
                on plans.tenant_id = failed_days.tenant_id
                and plans.split_name = failed_days.split_name
                and plans.fold = failed_days.fold
        ) as due
            on runs.tenant_id = due.tenant_id
            and runs.split_name = due.split_name
            and runs.fold = due.fold
            and runs.day = {{ request.day }}
        when matched and runs.state != 'done' then update set
            state = 'running',
            message = null,
            kept_count = null,
            cold_count = null,
            error_rate = null,
            quality_score = null,
            seconds = null,
            rows_per_second = null,
            started_at = {{ utc_now() }},
            finished_at = null
        when not matched then insert
            (tenant_id, split_name, state, fold, day, row_count, started_at)
            values (
                due.tenant_id,
                due.split_name,
                'running',
                due.fold,
                {{ request.day }},
                0,
                {{ utc_now() }}
            )
    {%- endif -%}
{%- endmacro %}
