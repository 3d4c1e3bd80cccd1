{#-
    Why a row of the seed tenant_splits makes no sense, as the end of a sentence; null
    where it does. Columns are those of the seed, unqualified.
-#}
{% macro split_setting_problem() -%}
    {%- set methods = split_methods() -%}
    {%- set parameters = [
        "train_share", "validation_share", "train_until", "validation_until",
        "validation_count", "test_count", "fold_count", "window_count", "window_days",
    ] -%}
    {%- set ranges = {
        "validation_count": [0, 1000000],
        "test_count": [1, 1000000],
        "fold_count": [2, 1000],
        "window_count": [1, 1000],
        "window_days": [1, 36500],
        "minimum_user_positives": [1, 1000000000],
        "minimum_item_positives": [1, 1000000000],
    } -%}
    case
        when
            method is null
            or method not in (
                {%- for method in methods %}
                '{{ method }}'{{ "," if not loop.last }}
                {%- endfor %}
            )
            then
                'its method is ' || coalesce(method, 'empty') || ', not one of '
                {%- for method in methods %}
                || '{{ method }}{{ ", " if not loop.last }}'
                {%- endfor %}
        {%- for method, reads in methods.items() %}
        {%- for parameter in parameters if parameter not in reads %}
        when method = '{{ method }}' and {{ parameter }} is not null
            then '{{ method }} does not read {{ parameter }}, which must be empty'
        {%- endfor %}
        {%- for parameter in reads if method != "global_time" %}
        when method = '{{ method }}' and {{ parameter }} is null
            then '{{ method }} needs {{ parameter }}'
        {%- endfor %}
        {%- endfor %}
        when
            method = 'global_time'
            and not (
                train_share is not null
                and validation_share is not null
                and train_until is null
                and validation_until is null
                or train_share is null
                and validation_share is null
                and train_until is not null
                and validation_until is not null
            )
            then
                'global_time needs train_share and validation_share, or else '
                || 'train_until and validation_until, and the other two empty'
        when not (train_share > 0 and train_share <= 1)
            then 'its train_share must be above 0 and at most 1'
        when not (validation_share >= 0 and validation_share <= 1)
            then 'its validation_share must be 0 to 1'
        when {{ share_millionths("train_share + validation_share") }} > 1000000
            then 'its train_share and validation_share are more than 1 together'
        when train_until > validation_until
            then 'its train_until is later than its validation_until'
        {%- for parameter, range in ranges.items() %}
        when {{ parameter }} not between {{ range[0] }} and {{ range[1] }}
            then 'its {{ parameter }} must be {{ range[0] }} to {{ range[1] }}'
        {%- endfor %}
    end
{%- endmacro %}
