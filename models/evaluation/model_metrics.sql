{#-
    Stands in until the model of that name is merged: its columns, and no row.
-#}

select
    cast(null as varchar) as tenant_id,
    cast(null as varchar) as split_name,
    cast(null as varchar) as model,
    cast(null as varchar) as model_version,
    cast(null as varchar) as candidates,
    cast(null as varchar) as metric,
    cast(null as varchar) as segment_kind,
    cast(null as varchar) as segment,
    cast(null as bigint) as k,
    cast(null as bigint) as fold,
    cast(null as bigint) as user_count,
    cast(null as double) as value

where false
