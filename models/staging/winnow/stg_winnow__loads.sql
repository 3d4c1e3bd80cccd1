{#-
    One row per load that the raw tables hold; a view of raw.winnow_loads.
-#}

with

landed as (
    select
        tenant_id,
        source,
        load_id,
        ledger_number,
        released_at,
        loaded_at
    from {{ source('winnow', 'loads') }}
)

select * from landed
