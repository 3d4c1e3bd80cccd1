{#-
    One row per tenant and user whose untouched items are fewer than the negatives that
    each positive should get: each gets all of them, and this is what is missing.
-#}

with

user_pools as (

    select
        tenant_id,
        user_id,
        positive_count,
        pool_size,
        positive_count * negative_ratio as requested_count,
        positive_count * draw_count as drawn_count,
        positive_count * (negative_ratio - draw_count) as shortfall_count

    from {{ ref('user_pools') }}

    where draw_count < negative_ratio

)

select * from user_pools
