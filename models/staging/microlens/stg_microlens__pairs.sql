{#-
    One row per record of raw.microlens_pairs, typed and under canonical names;
    nothing is left out.
-#}

with

landed as (
    select * from {{ source('microlens', 'pairs') }}
),

cleaned as (
    select {{ cleaned_columns('microlens', 'pairs') }}
    from landed
),

staged as (
    select {{ staged_columns('microlens', 'pairs') }}
    from cleaned
)

select * from staged
