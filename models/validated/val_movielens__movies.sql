{#-
    One row per staged record of movielens.movies, with the contract rules that it
    breaks.
-#}

with

staged as (
    select * from {{ ref('stg_movielens__movies') }}
),

judged as (
    select
        *,
        {{ rejection_reasons('movielens', 'movies') }} as rejection_reasons
    from staged
),

verdicts as (
    select {{ validated_columns('movielens', 'movies') }}
    from judged
)

select * from verdicts
