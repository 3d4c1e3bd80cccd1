{#-
    The event types that have counts of their own in the features; all others are
    counted together as `other`.
-#}
{% macro counted_event_types() %}
    {{- return(["view", "click", "like", "add_to_cart", "purchase", "rating"]) -}}
{% endmacro %}
