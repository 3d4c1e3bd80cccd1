{#-
    One row per staged record of microlens.pairs, with the contract rules that it
    breaks.
-#}
-- depends_on: {{ ref('tenant_settings') }}
-- depends_on: {{ ref('tenant_times') }}

with

staged as (
    select * from {{ ref('stg_microlens__pairs') }}
),

judged as (
    select
        *,
        {{ rejection_reasons('microlens', 'pairs') }} as rejection_reasons
    from staged
),

verdicts as (
    select {{ validated_columns('microlens', 'pairs') }}
    from judged
)

select * from verdicts
