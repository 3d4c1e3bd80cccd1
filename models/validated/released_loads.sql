{#-
    One row per load that somebody released, and per load of corrections of one: what a
    gate says of it is told, and holds nothing.
-#}

{{ config(materialized="view") }}

with

loads as (
    select
        tenant_id,
        source,
        load_id
    from {{ ref('stg_winnow__loads') }}
    where released_at is not null
),

loaded_files as (
    select
        tenant_id,
        source,
        load_id,
        corrects_load_id
    from {{ ref('stg_winnow__loaded_files') }}
    where corrects_load_id is not null
),

corrections as (
    select
        loaded_files.tenant_id,
        loaded_files.source,
        loaded_files.load_id
    from loaded_files
    inner join loads
        on loaded_files.tenant_id = loads.tenant_id
        and loaded_files.source = loads.source
        and loaded_files.corrects_load_id = loads.load_id
),

released_loads as (

    select * from loads
    union
    select * from corrections

)

select * from released_loads
