{#-
    One row per record of raw.recomart_products, typed and under canonical names;
    nothing is left out.
-#}

with

landed as (
    select * from {{ source('recomart', 'products') }}
),

cleaned as (
    select {{ cleaned_columns('recomart', 'products') }}
    from landed
),

staged as (
    select {{ staged_columns('recomart', 'products') }}
    from cleaned
)

select * from staged
