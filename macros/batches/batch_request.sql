{#-
    What the variables batch_* ask for, as a dictionary, once they are known to make
    sense: action (none, plan, run, fail, reset or forget), tenants, split, days, day,
    is_continued and message.
-#}
{% macro batch_request() %}
    {%- set request = {
        "action": var("batch_action"),
        "tenants": var("batch_tenants"),
        "split": var("batch_split"),
        "days": var("batch_days"),
        "day": var("batch_day"),
        "is_continued": var("batch_continue"),
        "message": var("batch_message"),
    } -%}
    {%- set actions = ["none", "plan", "run", "fail", "reset", "forget"] -%}
    {%- if request.action not in actions -%}
        {{ exceptions.raise_compiler_error(
            "batch_action must be one of " ~ actions | join(", ") ~ ", not '"
            ~ request.action ~ "'"
        ) }}
    {%- endif -%}
    {%- if request.tenants is string or request.tenants is not sequence -%}
        {{ exceptions.raise_compiler_error(
            "batch_tenants must be a list of tenants, not '" ~ request.tenants ~ "'"
        ) }}
    {%- endif -%}
    {%- if request.days is not integer or not 1 <= request.days <= 3660 -%}
        {{ exceptions.raise_compiler_error(
            "batch_days must be a whole number of 1 to 3660, not '" ~ request.days ~ "'"
        ) }}
    {%- endif -%}
    {%- if request.action in ["run", "fail"]
        and (request.day is not integer or request.day < 1) -%}
        {{ exceptions.raise_compiler_error(
            "batch_day must be a whole number, 1 for the first day, not '"
            ~ request.day ~ "'"
        ) }}
    {%- endif -%}
    {{- return(request) -}}
{% endmacro %}
