{#-
    One row per accepted record that repeats a key of its load; the last record of each
    key is the one that is kept, and is left out.
-#}

{{ config(materialized="view") }}

{%- set load_key = ['tenant_id', 'source', 'entity', 'load_id'] %}
{%- set profile_keys = profile_keys() %}
{%- set event_key = load_key + ['given_interaction_id'] %}
{%- for column in derived_key_columns() %}
    {%- do event_key.append(
        "case when given_interaction_id is null then " ~ column ~ " end"
    ) %}
{%- endfor %}

with

{% for model, key in profile_keys.items() -%}
{% set source, entity = model[4:].split('__') -%}
{{ source }}_{{ entity }} as (

    select
        tenant_id,
        '{{ source }}' as source,
        '{{ entity }}' as entity,
        load_id,
        file,
        row_number,
        concat_ws(' ', {{ key | join(", ") }}) as record_key

    from {{ ref(model) }}

    where is_accepted

    qualify
        row_number() over (
            partition by
                tenant_id,
                load_id,
                {{ key | join(", ") }}
            order by file desc, row_number desc
        ) > 1

),

{% endfor -%}

interactions as (

    select
        {{ load_key | join(", ") }},
        file,
        row_number,
        coalesce(
            given_interaction_id,
            concat_ws(' ', user_id, item_id, event_type, interacted_at)
        ) as record_key

    from {{ ref('accepted_interactions') }}

    qualify
        row_number() over (
            partition by {{ event_key | join(", ") }}
            order by file desc, row_number desc
        ) > 1

),

repeated_records as (

    {% for model in profile_keys -%}
    select * from {{ model[4:] | replace('__', '_') }}
    union all
    {% endfor -%}
    select * from interactions

)

select * from repeated_records
