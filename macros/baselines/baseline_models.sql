{#-
    The baselines by name, each with what it predicts: `rating` for predicted ratings,
    `ranking` for lists of items.
-#}
{% macro baseline_models() %}
    {{- return({
        "global_mean": "rating",
        "user_mean": "rating",
        "item_mean": "rating",
        "user_item_mean": "rating",
        "bias": "rating",
        "most_popular": "ranking",
        "most_popular_recent": "ranking",
        "item_cosine": "ranking",
        "last_seen": "ranking",
    }) -}}
{% endmacro %}
