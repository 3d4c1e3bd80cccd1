{#-
    One row per tenant and user with a positive: the number that stands for the user
    in the sampling tables. A number is faster to join than two texts; it holds for one
    build only.
-#}

with

positives as (
    select
        user_key,
        split
    from {{ ref('positives') }}
),

users as (
    select
        tenant_id,
        user_id,
        user_index,
        user_key
    from {{ ref('users') }}
),

positive_counts as (
    select
        user_key,
        count(*) as positive_count,
        count(*) filter (where split = 'test') as test_positive_count
    from positives
    group by user_key
),

sampling_users as (

    select
        users.tenant_id,
        users.user_id,
        positive_counts.positive_count,
        positive_counts.test_positive_count,
        users.user_index,
        users.user_key,
        row_number() over (order by users.tenant_id asc, users.user_id asc)
            as user_number

    from positive_counts

    inner join users
        on positive_counts.user_key = users.user_key

)

select * from sampling_users
