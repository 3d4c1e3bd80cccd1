{#-
    One row per record of raw.movielens_ratings, typed and under canonical names;
    nothing is left out.
-#}
-- depends_on: {{ ref('tenant_settings') }}

with

landed as (
    select * from {{ source('movielens', 'ratings') }}
),

cleaned as (
    select {{ cleaned_columns('movielens', 'ratings') }}
    from landed
),

staged as (
    select {{ staged_columns('movielens', 'ratings') }}
    from cleaned
)

select * from staged
