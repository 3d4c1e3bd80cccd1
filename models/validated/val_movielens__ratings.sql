{#-
    One row per staged record of movielens.ratings, with the contract rules that it
    breaks.
-#}
-- depends_on: {{ ref('tenant_settings') }}

with

staged as (
    select * from {{ ref('stg_movielens__ratings') }}
),

judged as (
    select
        *,
        {{ rejection_reasons('movielens', 'ratings') }} as rejection_reasons
    from staged
),

verdicts as (
    select {{ validated_columns('movielens', 'ratings') }}
    from judged
)

select * from verdicts
