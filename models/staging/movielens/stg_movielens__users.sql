{#-
    One row per record of raw.movielens_users, typed and under canonical names;
    nothing is left out.
-#}

with

landed as (
    select * from {{ source('movielens', 'users') }}
),

cleaned as (
    select {{ cleaned_columns('movielens', 'users') }}
    from landed
),

staged as (
    select {{ staged_columns('movielens', 'users') }}
    from cleaned
)

select * from staged
