{#-
    One row per record of raw.movielens_tags, typed and under canonical names;
    nothing is left out.
-#}

with

landed as (
    select * from {{ source('movielens', 'tags') }}
),

cleaned as (
    select {{ cleaned_columns('movielens', 'tags') }}
    from landed
),

staged as (
    select {{ staged_columns('movielens', 'tags') }}
    from cleaned
)

select * from staged
