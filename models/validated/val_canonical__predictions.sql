{#-
    One row per staged record of canonical.predictions, with the contract rules that
    it breaks.
-#}

with

staged as (
    select * from {{ ref('stg_canonical__predictions') }}
),

judged as (
    select
        *,
        {{ rejection_reasons('canonical', 'predictions') }} as rejection_reasons
    from staged
),

verdicts as (
    select {{ validated_columns('canonical', 'predictions') }}
    from judged
)

select * from verdicts
