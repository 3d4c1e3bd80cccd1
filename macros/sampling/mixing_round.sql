{#- One round of xor-shift and multiply on a number in [0, 2^32). -#}
{% macro mixing_round(number) -%}
    ((xor(({{ number }}) >> 16, {{ number }}) * 73244475) & 4294967295)
{%- endmacro %}
