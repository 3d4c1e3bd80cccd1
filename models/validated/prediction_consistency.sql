{#-
    One row per accepted prediction: whether the tenant knows its user and its item, from
    accepted interactions and catalogues of loads that are not held. A prediction of
    what nobody knows finds nothing, and looks like one of a bad model.
-#}

{{ config(materialized="view") }}

with

predictions as (

    select
        tenant_id,
        model,
        coalesce(model_version, '') as model_version,
        user_id,
        item_id,
        'canonical' as source,
        'predictions' as entity,
        file,
        load_id,
        row_number

    from {{ ref('val_canonical__predictions') }}

    where is_accepted

),

catalogue_ids as (
    select * from {{ ref('catalogue_ids') }}
),

held_loads as (
    select
        tenant_id,
        source,
        entity,
        load_id
    from {{ ref('load_measures') }}
    where is_holding
    group by all
),

predicting_tenants as (
    select tenant_id
    from predictions
    group by tenant_id
),

interactions as (

    select
        accepted_interactions.tenant_id,
        accepted_interactions.user_id,
        accepted_interactions.item_id

    from {{ ref('accepted_interactions') }} as accepted_interactions

    semi join predicting_tenants
        on accepted_interactions.tenant_id = predicting_tenants.tenant_id

    anti join held_loads
        on accepted_interactions.tenant_id = held_loads.tenant_id
        and accepted_interactions.source = held_loads.source
        and accepted_interactions.entity = held_loads.entity
        and accepted_interactions.load_id = held_loads.load_id

),

users as (

    select
        tenant_id,
        id as user_id

    from catalogue_ids

    where kind = 'user'

    union

    select
        tenant_id,
        user_id

    from interactions

),

items as (

    select
        tenant_id,
        id as item_id

    from catalogue_ids

    where kind = 'item'

    union

    select
        tenant_id,
        item_id

    from interactions

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
