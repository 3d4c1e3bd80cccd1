{#-
    The features of an item and of a user in the item's category as they stood at an
    instant: the columns item_price to user_category_share of features.interaction_features
    and of training.examples, which have them from here both. `state` is the alias of a
    relation with what had been counted by then: item_interactions, item_positives,
    item_users, item_ratings, item_rating_millionths, item_interactions_<window>,
    item_first_at, item_last_at, category_interactions, category_positives, as_of.
    `version` is that of the item's version, and `user_interactions` the user's count.
-#}
{% macro item_state_features(state, version, user_interactions, windows) -%}
    {%- set state = checked_expression("item_state_features", "state", state) -%}
    {%- set version = checked_expression("item_state_features", "version", version) -%}
    {%- set user_interactions = checked_expression(
        "item_state_features", "user_interactions", user_interactions
    ) -%}
    {{ version }}.price as item_price,
    {%- set counts = {
        "interaction_count": "interactions",
        "positive_count": "positives",
        "unique_user_count": "users",
        "rating_count": "ratings",
    } %}
    {%- for feature, count in counts.items() %}
    case
        when {{ state }}.as_of is not null
            then coalesce({{ state }}.item_{{ count }}, 0)
    end as item_{{ feature }},
    {%- endfor %}
    case
        when {{ state }}.as_of is not null
            then
                {{ state }}.item_rating_millionths
                / nullif({{ state }}.item_ratings, 0) / 1000000
    end as item_average_rating,
    {%- for name in windows %}
    case
        when {{ state }}.as_of is not null
            then {{ state }}.item_interactions_{{ name }}
    end as item_interaction_count_{{ name }},
    {%- endfor %}
    {{ days_between(state ~ ".item_last_at", state ~ ".as_of") }}
        as item_days_since_last,
    {{ days_between(state ~ ".item_first_at", state ~ ".as_of") }}
        as item_days_since_first,
    {%- set share = "coalesce(" ~ state ~ ".category_interactions, 0)"
        ~ " / nullif(" ~ user_interactions ~ ", 0)" %}
    {%- for feature, figure in {
        "interaction_count": "coalesce(" ~ state ~ ".category_interactions, 0)",
        "positive_count": "coalesce(" ~ state ~ ".category_positives, 0)",
        "share": share,
    }.items() %}
    case
        when {{ version }}.category is not null then {{ figure }}
    end as user_category_{{ feature }}{{ "," if not loop.last }}
    {%- endfor %}
{%- endmacro %}
