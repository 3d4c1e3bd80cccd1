{#-
    One row per staged record of canonical.items, with the contract rules that it
    breaks.
-#}

with

staged as (
    select * from {{ ref('stg_canonical__items') }}
),

judged as (
    select
        *,
        {{ rejection_reasons('canonical', 'items') }} as rejection_reasons
    from staged
),

verdicts as (
    select {{ validated_columns('canonical', 'items') }}
    from judged
)

select * from verdicts
