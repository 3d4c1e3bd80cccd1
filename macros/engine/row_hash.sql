{#-
    One number made of the columns of a row, equal for equal rows. It may be equal for
    different ones too, and differs between engines and versions: for looking rows up within
    one query, never for a table.
-#}
{% macro row_hash(columns) %}
    {{- return(adapter.dispatch("row_hash", "winnow")(columns)) -}}
{% endmacro %}

{% macro default__row_hash(columns) -%}
    hash({{ columns | join(", ") }})
{%- endmacro %}

{% macro spark__row_hash(columns) -%}
    xxhash64({{ columns | join(", ") }})
{%- endmacro %}
