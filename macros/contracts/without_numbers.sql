{#-
    Cleaned text, and null where it is one of the numbers that mean "nothing was given"
    to the row's tenant. `setting` is the column of the seed tenant_settings that lists
    them, with blanks between; `none`, or any other word, lists no number.
-#}
{% macro without_numbers(text, setting) -%}
    {%- set numbers -%}
        list_transform(
            string_split(settings.{{ setting }}, ' '),
            lambda word: try_cast(word as double)
        )
    {%- endset -%}
    case
        when not coalesce(
            list_contains(
                {{ tenant_setting(setting, value=numbers) }},
                try_cast({{ text }} as double)
            ),
            false
        )
            then {{ text }}
    end
{%- endmacro %}
