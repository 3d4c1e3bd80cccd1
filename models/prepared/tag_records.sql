{#-
    One row per accepted tag record, with its rank among the records of the same
    user, item and tag (in any case).
-#}

with

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
