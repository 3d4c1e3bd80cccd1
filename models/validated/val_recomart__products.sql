{#-
    One row per staged record of recomart.products, with the contract rules that it
    breaks.
-#}

with

staged as (
    select * from {{ ref('stg_recomart__products') }}
),

judged as (
    select
        *,
        {{ rejection_reasons('recomart', 'products') }} as rejection_reasons
    from staged
),

verdicts as (
    select {{ validated_columns('recomart', 'products') }}
    from judged
)

select * from verdicts
