{#-
    One row per accepted user profile of any source, under one set of names, with
    its rank among the profiles of the same user. Profiles of earlier states have no
    rank 1. Files that are held or replaced are left out.
-#}

with

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

{{ standing_records() }},

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
