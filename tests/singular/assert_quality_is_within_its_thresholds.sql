{#-
    Of this build only: earlier builds are history. `winnow build` leaves this test out
    and says the same with examples.
-#}

select
    tenant_id,
    source,
    entity,
    dimension,
    value,
    threshold

from {{ ref('metrics') }}

where
    status = 'failed'
    and severity = 'error'
    and build_id = {{ build_id() }}
