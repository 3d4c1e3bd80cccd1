{#-
    One row per staged record of canonical.interactions, with the contract rules
    that it breaks.
-#}
-- depends_on: {{ ref('tenant_settings') }}
-- depends_on: {{ ref('tenant_times') }}
-- depends_on: {{ ref('event_types') }}

with

staged as (
    select * from {{ ref('stg_canonical__interactions') }}
),

judged as (
    select
        *,
        {{ rejection_reasons('canonical', 'interactions') }} as rejection_reasons
    from staged
),

verdicts as (
    select {{ validated_columns('canonical', 'interactions') }}
    from judged
)

select * from verdicts
