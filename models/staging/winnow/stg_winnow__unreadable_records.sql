{#-
    One row per record that could not be read; a view of
    raw.winnow_unreadable_records.
-#}

with

landed as (

    select
        tenant_id,
        source,
        entity,
        reason,
        raw_record,
        detail,
        file,
        row_number,
        line_number,
        file_sha256,
        load_id,
        loaded_at

    from {{ source('winnow', 'unreadable_records') }}

)

select * from landed
