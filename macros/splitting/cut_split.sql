{#-
    The split of a value between two cuts: train up to and with `train_until`, validation
    up to and with `validation_until`, else test. Equal values are never in two splits. A
    cut that is null has nothing before it.
-#}
{% macro cut_split(value, train_until, validation_until) -%}
    {%- set value = checked_expression("cut_split", "value", value) -%}
    {%- set train_until = checked_expression("cut_split", "train_until", train_until) -%}
    {%- set validation_until = checked_expression(
        "cut_split", "validation_until", validation_until
    ) -%}
    case
        when {{ value }} <= {{ train_until }} then 'train'
        when {{ value }} <= {{ validation_until }} then 'validation'
        else 'test'
    end
{%- endmacro %}
