{#- A bigint of at least 0 without its lowest bits. -#}
{% macro shifted_right(number, bits) %}
    {%- set number = checked_expression("shifted_right", "number", number) -%}
    {%- if bits is not integer or bits not in range(1, 63) -%}
        {{ exceptions.raise_compiler_error(
            "shifted_right: bits must be a whole number from 1 to 62, not '" ~ bits ~ "'"
        ) }}
    {%- endif -%}
    {{- return(adapter.dispatch("shifted_right", "winnow")(number, bits)) -}}
{% endmacro %}

{% macro default__shifted_right(number, bits) -%}
    (({{ number }}) >> {{ bits }})
{%- endmacro %}

{% macro spark__shifted_right(number, bits) -%}
    shiftright({{ number }}, {{ bits }})
{%- endmacro %}
