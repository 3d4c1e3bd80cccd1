{#-
    One row per accepted user profile of any source, under one set of names, with
    its rank among the profiles of the same user. Profiles of earlier states have no
    rank 1. Files that are held or replaced are left out.
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
    where state not in ('counts', 'earlier')
),

earlier_files as (
    select
        tenant_id,
        source,
        entity,
        file,
        load_id
    from {{ ref('file_states') }}
    where state = 'earlier'
),

movielens as (

    select
        tenant_id,
        user_id,
        'movielens' as source,
        'users' as entity,
        lower(gender) as gender,
        occupation,
        cast(null as varchar) as country,
        postal_code,
        file,
        load_id,
        age,
        row_number,
        cast(null as timestamp) as registered_at,
        loaded_at

    from {{ ref('val_movielens__users') }}

    where is_accepted

),

recomart as (

    select
        tenant_id,
        user_id,
        'recomart' as source,
        'users' as entity,
        lower(gender) as gender,
        cast(null as varchar) as occupation,
        country,
        cast(null as varchar) as postal_code,
        file,
        load_id,
        age,
        row_number,
        registered_at,
        loaded_at

    from {{ ref('val_recomart__users') }}

    where is_accepted

),

canonical as (

    select
        tenant_id,
        user_id,
        'canonical' as source,
        'users' as entity,
        lower(gender) as gender,
        cast(null as varchar) as occupation,
        country,
        cast(null as varchar) as postal_code,
        file,
        load_id,
        age,
        row_number,
        registered_at,
        loaded_at

    from {{ ref('val_canonical__users') }}

    where is_accepted

),

accepted as (

    select * from movielens
    union all
    select * from recomart
    union all
    select * from canonical

),

standing as (

    select
        accepted.*,
        earlier_files.load_id is not null as is_earlier

    from accepted

    left join earlier_files
        on accepted.tenant_id = earlier_files.tenant_id
        and accepted.source = earlier_files.source
        and accepted.entity = earlier_files.entity
        and accepted.load_id = earlier_files.load_id
        and accepted.file = earlier_files.file

    anti join left_out_files
        on accepted.tenant_id = left_out_files.tenant_id
        and accepted.source = left_out_files.source
        and accepted.entity = left_out_files.entity
        and accepted.load_id = left_out_files.load_id
        and accepted.file = left_out_files.file

),

ranked as (

    select
        tenant_id,
        user_id,
        source,
        entity,
        gender,
        occupation,
        country,
        postal_code,
        file,
        load_id,
        age,
        row_number,
        {{ duplicate_rank(['tenant_id', 'user_id'], 'is_earlier') }}
        + cast(is_earlier as bigint) as duplicate_rank,
        {{ repeats_in_load(['tenant_id', 'user_id'], 'is_earlier') }} as is_repeat,
        registered_at,
        loaded_at

    from standing

)

select * from ranked
