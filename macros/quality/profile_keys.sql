{#-
    What makes the key of an accepted record that is no interaction: SQL expressions, by
    validated model.
-#}
{% macro profile_keys() %}
    {{ return({
        'val_movielens__movies': ['item_id'],
        'val_microlens__titles': ['item_id'],
        'val_recomart__products': ['item_id'],
        'val_canonical__items': ['item_id'],
        'val_movielens__users': ['user_id'],
        'val_recomart__users': ['user_id'],
        'val_canonical__users': ['user_id'],
        'val_movielens__tags': ['user_id', 'item_id', 'lower(tag)'],
        'val_canonical__predictions': [
            'model', "coalesce(model_version, '')", 'user_id', 'item_id', 'predicted_at'
        ],
    }) }}
{% endmacro %}
