{#-
    One row per tenant and code: 1, 2, 3, ... in the order of the load that first brought
    the user, ties by user_id; 0 is left for padding and for what is unknown. Rows are only
    ever added, also with --full-refresh, so that a code means the same user for good: an
    erased user's row stays with a null user_id, and its code is never given again.
-#}

{{ config(
    materialized="incremental",
    incremental_strategy="append",
    full_refresh=false,
    on_schema_change="fail",
) }}

{{ stable_codes('user') }}
