{#-
    One row per correction that was not loaded, because something else was accepted
    under its id; a view of raw.winnow_replay_conflicts.
-#}

with

landed as (

    select
        tenant_id,
        source,
        entity,
        rejected_id,
        reason,
        payload,
        payload_sha256,
        file,
        load_id,
        row_number,
        line_number,
        replayed_at

    from {{ source('winnow', 'replay_conflicts') }}

)

select * from landed
