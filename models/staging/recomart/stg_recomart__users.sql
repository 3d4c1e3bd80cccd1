{#-
    One row per record of raw.recomart_users, typed and under canonical names;
    nothing is left out.
-#}

with

landed as (
    select * from {{ source('recomart', 'users') }}
),

cleaned as (
    select {{ cleaned_columns('recomart', 'users') }}
    from landed
),

staged as (
    select {{ staged_columns('recomart', 'users') }}
    from cleaned
)

select * from staged
