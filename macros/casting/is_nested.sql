{#-
    Whether text is an object or a list, as JSON or as a program prints one. An id is
    never in square brackets, nor in braces with more than one plain word in them
    ({3F25-0001} is one). Other text may be: [1984] is a title; with names or objects
    in it, it is nested.
-#}
{% macro is_nested(text, is_id=false) -%}
    ascii({{ text }}) in (91, 123)
    {%- if is_id %}
    and regexp_full_match({{ text }}, '(?s)\[.*\]|\{\s*\}|\{.*[:,"''].*\}')
    {%- else %}
    and (
        (
            json_valid({{ text }})
            and regexp_matches({{ text }}, '^\{|^\[\s*[\[\{]|["\{]')
        )
        or regexp_full_match(
            {{ text }}, '(?s)\{\s*[''"].*[''"]\s*:.*\}|\[\s*[''\{].*[''\}]\s*\]'
        )
    )
    {%- endif %}
{%- endmacro %}
