{#-
    One row per staged record of canonical.users, with the contract rules that it
    breaks.
-#}

with

staged as (
    select * from {{ ref('stg_canonical__users') }}
),

judged as (
    select
        *,
        {{ rejection_reasons('canonical', 'users') }} as rejection_reasons
    from staged
),

verdicts as (
    select {{ validated_columns('canonical', 'users') }}
    from judged
)

select * from verdicts
