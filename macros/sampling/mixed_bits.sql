{#-
    A pseudo-random number in [0, 2^32) from a number in [0, 2^32): xor-shift and
    multiply, twice. Products stay below 2^59, so that 64-bit arithmetic cannot overflow.
-#}
{% macro mixed_bits(number) -%}
    {%- set once = mixing_round(number) -%}
    {%- set twice = mixing_round(once) -%}
    xor(({{ twice }}) >> 16, {{ twice }})
{%- endmacro %}
