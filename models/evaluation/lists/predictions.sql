{#-
    One row per tenant, model, version, user, item and instant of prediction: what
    models said, as it was loaded last for the user.
-#}

with

prediction_records as (

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
        score,
        rank,
        row_number,
        predicted_at

    from {{ ref('prediction_records') }}

    where duplicate_rank = 1

)

select * from prediction_records
