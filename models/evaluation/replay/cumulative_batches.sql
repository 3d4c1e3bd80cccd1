{#-
    One row per tenant, split, fold and test interaction of the days that are done: the
    data that has come in so far. The set as it stood after day N is `where day <= N`. A
    view, so that a day is in it as soon as it is done, and never before.
-#}

{{ config(materialized="view") }}

with

batches as (
    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        split_name,
        fold,
        day,
        interacted_at
    from {{ ref('batches') }}
),

done_days as (
    select
        tenant_id,
        split_name,
        fold,
        day
    from {{ ref('batch_runs') }}
    where state = 'done'
),

cumulative_batches as (
    select batches.*
    from batches
    inner join done_days
        on batches.tenant_id = done_days.tenant_id
        and batches.split_name = done_days.split_name
        and batches.fold = done_days.fold
        and batches.day = done_days.day
)

select * from cumulative_batches
