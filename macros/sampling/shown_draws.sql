{#-
    The query of a view that shows a model's stored draws with ids, which are looked up for
    those that are asked for. `split` is that of the positives, where only one has draws.
-#}
{% macro shown_draws(draws, split=none) %}
with

draws as (
    select
        tenant_id,
        user_index,
        interaction_order,
        item_index,
        draw,
        sampling_probability
    from {{ ref(draws) }}
),

positives as (
    select
        tenant_id,
        interaction_id,
        user_id,
        interaction_order
    from {{ ref('positives') }}
    {% if split -%}
    where split = '{{ split }}'
    {%- endif %}
),

users as (
    select
        tenant_id,
        user_id,
        user_index
    from {{ ref('users') }}
),

items as (
    select
        tenant_id,
        item_id,
        item_index
    from {{ ref('items') }}
),

shown_draws as (

    select
        draws.tenant_id,
        positives.interaction_id,
        users.user_id,
        items.item_id,
        draws.draw,
        draws.sampling_probability

    from draws

    left join users
        on draws.tenant_id = users.tenant_id
        and draws.user_index = users.user_index

    left join items
        on draws.tenant_id = items.tenant_id
        and draws.item_index = items.item_index

    left join positives
        on draws.tenant_id = positives.tenant_id
        and users.user_id = positives.user_id
        and draws.interaction_order = positives.interaction_order

)

select * from shown_draws
{% endmacro %}
