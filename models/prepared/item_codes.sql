{#-
    One row per tenant and code: 1, 2, 3, ... in the order of the load that first brought
    the item, ties by item_id; 0 is left for padding and for what is unknown. Rows are only
    ever added, also with --full-refresh, so that a code means the same item for good: an
    erased item's row stays with a null item_id, and its code is never given again.
    All records count, also those that a later load replaced, so that a build after each
    load gives the codes of one build after all of them.
-#}

{{ config(
    materialized="incremental",
    incremental_strategy="append",
    full_refresh=false,
    on_schema_change="fail",
) }}

with

item_records as (

    select
        tenant_id,
        item_id,
        min(loaded_at) as loaded_at

    from {{ ref('item_records') }}

    group by
        tenant_id,
        item_id

),

interaction_records as (

    select
        tenant_id,
        item_id,
        min(loaded_at) as loaded_at

    from {{ ref('interaction_records') }}

    group by
        tenant_id,
        item_id

),

records as (

    select * from item_records
    union all
    select * from interaction_records

),

loaded_items as (

    select
        tenant_id,
        item_id,
        min(loaded_at) as first_loaded_at

    from records

    group by
        tenant_id,
        item_id

),

{% if is_incremental() -%}

coded as (

    select
        tenant_id,
        item_id,
        item_index

    from {{ this }}

),

last_codes as (

    select
        tenant_id,
        max(item_index) as last_index

    from coded

    group by tenant_id

),

new_items as (

    select
        loaded_items.tenant_id,
        loaded_items.item_id,
        coalesce(last_codes.last_index, 0) as last_index,
        loaded_items.first_loaded_at

    from loaded_items

    left join coded
        on loaded_items.tenant_id = coded.tenant_id
        and loaded_items.item_id = coded.item_id

    left join last_codes
        on loaded_items.tenant_id = last_codes.tenant_id

    where coded.item_index is null

),

{%- else -%}

new_items as (

    select
        tenant_id,
        item_id,
        cast(0 as bigint) as last_index,
        first_loaded_at

    from loaded_items

),

{%- endif %}

new_codes as (

    select
        tenant_id,
        item_id,
        last_index + row_number() over (
            partition by tenant_id
            order by first_loaded_at asc, item_id asc
        ) as item_index,
        first_loaded_at

    from new_items

)

select * from new_codes
