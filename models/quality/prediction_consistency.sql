{#-
    One row per prediction that counts: whether the tenant knows its user and its item. A
    prediction of what nobody knows finds nothing, and looks like one of a bad model.
-#}

{{ config(materialized="view") }}

with

predictions as (

    select
        tenant_id,
        model,
        model_version,
        user_id,
        item_id,
        source,
        entity,
        file,
        load_id,
        row_number

    from {{ ref('predictions') }}

),

users as (

    select
        tenant_id,
        user_id

    from {{ ref('users') }}

),

items as (

    select
        tenant_id,
        item_id

    from {{ ref('items') }}

),

prediction_consistency as (

    select
        predictions.tenant_id,
        predictions.model,
        predictions.model_version,
        predictions.user_id,
        predictions.item_id,
        predictions.source,
        predictions.entity,
        predictions.file,
        predictions.load_id,
        predictions.row_number,
        users.user_id is null as has_unknown_user,
        items.item_id is null as has_unknown_item

    from predictions

    left join users
        on predictions.tenant_id = users.tenant_id
        and predictions.user_id = users.user_id

    left join items
        on predictions.tenant_id = items.tenant_id
        and predictions.item_id = items.item_id

)

select * from prediction_consistency
