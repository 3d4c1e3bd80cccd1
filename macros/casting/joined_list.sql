{#-
    The members of a list of texts, parted by `|` and without the missing ones (null,
    None, nan, empty); any other text as it is. A list is a JSON array, or what Python
    or numpy print: ['a', "b"], [1 2]. Lists of lists or objects stay as they are.
-#}
{% macro joined_list(text) -%}
    {%- set member -%}
        '(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*"|None|nan|-?\d+(?:\.\d*)?
    {%- endset -%}
    {%- set member = dbt.escape_single_quotes(member | trim) -%}
    case
        when coalesce(ascii({{ text }}) != 91, true) then {{ text }}
        when json_valid({{ text }})
            then case
                when
                    list_has_any(json_type({{ text }}, '$[*]'), ['OBJECT', 'ARRAY'])
                    then {{ text }}
                else array_to_string(
                    list_filter(
                        list_transform(
                            json_extract_string({{ text }}, '$[*]'),
                            lambda member: trim(member)
                        ),
                        lambda member: member != ''
                    ),
                    '|'
                )
            end
        when
            regexp_full_match(
                {{ text }}, '\[\s*((?:{{ member }})([\s,]+(?:{{ member }}))*)?[\s,]*\]'
            )
            then array_to_string(
                list_filter(
                    list_transform(
                        list_filter(
                            regexp_extract_all({{ text }}, '{{ member }}'),
                            lambda member: member not in ('None', 'nan')
                        ),
                        lambda member: trim(
                            case
                                when ascii(member) in (34, 39)
                                    then regexp_replace(
                                        member[2:-2], '\\(.)', '\1', 'g'
                                    )
                                else member
                            end
                        )
                    ),
                    lambda member: member != ''
                ),
                '|'
            )
        else {{ text }}
    end
{%- endmacro %}
