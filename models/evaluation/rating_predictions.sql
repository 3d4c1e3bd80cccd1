{#-
    One row per tenant, split, fold, model and rated test interaction. Holds the place
    of the predicted ratings: the columns, and no row.
-#}

select
    cast(null as varchar) as tenant_id,
    cast(null as varchar) as interaction_id,
    cast(null as varchar) as user_id,
    cast(null as varchar) as item_id,
    cast(null as varchar) as split_name,
    cast(null as varchar) as model,
    cast(null as varchar) as model_version,
    cast(null as bigint) as fold,
    cast(null as double) as rating,
    cast(null as double) as predicted_rating

where false
