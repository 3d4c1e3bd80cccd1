{#-
    The loads that are held, and why. A warning: the rest is built without them, and
    `winnow build` says the same with rows and advice. A held load whose files were
    loaded again later waits for nothing.
-#}

{{ config(severity="warn") }}

select
    tenant_id,
    source,
    entity,
    load_id,
    reason

from {{ ref('load_verdicts') }}

where
    verdict = 'held'
    and not is_superseded
