{#-
    One row per accepted tag record of files that count, with its rank among the records of the same
    user, item and tag (in any case).
-#}

with

left_out_files as (
    select
        tenant_id,
        source,
        entity,
        file,
        load_id
    from {{ ref('file_states') }}
    where state not in ('counts')
),

accepted as (

    select
        tenant_id,
        user_id,
        item_id,
        lower(tag) as tag,
        'movielens' as source,
        'tags' as entity,
        file,
        load_id,
        row_number,
        tagged_at,
        loaded_at

    from {{ ref('val_movielens__tags') }}

    where is_accepted

),

ranked as (

    select
        *,
        {{ duplicate_rank([
            'tenant_id', 'user_id', 'item_id', 'tag'
        ]) }} as duplicate_rank,
        {{ repeats_in_load([
            'tenant_id', 'user_id', 'item_id', 'tag'
        ]) }} as is_repeat

    from accepted

    anti join left_out_files
        on accepted.tenant_id = left_out_files.tenant_id
        and accepted.source = left_out_files.source
        and accepted.entity = left_out_files.entity
        and accepted.load_id = left_out_files.load_id
        and accepted.file = left_out_files.file

),

tag_records as (

    select
        tenant_id,
        user_id,
        item_id,
        tag,
        source,
        entity,
        file,
        load_id,
        row_number,
        duplicate_rank,
        is_repeat,
        tagged_at,
        loaded_at

    from ranked

)

select * from tag_records
