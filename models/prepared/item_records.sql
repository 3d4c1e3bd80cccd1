{#-
    One row per accepted catalogue record of any source, under one set of names,
    with its rank among the records of the same item. Categories are texts parted by
    `|`, in the source's order. Records of a catalogue's earlier states are history: none
    of them has rank 1. Files that are held or replaced are left out.
-#}

{%- set ml_100k_genres = [
    'unknown', 'Action', 'Adventure', 'Animation', "Children's", 'Comedy', 'Crime',
    'Documentary', 'Drama', 'Fantasy', 'Film-Noir', 'Horror', 'Musical', 'Mystery',
    'Romance', 'Sci-Fi', 'Thriller', 'War', 'Western',
] %}

with

movielens as (

    select
        tenant_id,
        item_id,
        'movielens' as source,
        'movies' as entity,
        title,
        coalesce(
            nullif(genres, '(no genres listed)'),
            {{ flagged_names('genre_flags', ml_100k_genres) }}
        ) as category_path,
        cast(null as varchar) as brand,
        file,
        load_id,
        cast(null as double) as price,
        row_number,
        released_on,
        loaded_at

    from {{ ref('val_movielens__movies') }}

    where is_accepted

),

microlens as (

    select
        tenant_id,
        item_id,
        'microlens' as source,
        'titles' as entity,
        title,
        cast(null as varchar) as category_path,
        cast(null as varchar) as brand,
        file,
        load_id,
        cast(null as double) as price,
        row_number,
        cast(null as date) as released_on,
        loaded_at

    from {{ ref('val_microlens__titles') }}

    where is_accepted

),

recomart as (

    select
        tenant_id,
        item_id,
        'recomart' as source,
        'products' as entity,
        title,
        category as category_path,
        brand,
        file,
        load_id,
        price,
        row_number,
        cast(null as date) as released_on,
        loaded_at

    from {{ ref('val_recomart__products') }}

    where is_accepted

),

canonical as (

    select
        tenant_id,
        item_id,
        'canonical' as source,
        'items' as entity,
        title,
        category as category_path,
        brand,
        file,
        load_id,
        price,
        row_number,
        released_on,
        loaded_at

    from {{ ref('val_canonical__items') }}

    where is_accepted

),

accepted as (

    select * from movielens
    union all
    select * from microlens
    union all
    select * from recomart
    union all
    select * from canonical

),

{{ standing_records() }},

ranked as (

    select
        tenant_id,
        item_id,
        source,
        entity,
        title,
        category_path,
        brand,
        file,
        load_id,
        price,
        row_number,
        {{ duplicate_rank(['tenant_id', 'item_id'], 'is_earlier') }}
        + cast(is_earlier as bigint) as duplicate_rank,
        {{ repeats_in_load(['tenant_id', 'item_id'], 'is_earlier') }} as is_repeat,
        released_on,
        loaded_at

    from standing

)

select * from ranked
