{#-
    The split of something before which `earlier_count` of `total_count` lie: train as
    long as fewer than train_share of them do, then validation, then test. Shares are
    counted in whole millionths: 0.1 + 0.2 is more than 0.3 as a double.
-#}
{% macro share_split(earlier_count, total_count, train_share, validation_share) -%}
    {%- set earlier_count = checked_expression(
        "share_split", "earlier_count", earlier_count
    ) -%}
    {%- set total_count = checked_expression(
        "share_split", "total_count", total_count
    ) -%}
    {%- set train_share = checked_expression(
        "share_split", "train_share", train_share
    ) -%}
    {%- set validation_share = checked_expression(
        "share_split", "validation_share", validation_share
    ) -%}
    case
        when
            1000000 * ({{ earlier_count }})
            < {{ share_millionths(train_share) }} * ({{ total_count }})
            then 'train'
        when
            1000000 * ({{ earlier_count }})
            < {{ share_millionths(train_share ~ " + " ~ validation_share) }}
            * ({{ total_count }})
            then 'validation'
        else 'test'
    end
{%- endmacro %}
