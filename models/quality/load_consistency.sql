{#-
    One row per tenant, source, entity and load with kept interactions: how many of them
    contradict the catalogue, the clock or themselves.
-#}

with

interaction_checks as (

    select * from {{ ref('interaction_checks') }}

),

load_consistency as (

    select
        tenant_id,
        source,
        entity,
        load_id,
        count(*) as checked_count,
        count(*) filter (
            has_unknown_user
            or has_unknown_item
            or is_after_its_load
            or is_rated_by_mistake
            or is_unviewed_purchase
        ) as inconsistent_count,
        count(*) filter (has_unknown_user) as unknown_user_count,
        count(*) filter (has_unknown_item) as unknown_item_count,
        count(*) filter (is_after_its_load) as after_load_count,
        count(*) filter (is_rated_by_mistake) as mistaken_rating_count,
        count(*) filter (is_unviewed_purchase) as unviewed_purchase_count,
        max(interacted_at) as newest_event_at

    from interaction_checks

    group by
        tenant_id,
        source,
        entity,
        load_id

)

select * from load_consistency
