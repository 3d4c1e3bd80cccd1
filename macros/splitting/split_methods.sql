{#-
    The methods of the seed tenant_splits: the parameters that each one reads, and
    whether it cuts by time. global_time reads its shares or else its instants.
-#}
{% macro split_methods() %}
    {%- set shares = ["train_share", "validation_share"] -%}
    {%- set instants = ["train_until", "validation_until"] -%}
    {{- return({
        "global_time": {"reads": shares + instants, "by_time": true},
        "leave_last_out": {"reads": ["validation_count", "test_count"], "by_time": false},
        "user_time_ratio": {"reads": shares, "by_time": false},
        "user_hash": {"reads": shares, "by_time": false},
        "k_fold": {"reads": ["fold_count"], "by_time": false},
        "rolling_window": {"reads": ["window_count", "window_days"], "by_time": true},
    }) -}}
{% endmacro %}
