{#-
    One row per tenant and user with a positive: how many of the tenant's items the user
    has never touched, and how many negatives each of the user's positives gets.
-#}

with

items as (

    select
        tenant_id,
        count(*) as item_count

    from {{ ref('items') }}

    group by tenant_id

),

tenants as (

    select
        tenant_id,
        negative_ratio

    from {{ ref('tenants') }}

),

interactions as (

    select
        tenant_id,
        user_id,
        count(distinct item_id) as touched_count,
        count(*) filter (where is_positive) as positive_count

    from {{ ref('interactions') }}

    group by
        tenant_id,
        user_id

),

user_pools as (

    select
        interactions.tenant_id,
        interactions.user_id,
        interactions.positive_count,
        items.item_count,
        items.item_count - interactions.touched_count as pool_size,
        tenants.negative_ratio,
        least(
            tenants.negative_ratio, items.item_count - interactions.touched_count
        ) as draw_count,
        row_number() over (
            order by interactions.tenant_id asc, interactions.user_id asc
        ) as user_number

    from interactions

    inner join items
        on interactions.tenant_id = items.tenant_id

    inner join tenants
        on interactions.tenant_id = tenants.tenant_id

    where interactions.positive_count > 0

)

select * from user_pools
