{#-
    One row per tenant and item of the catalogue: the newest record. Older
    ones are in prepared.item_history.
-#}

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

    where duplicate_rank = 1

)

select * from item_records
