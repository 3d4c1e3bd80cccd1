{#-
    A draw in [0, size) from 32 random bits, by multiply and shift. `size` must be below
    2^31: beyond, the product leaves 64 bits and DuckDB stops with an error. No value is
    likelier than another by more than size / 2^32.
-#}
{% macro scaled_draw(bits, size) -%}
    {%- set bits = checked_expression("scaled_draw", "bits", bits) -%}
    {%- set size = checked_expression("scaled_draw", "size", size) -%}
    {{- shifted_right("(" ~ bits ~ ") * (" ~ size ~ ")", 32) -}}
{%- endmacro %}
