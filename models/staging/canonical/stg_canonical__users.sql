{#-
    One row per record of raw.canonical_users, typed and under canonical names;
    nothing is left out.
-#}

with

landed as (
    select * from {{ source('canonical', 'users') }}
),

cleaned as (
    select {{ cleaned_columns('canonical', 'users') }}
    from landed
),

staged as (
    select {{ staged_columns('canonical', 'users') }}
    from cleaned
)

select * from staged
