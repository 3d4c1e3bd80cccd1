{#-
    One row per staged record of recomart.users, with the contract rules that it
    breaks.
-#}

with

staged as (
    select * from {{ ref('stg_recomart__users') }}
),

judged as (
    select
        *,
        {{ rejection_reasons('recomart', 'users') }} as rejection_reasons
    from staged
),

verdicts as (
    select {{ validated_columns('recomart', 'users') }}
    from judged
)

select * from verdicts
