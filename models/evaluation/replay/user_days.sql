{#-
    One row per tenant, scope and evaluated user: the day of the replayed traffic
    (evaluation.batches) on which the last of the user's test interactions came, and who
    all had come until then. From that day on the user's metrics are what they stay; a
    user whose test interactions are in no batch comes on the last day. No rows for a
    scope without batches.
-#}

with

user_metrics as (
    select
        tenant_id,
        user_id,
        split_name,
        fold
    from {{ ref('user_metrics') }}
),

batches as (
    select
        tenant_id,
        interaction_id,
        split_name,
        fold,
        day
    from {{ ref('batches') }}
),

interactions as (
    select
        tenant_id,
        interaction_id,
        user_id
    from {{ ref('interactions') }}
),

last_days as (
    select
        tenant_id,
        split_name,
        fold,
        max(day) as day
    from batches
    group by all
),

evaluated_users as (

    select
        user_metrics.tenant_id,
        user_metrics.user_id,
        user_metrics.split_name,
        user_metrics.fold,
        last_days.day as last_day

    from user_metrics

    inner join last_days
        on user_metrics.tenant_id = last_days.tenant_id
        and user_metrics.split_name = last_days.split_name
        and user_metrics.fold = last_days.fold

    group by all

),

last_days_of_users as (

    select
        batches.tenant_id,
        interactions.user_id,
        batches.split_name,
        batches.fold,
        max(batches.day) as day

    from batches

    inner join interactions
        on batches.tenant_id = interactions.tenant_id
        and batches.interaction_id = interactions.interaction_id

    group by all

),

user_days as (

    select
        evaluated_users.tenant_id,
        evaluated_users.user_id,
        evaluated_users.split_name,
        evaluated_users.fold,
        coalesce(last_days_of_users.day, evaluated_users.last_day) as day

    from evaluated_users

    left join last_days_of_users
        on evaluated_users.tenant_id = last_days_of_users.tenant_id
        and evaluated_users.split_name = last_days_of_users.split_name
        and evaluated_users.fold = last_days_of_users.fold
        and evaluated_users.user_id = last_days_of_users.user_id

)

select * from user_days
