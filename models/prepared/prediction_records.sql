{#-
    One row per accepted prediction record, with its rank among the records of the
    same model, version, user, item and instant.
-#}

with

accepted as (

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
        score,
        rank,
        row_number,
        predicted_at,
        loaded_at

    from {{ ref('val_canonical__predictions') }}

    where is_accepted

),

ranked as (

    select
        *,
        {{ duplicate_rank([
            'tenant_id', 'model', 'model_version', 'user_id', 'item_id', 'predicted_at'
        ]) }} as duplicate_rank,
        {{ repeats_in_load([
            'tenant_id', 'model', 'model_version', 'user_id', 'item_id', 'predicted_at'
        ]) }} as is_repeat

    from accepted

),

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
        duplicate_rank,
        is_repeat,
        predicted_at,
        loaded_at

    from ranked

)

select * from prediction_records
