{#-
    One row per record of raw.movielens_movies, typed and under canonical names;
    nothing is left out.
-#}

with

landed as (
    select * from {{ source('movielens', 'movies') }}
),

cleaned as (
    select {{ cleaned_columns('movielens', 'movies') }}
    from landed
),

staged as (
    select {{ staged_columns('movielens', 'movies') }}
    from cleaned
)

select * from staged
