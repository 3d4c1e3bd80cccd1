{#-
    One row per staged record of movielens.users, with the contract rules that it
    breaks.
-#}

with

staged as (
    select * from {{ ref('stg_movielens__users') }}
),

judged as (
    select
        *,
        {{ rejection_reasons('movielens', 'users') }} as rejection_reasons
    from staged
),

verdicts as (
    select {{ validated_columns('movielens', 'users') }}
    from judged
)

select * from verdicts
