{#- A share in whole millionths. -#}
{% macro share_millionths(share) -%}
    {%- set share = checked_expression("share_millionths", "share", share) -%}
    cast(
        round(1000000 * ({{ share }})) as bigint
    )
{%- endmacro %}
