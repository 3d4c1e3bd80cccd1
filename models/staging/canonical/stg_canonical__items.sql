{#-
    One row per record of raw.canonical_items, typed and under canonical names;
    nothing is left out.
-#}

with

landed as (
    select * from {{ source('canonical', 'items') }}
),

cleaned as (
    select {{ cleaned_columns('canonical', 'items') }}
    from landed
),

staged as (
    select {{ staged_columns('canonical', 'items') }}
    from cleaned
)

select * from staged
