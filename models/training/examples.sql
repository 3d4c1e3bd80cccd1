{#-
    One row per positive (draw 0, label 1) or negative (draw 1 and on, label 0), with the
    features of its user and item as of the build: what happened after the interaction is in
    them, so that they serve for serving and exploration, and not for measuring a model
    offline.
-#}

with

positives as (

    select * from {{ ref('positives') }}

),

negatives as (

    select * from {{ ref('negatives') }}

),

user_features as (

    select
        tenant_id,
        user_id,
        favourite_category,
        interaction_count,
        unique_item_count,
        average_rating,
        conversion_rate,
        active_day_count

    from {{ ref('user_features') }}

),

item_features as (

    select
        tenant_id,
        item_id,
        interaction_count,
        unique_user_count,
        popularity_score,
        engagement_score,
        average_rating,
        purchase_rate,
        click_through_rate

    from {{ ref('item_features') }}

),

items as (

    select
        tenant_id,
        item_id,
        category

    from {{ ref('items') }}

),

labelled as (

    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        event_type,
        split,
        0 as draw,
        1 as label,
        event_weight as sample_weight,
        cast(null as double) as sampling_probability,
        interacted_at

    from positives

    union all

    select
        negatives.tenant_id,
        negatives.interaction_id,
        negatives.user_id,
        negatives.item_id,
        positives.event_type,
        positives.split,
        negatives.draw,
        0 as label,
        cast(1 as double) as sample_weight,
        negatives.sampling_probability,
        positives.interacted_at

    from negatives

    inner join positives
        on negatives.tenant_id = positives.tenant_id
        and negatives.interaction_id = positives.interaction_id

),

examples as (

    select
        labelled.tenant_id,
        labelled.interaction_id,
        labelled.user_id,
        labelled.item_id,
        labelled.event_type,
        labelled.split,
        cast(labelled.draw as bigint) as draw,
        cast(labelled.label as bigint) as label,
        labelled.sample_weight,
        labelled.sampling_probability,
        user_features.interaction_count as user_interaction_count,
        user_features.unique_item_count as user_unique_item_count,
        user_features.average_rating as user_average_rating,
        user_features.conversion_rate as user_conversion_rate,
        user_features.active_day_count as user_active_day_count,
        item_features.interaction_count as item_interaction_count,
        item_features.unique_user_count as item_unique_user_count,
        item_features.popularity_score as item_popularity_score,
        item_features.engagement_score as item_engagement_score,
        item_features.average_rating as item_average_rating,
        item_features.purchase_rate as item_purchase_rate,
        item_features.click_through_rate as item_click_through_rate,
        coalesce(user_features.favourite_category = items.category, false)
            as is_favourite_category,
        labelled.interacted_at

    from labelled

    inner join user_features
        on labelled.tenant_id = user_features.tenant_id
        and labelled.user_id = user_features.user_id

    inner join item_features
        on labelled.tenant_id = item_features.tenant_id
        and labelled.item_id = item_features.item_id

    inner join items
        on labelled.tenant_id = items.tenant_id
        and labelled.item_id = items.item_id

)

select * from examples
