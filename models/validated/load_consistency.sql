{#-
    One row per tenant, source, entity and load with accepted interactions: how many of
    them contradict the catalogue, the clock or themselves. And one per load with accepted
    predictions: how many of them are of users or items that the tenant does not know.
-#}

with

interaction_checks as (
    select * from {{ ref('interaction_checks') }}
),

prediction_consistency as (
    select * from {{ ref('prediction_consistency') }}
),

interaction_loads as (

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

    group by all

),

prediction_loads as (

    select
        tenant_id,
        source,
        entity,
        load_id,
        count(*) as checked_count,
        count(*) filter (has_unknown_user or has_unknown_item) as inconsistent_count,
        count(*) filter (has_unknown_user) as unknown_user_count,
        count(*) filter (has_unknown_item) as unknown_item_count,
        cast(0 as bigint) as after_load_count,
        cast(0 as bigint) as mistaken_rating_count,
        cast(0 as bigint) as unviewed_purchase_count,
        cast(null as timestamp) as newest_event_at

    from prediction_consistency

    group by
        tenant_id,
        source,
        entity,
        load_id

),

load_consistency as (

    select * from interaction_loads

    union all

    select * from prediction_loads

)

select * from load_consistency
