{#-
    Stands in until the model of that name is merged: its columns, and no row.
-#}

select
    cast(null as varchar) as tenant_id,
    cast(null as varchar) as split_name,
    cast(null as bigint) as fold,
    cast(null as varchar) as interaction_id,
    cast(null as bigint) as day

where false
