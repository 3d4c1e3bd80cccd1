{#-
    One row per tenant and user with a positive: the number that stands for the user
    in the sampling tables. A number is faster to join than two texts; it holds for one
    build only.
-#}

with

positives as (

    select
        tenant_id,
        user_id,
        split

    from {{ ref('positives') }}

),

positive_counts as (

    select
        tenant_id,
        user_id,
        count(*) as positive_count,
        count(*) filter (where split = 'test') as test_positive_count

    from positives

    group by
        tenant_id,
        user_id

),

sampling_users as (

    select
        tenant_id,
        user_id,
        positive_count,
        test_positive_count,
        row_number() over (order by tenant_id asc, user_id asc) as user_number

    from positive_counts

)

select * from sampling_users
