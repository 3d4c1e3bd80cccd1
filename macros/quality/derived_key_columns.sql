{#-
    The columns of validated.accepted_interactions by which two events of one load that
    have no id of their own are one.
-#}
{% macro derived_key_columns() %}
    {{ return([
        'transaction_id', 'user_id', 'item_id', 'event_type', 'interacted_at',
        'position', 'quantity', 'price',
    ]) }}
{% endmacro %}
