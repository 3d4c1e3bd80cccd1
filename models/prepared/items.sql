{#-
    One row per tenant and item: the catalogue as it stands now, and every item that
    was interacted with although no catalogue lists it.
-#}

with

current_items as (

    select * from {{ ref('item_catalogue') }}

),

current_versions as (

    select
        tenant_id,
        item_id,
        valid_from

    from {{ ref('item_history') }}

    where valid_to is null

),

interacted_items as (

    select
        tenant_id,
        item_id

    from {{ ref('interaction_records') }}

    where duplicate_rank = 1

    group by
        tenant_id,
        item_id

),

item_codes as (

    select
        tenant_id,
        item_id,
        item_index

    from {{ ref('item_codes') }}

),

items as (

    select
        coalesce(current_items.tenant_id, interacted_items.tenant_id) as tenant_id,
        coalesce(current_items.item_id, interacted_items.item_id) as item_id,
        current_items.source,
        current_items.entity,
        current_items.title,
        current_items.brand,
        current_items.file,
        current_items.load_id,
        {{ category_names('current_items.category_path') }} as categories,
        current_items.price,
        current_items.row_number,
        current_items.item_id is not null as is_listed,
        interacted_items.item_id is not null as has_interactions,
        current_items.released_on,
        current_versions.valid_from

    from current_items

    full outer join interacted_items
        on current_items.tenant_id = interacted_items.tenant_id
        and current_items.item_id = interacted_items.item_id

    left join current_versions
        on current_items.tenant_id = current_versions.tenant_id
        and current_items.item_id = current_versions.item_id

),

keyed as (

    select
        items.tenant_id,
        items.item_id,
        cast({{ uuid5(["'item'", "items.tenant_id", "items.item_id"]) }} as uuid)
            as item_uuid,
        item_codes.item_index,
        items.title,
        items.categories[1] as category,
        items.brand,
        items.source,
        items.entity,
        items.file,
        items.load_id,
        items.categories,
        items.price,
        items.row_number,
        items.is_listed,
        items.has_interactions,
        items.released_on,
        items.valid_from

    from items

    left join item_codes
        on items.tenant_id = item_codes.tenant_id
        and items.item_id = item_codes.item_id

)

select * from keyed
