{#-
    Conservation: landed = accepted + rejected + duplicate + erased, for every
    tenant, source, entity and load.
-#}

select
    tenant_id,
    source,
    entity,
    load_id,
    landed_count,
    accepted_count,
    rejected_count,
    duplicate_count,
    erased_count

from {{ ref('reconciliation') }}

where landed_count != accepted_count + rejected_count + duplicate_count + erased_count
