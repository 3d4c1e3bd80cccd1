{#-
    One row per accepted record that was removed because another record of the same
    key was kept (or has its values in its own, of a basket), or (predictions) because a
    newer list of the user replaced its list. Nothing else removes one.
-#}

{%- set keyed_records = {
    'interaction_records': 'interaction_id',
    'item_records': 'item_id',
    'user_records': 'user_id',
    'tag_records': "user_id || ' ' || item_id || ' ' || tag",
    'prediction_records': "model || ' ' || user_id || ' ' || item_id",
} %}

with

{% for model in keyed_records -%}
{{ model }} as (

    select * from {{ ref(model) }}

    where duplicate_rank > 1

),

{% endfor -%}

duplicates as (

    {% for model, record_key in keyed_records.items() -%}
    select
        tenant_id,
        source,
        entity,
        {{ record_key }} as record_key,
        file,
        load_id,
        row_number,
        duplicate_rank,
        is_repeat,
        {{ 'is_merged' if model == 'interaction_records' else 'false' }} as is_merged,
        loaded_at

    from {{ model }}

    {{ "union all" if not loop.last }}

    {% endfor %}
)

select * from duplicates
