{#-
    One row per record of raw.recomart_transactions, typed and under canonical
    names; nothing is left out.
-#}
-- depends_on: {{ ref('tenant_settings') }}

with

landed as (
    select * from {{ source('recomart', 'transactions') }}
),

cleaned as (
    select {{ cleaned_columns('recomart', 'transactions') }}
    from landed
),

staged as (
    select {{ staged_columns('recomart', 'transactions') }}
    from cleaned
)

select * from staged
