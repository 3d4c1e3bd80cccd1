{#-
    One row per corrected record that was loaded in place of a refused one; a view of
    raw.winnow_replayed_records.
-#}

with

landed as (

    select
        tenant_id,
        source,
        entity,
        rejected_id,
        contract_version,
        payload_sha256,
        file,
        load_id,
        row_number,
        line_number,
        attempt,
        replayed_at

    from {{ source('winnow', 'replayed_records') }}

)

select * from landed
