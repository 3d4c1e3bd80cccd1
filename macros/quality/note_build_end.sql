{#-
    Notes, after everything, the verdict of this run of dbt: `passed`
    where all that was to run ran and nothing failed.
-#}
{% macro note_build_end(results) %}
    {%- if makes_tables() -%}
        {%- set passed = [] -%}
        {%- set failures = [] -%}
        {%- for result in results -%}
            {%- set status = result.status | string -%}
            {%- if status in ["success", "pass", "warn", "no-op"] -%}
                {%- do passed.append(result.node.unique_id) -%}
            {%- elif status != "skipped" -%}
                {%- do failures.append(
                    result.node.name ~ ": " ~ (result.message or status) | trim
                ) -%}
            {%- endif -%}
        {%- endfor -%}
        {%- set missing = set(selected_resources) - set(passed) -%}
        {%- if not failures and missing -%}
            {%- do failures.append("not run: " ~ (missing | sort)[:5] | join(", ")) -%}
        {%- endif -%}
        {%- call statement("noted_build") -%}
        update quality.builds set
            verdict = {{ "'failed'" if failures else "'passed'" }},
            message = {{ quoted_text((failures | join("\n"))[:4000] if failures else none) }},
            ended_at = {{ utc_now() }}
        where build_id = {{ build_id() }};
        commit;
        begin
        {%- endcall -%}
    {%- endif -%}
{% endmacro %}
