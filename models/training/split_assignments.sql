{#- One row per positive, split method and fold. -#}

with

positives as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        cast('default' as varchar) as split_name,
        split,
        cast(0 as bigint) as fold,
        interaction_order,
        true as is_first_split,
        false as is_cold_user,
        false as is_cold_item,
        interacted_at

    from {{ ref('positives') }}

)

select * from positives
