{#-
    One row per tenant and code: 1, 2, 3, ... in the order of the load that first brought
    the item, ties by item_id; 0 is left for padding and for what is unknown. Rows are only
    ever added, also with --full-refresh, so that a code means the same item for good: an
    erased item's row stays with a null item_id, and its code is never given again.
-#}

{{ config(
    materialized="incremental",
    incremental_strategy="append",
    full_refresh=false,
    on_schema_change="fail",
) }}

{{ stable_codes('item') }}
