{#-
    One row per record of raw.microlens_titles, typed and under canonical names;
    nothing is left out.
-#}

with

landed as (
    select * from {{ source('microlens', 'titles') }}
),

cleaned as (
    select {{ cleaned_columns('microlens', 'titles') }}
    from landed
),

staged as (
    select {{ staged_columns('microlens', 'titles') }}
    from cleaned
)

select * from staged
