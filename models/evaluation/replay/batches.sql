{#-
    One row per tenant, split, fold and test interaction of a split that is replayed as
    days of traffic: its day. A table of `winnow batches`, which alone writes it: a build
    makes it, empty, and then leaves it alone.
-#}

{{ config(
    materialized="incremental",
    incremental_strategy="append",
    full_refresh=false,
    on_schema_change="fail",
) }}

{{ get_empty_schema_sql(model.columns) }}
where false
