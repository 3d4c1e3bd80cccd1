{#-
    One row per record of raw.canonical_interactions, typed and under canonical
    names; nothing is left out.
-#}
-- depends_on: {{ ref('tenant_settings') }}

with

landed as (
    select * from {{ source('canonical', 'interactions') }}
),

cleaned as (
    select {{ cleaned_columns('canonical', 'interactions') }}
    from landed
),

staged as (
    select {{ staged_columns('canonical', 'interactions') }}
    from cleaned
)

select * from staged
