{#-
    One row per refused record, with every reason: records that break a rule of
    their contract, and records that could not be read. Nothing is refused anywhere
    else.
-#}

{%- set validated = [
    ('canonical', 'interactions'),
    ('canonical', 'items'),
    ('canonical', 'predictions'),
    ('canonical', 'users'),
    ('microlens', 'pairs'),
    ('microlens', 'titles'),
    ('movielens', 'movies'),
    ('movielens', 'ratings'),
    ('movielens', 'tags'),
    ('movielens', 'users'),
    ('recomart', 'products'),
    ('recomart', 'transactions'),
    ('recomart', 'users'),
] %}

with

unreadable_records as (

    select * from {{ ref('stg_winnow__unreadable_records') }}

),

rejected as (

    {% for source, entity in validated -%}
    select
        tenant_id,
        '{{ source }}' as source,
        '{{ entity }}' as entity,
        rejection_reasons as reasons,
        raw_record,
        file,
        load_id,
        row_number,
        line_number,
        loaded_at

    from {{ ref('val_' ~ source ~ '__' ~ entity) }}

    where not is_accepted

    union all

    {% endfor -%}
    select
        tenant_id,
        source,
        entity,
        ['record.' || reason] as reasons,
        cast(to_json(raw_record) as varchar) as raw_record,
        file,
        load_id,
        row_number,
        line_number,
        loaded_at

    from unreadable_records

)

select * from rejected
