{#-
    One row per tenant, user and recency rank: the newest interactions of each user,
    as many as the var recent_items_count. interaction_order runs 1..n without gaps,
    so that the rank follows from n, without sorting the interactions again.
-#}

with

interactions as (
    select
        tenant_id,
        interaction_id,
        user_id,
        item_id,
        event_type,
        user_key,
        interaction_order,
        interacted_at
    from {{ ref('interactions') }}
),

tenants as (
    select
        tenant_id,
        last_interacted_at
    from {{ ref('tenants') }}
),

history_lengths as (
    select
        user_key,
        max(interaction_order) as interaction_count
    from interactions
    group by user_key
),

recent_items as (

    select
        interactions.tenant_id,
        interactions.user_id,
        interactions.interaction_id,
        interactions.item_id,
        interactions.event_type,
        history_lengths.interaction_count - interactions.interaction_order + 1
            as recency_rank,
        interactions.interacted_at,
        {{ first_instant_after('tenants.last_interacted_at') }} as as_of

    from interactions

    inner join history_lengths
        on interactions.user_key = history_lengths.user_key

    left join tenants
        on interactions.tenant_id = tenants.tenant_id

    where
        interactions.interaction_order
        > history_lengths.interaction_count - {{ var('recent_items_count') }}

)

select * from recent_items
