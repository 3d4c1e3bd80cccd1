{#-
    One row per file and load that the loaders recorded; a view of
    raw.winnow_loaded_files.
-#}

with

landed as (

    select
        tenant_id,
        source,
        entity,
        file,
        file_sha256,
        read_options,
        row_limit,
        file_size_bytes,
        record_count,
        unreadable_count,
        lake_file,
        feed,
        coalesce(mode, 'append') as mode,
        coalesce(path, file) as path,
        corrects_load_id,
        corrects_file,
        load_id,
        received_at,
        loaded_at

    from {{ source('winnow', 'loaded_files') }}

)

select * from landed
