{#-
    One row per staged record of microlens.titles, with the contract rules that it
    breaks.
-#}

with

staged as (
    select * from {{ ref('stg_microlens__titles') }}
),

judged as (
    select
        *,
        {{ rejection_reasons('microlens', 'titles') }} as rejection_reasons
    from staged
),

verdicts as (
    select {{ validated_columns('microlens', 'titles') }}
    from judged
)

select * from verdicts
