{#-
    One row per tenant and item: the catalogue as it stands now, and every item that
    was interacted with although no catalogue lists it. An item that a catalogue has
    listed keeps what was said of it last.
-#}

{%- set attributes = {} %}
{%- for column in ['title', 'category_path', 'brand', 'price', 'released_on'] %}
    {%- do attributes.update({
        column: "case when current_items.item_id is not null then current_items." ~ column
        ~ " else current_versions." ~ column ~ " end"
    }) %}
{%- endfor %}

with

current_items as (
    select * from {{ ref('item_catalogue') }}
),

current_versions as (

    select
        tenant_id,
        item_id,
        title,
        category_path,
        brand,
        price,
        released_on,
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
    group by all
),

item_codes as (
    select
        tenant_id,
        item_id,
        item_index,
        {{ entity_key('item_index') }} as item_key
    from {{ ref('item_codes') }}
),

items as (

    select
        coalesce(current_items.tenant_id, interacted_items.tenant_id) as tenant_id,
        coalesce(current_items.item_id, interacted_items.item_id) as item_id,
        current_items.source,
        current_items.entity,
        {{ attributes.title }} as title,
        {{ attributes.brand }} as brand,
        current_items.file,
        current_items.load_id,
        {{ category_names(attributes.category_path) }} as categories,
        {{ attributes.price }} as price,
        current_items.row_number,
        current_items.item_id is not null as is_listed,
        interacted_items.item_id is not null as has_interactions,
        {{ attributes.released_on }} as released_on,
        current_versions.valid_from

    from current_items

    full outer join interacted_items
        on current_items.tenant_id = interacted_items.tenant_id
        and current_items.item_id = interacted_items.item_id

    left join current_versions
        on coalesce(current_items.tenant_id, interacted_items.tenant_id)
        = current_versions.tenant_id
        and coalesce(current_items.item_id, interacted_items.item_id)
        = current_versions.item_id

),

keyed as (

    select
        items.tenant_id,
        items.item_id,
        cast({{ uuid5(["'item'", "items.tenant_id", "items.item_id"]) }} as uuid)
            as item_uuid,
        item_codes.item_index,
        item_codes.item_key,
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
