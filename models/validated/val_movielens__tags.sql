{#-
    One row per staged record of movielens.tags, with the contract rules that it
    breaks.
-#}
-- depends_on: {{ ref('tenant_settings') }}

with

staged as (
    select * from {{ ref('stg_movielens__tags') }}
),

judged as (
    select
        *,
        {{ rejection_reasons('movielens', 'tags') }} as rejection_reasons
    from staged
),

verdicts as (
    select {{ validated_columns('movielens', 'tags') }}
    from judged
)

select * from verdicts
