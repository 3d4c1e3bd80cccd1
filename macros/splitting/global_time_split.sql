{#-
    The split of an instant in a global time cut: train up to and with `train_until`,
    validation up to and with `validation_until`, else test. No instant is in two splits.
-#}
{% macro global_time_split(instant, train_until, validation_until) -%}
    {%- set instant = checked_expression("global_time_split", "instant", instant) -%}
    {%- set train_until = checked_expression(
        "global_time_split", "train_until", train_until
    ) -%}
    {%- set validation_until = checked_expression(
        "global_time_split", "validation_until", validation_until
    ) -%}
    case
        when {{ instant }} <= {{ train_until }} then 'train'
        when {{ instant }} <= {{ validation_until }} then 'validation'
        else 'test'
    end
{%- endmacro %}
