{#- "; do the ids match? '1' against 'u2585'", as text; empty where one is null. -#}
{% macro ids_match(theirs, known) -%}
    coalesce(
        '; do the ids match? ''' || {{ theirs }} || ''' against ''' || {{ known }}
        || '''', ''
    )
{%- endmacro %}
