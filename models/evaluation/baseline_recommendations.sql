{#-
    One row per tenant, split, fold, model and place in a user's list. Holds the place
    of the lists of the baselines: the columns, and no row.
-#}

select
    cast(null as varchar) as tenant_id,
    cast(null as varchar) as user_id,
    cast(null as varchar) as item_id,
    cast(null as varchar) as split_name,
    cast(null as varchar) as model,
    cast(null as varchar) as model_version,
    cast(null as bigint) as fold,
    cast(null as bigint) as rank,
    cast(null as double) as score

where false
