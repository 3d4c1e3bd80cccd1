{#-
    The split of a user's positive by its place from the end: the last is test, the one
    before it validation, all others train; users with fewer than three are all train.
-#}
{% macro leave_last_out_split(place_from_last, positive_count) -%}
    {%- set place_from_last = checked_expression(
        "leave_last_out_split", "place_from_last", place_from_last
    ) -%}
    {%- set positive_count = checked_expression(
        "leave_last_out_split", "positive_count", positive_count
    ) -%}
    case
        when {{ positive_count }} < 3 then 'train'
        when {{ place_from_last }} = 1 then 'test'
        when {{ place_from_last }} = 2 then 'validation'
        else 'train'
    end
{%- endmacro %}
