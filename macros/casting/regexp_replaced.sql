{#-
    Text after several replacements, one applied to what the other has left. `steps` are
    pairs of a regular expression and what takes the place of its first match.
-#}
{% macro regexp_replaced(text, steps) -%}
    {%- set replaced = namespace(text=text) -%}
    {%- for pattern, replacement in steps -%}
        {%- set replaced.text = (
            "regexp_replace(" ~ replaced.text ~ ", '" ~ pattern ~ "', '" ~ replacement ~ "')"
        ) -%}
    {%- endfor -%}
    {{ replaced.text }}
{%- endmacro %}
