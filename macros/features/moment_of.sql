{#-
    What orders the interactions of a user: the instant in microseconds since 1970, or the
    place in the user's history where there is no instant. Within a tenant it is always the
    one or always the other.
-#}
{% macro moment_of(instant, interaction_order) -%}
    {%- set instant = checked_expression("moment_of", "instant", instant) -%}
    {%- set interaction_order = checked_expression(
        "moment_of", "interaction_order", interaction_order
    ) -%}
    coalesce(epoch_us({{ instant }}), {{ interaction_order }})
{%- endmacro %}
