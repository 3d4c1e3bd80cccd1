{#-
    One row per tenant, item and version of its attributes. A version begins with the
    load that brought other attributes than the load before it, so that history follows
    from the loads and their order, whenever builds ran; an earlier state that comes
    again is a version of its own.
-#}

{%- set attributes = ['title', 'category_path', 'brand', 'price', 'released_on'] %}

with

item_records as (

    select
        tenant_id,
        item_id,
        source,
        entity,
        title,
        category_path,
        brand,
        file,
        load_id,
        price,
        row_number,
        released_on,
        loaded_at

    from {{ ref('item_records') }}

    -- The record that its load would have kept.
    where not is_repeat

),

compared as (
    select
        *,
        row({{ attributes | join(", ") }}) as attributes,
        lag(row({{ attributes | join(", ") }})) over item_loads as attributes_before
    from item_records
    window item_loads as (
        partition by tenant_id, item_id
        order by loaded_at asc, load_id asc
    )
),

versions as (
    select
        * exclude (attributes, attributes_before),
        loaded_at as valid_from,
        lead(loaded_at) over (
            partition by tenant_id, item_id
            order by loaded_at asc, load_id asc
        ) as valid_to
    from compared
    where attributes_before is null or attributes is distinct from attributes_before
)

select * from versions
