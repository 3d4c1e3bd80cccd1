{#- One row per tenant, user, item and tag, the tag in lower case. -#}

with

tag_records as (

    select
        tenant_id,
        user_id,
        item_id,
        tag,
        source,
        entity,
        file,
        load_id,
        row_number,
        tagged_at

    from {{ ref('tag_records') }}

    where duplicate_rank = 1

)

select * from tag_records
