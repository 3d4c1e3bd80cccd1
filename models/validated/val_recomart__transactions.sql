{#-
    One row per staged record of recomart.transactions, with the contract rules that
    it breaks.
-#}
-- depends_on: {{ ref('tenant_settings') }}
-- depends_on: {{ ref('event_types') }}

with

staged as (
    select * from {{ ref('stg_recomart__transactions') }}
),

judged as (
    select
        *,
        {{ rejection_reasons('recomart', 'transactions') }} as rejection_reasons
    from staged
),

verdicts as (
    select {{ validated_columns('recomart', 'transactions') }}
    from judged
)

select * from verdicts
