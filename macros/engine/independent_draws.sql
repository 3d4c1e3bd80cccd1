{#-
    A list of so many draws from [0, size), each by itself: two of them can be equal.
    `key` and `size` as in scaled_draw; `key` must be a column, because it is written
    several times.
-#}
{% macro independent_draws(key, draws, size) %}
    {%- set key = checked_expression("independent_draws", "key", key) -%}
    {%- set draws = checked_expression("independent_draws", "draws", draws) -%}
    {%- set size = checked_expression("independent_draws", "size", size) -%}
    {{- return(adapter.dispatch("independent_draws", "winnow")(key, draws, size)) -}}
{% endmacro %}

{% macro default__independent_draws(key, draws, size) -%}
    list_transform(
        list_transform(
            range(1, {{ draws }} + 1),
            lambda draw: {{ bitwise_xor(key, numbered_bits("draw")) }}
        ),
        lambda draw_key: {{ scaled_draw(mixed_bits("draw_key"), size) }}
    )
{%- endmacro %}

{% macro spark__independent_draws(key, draws, size) -%}
    transform(
        transform(
            sequence(1, {{ draws }}),
            draw -> {{ bitwise_xor(key, numbered_bits("draw")) }}
        ),
        draw_key -> {{ scaled_draw(mixed_bits("draw_key"), size) }}
    )
{%- endmacro %}
