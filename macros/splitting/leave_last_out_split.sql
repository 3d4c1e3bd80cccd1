{#-
    The split of a user's positive by its place from the end: the last `test_count` are
    test, the `validation_count` before them validation, all others train; users who
    would keep none for train are all train.
-#}
{% macro leave_last_out_split(
    place_from_last, positive_count, validation_count, test_count
) -%}
    {%- set place_from_last = checked_expression(
        "leave_last_out_split", "place_from_last", place_from_last
    ) -%}
    {%- set positive_count = checked_expression(
        "leave_last_out_split", "positive_count", positive_count
    ) -%}
    {%- set validation_count = checked_expression(
        "leave_last_out_split", "validation_count", validation_count
    ) -%}
    {%- set test_count = checked_expression(
        "leave_last_out_split", "test_count", test_count
    ) -%}
    case
        when {{ positive_count }} <= {{ validation_count }} + {{ test_count }}
            then 'train'
        when {{ place_from_last }} <= {{ test_count }} then 'test'
        when {{ place_from_last }} <= {{ validation_count }} + {{ test_count }}
            then 'validation'
        else 'train'
    end
{%- endmacro %}
