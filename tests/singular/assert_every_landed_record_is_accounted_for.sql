{#-
    Conservation: landed = accepted + rejected + duplicate + held + replaced + erased, for
    every tenant, source, entity and load.
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
    held_count,
    replaced_count,
    erased_count

from {{ ref('reconciliation') }}

where
    landed_count != accepted_count
    + rejected_count
    + duplicate_count
    + held_count
    + replaced_count
    + erased_count
