{#-
    One row per tenant, split, fold and day of a plan that was begun: what its newest run
    came to. A table of `winnow batches`, which alone writes it: a build makes it, empty,
    and then leaves it alone.
-#}

{{ config(
    materialized="incremental",
    incremental_strategy="append",
    full_refresh=false,
    on_schema_change="fail",
) }}

{{ get_empty_schema_sql(model.columns) }}
where false
