{#-
    One row per tenant, source, entity and load with accepted records: how many there are,
    and how many keys they have. Two events without an id of their own are one where all
    that makes their key, the quantity and the price are the same. Keys are looked
    up by their hash; only where that comes twice are the keys themselves compared.
-#}

{%- set load_key = ['tenant_id', 'source', 'entity', 'load_id'] %}
{%- set profile_keys = profile_keys() %}
{%- set derived_key = derived_key_columns() %}

with

{% for model, key in profile_keys.items() -%}
{% set source, entity = model[4:].split('__') -%}
{{ source }}_{{ entity }} as (

    select
        tenant_id,
        '{{ source }}' as source,
        '{{ entity }}' as entity,
        load_id,
        count(*) as accepted_count,
        count(distinct row({{ key | join(", ") }})) as key_count

    from {{ ref(model) }}

    where is_accepted

    group by
        tenant_id,
        load_id

),

{% endfor -%}

interactions as {{ inlined() }} (

    select
        {{ load_key | join(", ") }},
        given_interaction_id,
        {% for column in derived_key -%}
        case when given_interaction_id is null then {{ column }} end as {{ column }},
        {% endfor -%}
        file

    from {{ ref('accepted_interactions') }}

),

hashed_interactions as {{ inlined() }} (
    select
        *,
        {{ row_hash(load_key + ['given_interaction_id'] + derived_key) }} as key_hash
    from interactions
),

interaction_loads as (
    select
        {{ load_key | join(", ") }},
        count(*) as accepted_count
    from interactions
    group by {{ load_key | join(", ") }}
),

repeated_hashes as (
    select key_hash
    from hashed_interactions
    group by key_hash
    having count(*) > 1
),

repeated_keys as (
    select
        {{ load_key | join(", ") }},
        count(*) - 1 as repeated_count
    from hashed_interactions
    semi join repeated_hashes
        on hashed_interactions.key_hash = repeated_hashes.key_hash
    group by
        {{ load_key | join(", ") }},
        given_interaction_id,
        {{ derived_key | join(", ") }}
),

repeats as (
    select
        {{ load_key | join(", ") }},
        sum(repeated_count) as repeated_count
    from repeated_keys
    group by {{ load_key | join(", ") }}
),

key_counts as (

    select
        interaction_loads.tenant_id,
        interaction_loads.source,
        interaction_loads.entity,
        interaction_loads.load_id,
        interaction_loads.accepted_count,
        interaction_loads.accepted_count
        - cast(coalesce(repeats.repeated_count, 0) as bigint) as key_count

    from interaction_loads

    left join repeats
        on interaction_loads.tenant_id = repeats.tenant_id
        and interaction_loads.source = repeats.source
        and interaction_loads.entity = repeats.entity
        and interaction_loads.load_id = repeats.load_id

    {% for model in profile_keys -%}
    union all
    select * from {{ model[4:] | replace('__', '_') }}
    {% endfor -%}

)

select * from key_counts
