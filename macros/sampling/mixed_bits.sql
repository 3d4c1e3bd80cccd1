{#-
    A pseudo-random number in [0, 2^32) from a number in [0, 2^32): xor-shift and
    multiply, twice, and a last xor-shift. Each step is one to one, so that different
    numbers stay different. Products stay below 2^59, so that 64-bit arithmetic cannot
    overflow.
-#}
{% macro mixed_bits(number) -%}
    {%- set mixed = namespace(bits=checked_expression("mixed_bits", "number", number)) -%}
    {%- for _ in range(2) -%}
        {%- set folded = bitwise_xor(shifted_right(mixed.bits, 16), mixed.bits) -%}
        {%- set mixed.bits = "((" ~ folded ~ " * 73244475) & 4294967295)" -%}
    {%- endfor -%}
    {{- bitwise_xor(shifted_right(mixed.bits, 16), mixed.bits) -}}
{%- endmacro %}
