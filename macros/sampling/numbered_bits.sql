{#- 32 bits that differ for each number of a draw, far apart for neighbours. -#}
{% macro numbered_bits(number) -%}
    {%- set number = checked_expression("numbered_bits", "number", number) -%}
    (({{ number }} * 2654435769) & 4294967295)
{%- endmacro %}
