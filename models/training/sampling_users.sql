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

users as (

    select
        tenant_id,
        user_id,
        user_index

    from {{ ref('users') }}

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
        positive_counts.tenant_id,
        positive_counts.user_id,
        positive_counts.positive_count,
        positive_counts.test_positive_count,
        users.user_index,
        row_number() over (
            order by positive_counts.tenant_id asc, positive_counts.user_id asc
        ) as user_number

    from positive_counts

    inner join users
        on positive_counts.tenant_id = users.tenant_id
        and positive_counts.user_id = users.user_id

)

select * from sampling_users
