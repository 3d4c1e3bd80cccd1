{#-
    One row per record of raw.canonical_predictions, typed and under canonical
    names; nothing is left out.
-#}

with

landed as (
    select * from {{ source('canonical', 'predictions') }}
),

cleaned as (
    select {{ cleaned_columns('canonical', 'predictions') }}
    from landed
),

staged as (
    select {{ staged_columns('canonical', 'predictions') }}
    from cleaned
)

select * from staged
