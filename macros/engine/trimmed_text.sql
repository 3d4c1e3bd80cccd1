{#-
    Text without white space and invisible characters (the vars blank_characters and
    invisible_characters) around it; of an id, also without the invisible ones within
    it. Text of ASCII alone, which is nearly all of it, is looked at no closer than
    needed: trimming by a list costs five times as much.
-#}
{% macro trimmed_text(value, is_id=false) %}
    {{- return(adapter.dispatch("trimmed_text", "winnow")(value, is_id)) -}}
{% endmacro %}

{% macro default__trimmed_text(value, is_id) -%}
    {%- set ascii_blanks = var("blank_characters") | select("lessthan", 128) | list -%}
    {%- set all_around = var("blank_characters") + var("invisible_characters") -%}
    case
        when strlen({{ value }}) = length({{ value }})
            then case
                when ascii({{ value }}) > 32 and ascii(right({{ value }}, 1)) > 32
                    then {{ value }}
                else trim({{ value }}, {{ characters(ascii_blanks) }})
            end
        {%- if is_id %}
        else trim(
            translate({{ value }}, {{ characters(var("invisible_characters")) }}, ''),
            {{ characters(var("blank_characters")) }}
        )
        {%- else %}
        else trim({{ value }}, {{ characters(all_around) }})
        {%- endif %}
    end
{%- endmacro %}

{% macro spark__trimmed_text(value, is_id) -%}
    {%- set invisible = characters(var("invisible_characters")) -%}
    {%- set all_around = characters(
        var("blank_characters") + var("invisible_characters")
    ) -%}
    {%- set visible = "translate(" ~ value ~ ", " ~ invisible ~ ", '')" -%}
    trim(both {{ all_around }} from {{ visible if is_id else value }})
{%- endmacro %}
