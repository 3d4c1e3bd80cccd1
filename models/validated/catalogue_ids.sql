{#-
    One row per tenant, kind (user or item) and id that any of its catalogue loads lists
    or has listed, loads left out that are held.
-#}

{%- set catalogues = {} %}
{%- for model, key in profile_keys().items() if key in (['user_id'], ['item_id']) %}
{%- do catalogues.update({model: key[0].removesuffix('_id')}) %}
{%- endfor %}

with

held_loads as (
    select
        tenant_id,
        source,
        entity,
        load_id
    from {{ ref('load_measures') }}
    where is_holding
    group by all
),

listed as (

    {% for model, kind in catalogues.items() -%}
    {% set source, entity = model[4:].split('__') -%}
    select
        tenant_id,
        '{{ source }}' as source,
        '{{ entity }}' as entity,
        '{{ kind }}' as kind,
        {{ kind }}_id as id,
        load_id

    from {{ ref(model) }}

    where is_accepted

    {{ "union all" if not loop.last }}

    {% endfor -%}
),

catalogue_ids as (

    select
        listed.tenant_id,
        listed.kind,
        listed.id

    from listed

    anti join held_loads
        on listed.tenant_id = held_loads.tenant_id
        and listed.source = held_loads.source
        and listed.entity = held_loads.entity
        and listed.load_id = held_loads.load_id

    group by all

)

select * from catalogue_ids
