{#-
    The methods of the seed tenant_splits, each with the parameters that it reads;
    global_time reads its shares or else its instants.
-#}
{% macro split_methods() %}
    {%- set shares = ["train_share", "validation_share"] -%}
    {{- return({
        "global_time": shares + ["train_until", "validation_until"],
        "leave_last_out": ["validation_count", "test_count"],
        "user_time_ratio": shares,
        "user_hash": shares,
        "k_fold": ["fold_count"],
        "rolling_window": ["window_count", "window_days"],
    }) -}}
{% endmacro %}
