{#-
    A draw in [0, size) from 32 random bits, by multiply and shift. `size` must be below
    2^31; no value is likelier than another by more than size / 2^32.
-#}
{% macro scaled_draw(bits, size) -%}
    ((({{ bits }}) * ({{ size }})) >> 32)
{%- endmacro %}
